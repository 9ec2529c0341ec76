"""Relations join things of certain types: what the types of head and tail rule out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from ...evals.measures.relations import relation
from ..datasets.types import Row, Split
from ..tasks.task import Answer
from ..training.linear import softmax
from .facts import DomainFacts, Signature, folded, phrase_key
from .fired import Fired

FLOOR = 1e-9
_REVERSED = "(e2,e1)"


def with_types(
    facts: DomainFacts, split: Split, answers: Sequence[Answer], strength: float
) -> list[Answer]:
    """Make a relation less likely for each end whose type it does not join.

    An end whose type is not known rules nothing out; of one that is, what the graph does not
    say is taken as false, which only data can justify. Each wrong end costs `strength`, in log
    odds.
    """
    labels = tuple(answers[0]["_labels"])
    ends = [_ends(facts, label) for label in labels]
    look = cache(lambda text: types_of(facts, text))
    out = []
    for row, answer in zip(split.rows, answers, strict=True):
        types = [_said(facts, row[side]) or look(row[side]["text"]) for side in ("head", "tail")]
        wrong = np.array([_wrong(end, types) for end in ends], np.float64)
        if not wrong.any():
            out.append(answer)
            continue
        logs = np.log(np.maximum(np.asarray(answer["_probabilities"], np.float64), FLOOR))
        now = softmax(logs - strength * wrong)
        best = int(now.argmax())
        changed = {
            **answer,
            "label": labels[best],
            "score": round(float(now[best]), 6),
            "_probabilities": now,
        }
        if labels[best] != answer["label"]:
            signature = facts.signatures.get(relation(answer["label"]))
            found = tuple(t for known in types for t in known[:1])
            fired = Fired(
                source="types",
                iris=((signature.iri,) if signature else ()) + found,
                said=f"{labels[best]} instead of {answer['label']}, which does not join "
                f"{row['head']['text']!r} and {row['tail']['text']!r} by their types",
            )
            changed = fired.noted(changed)
        out.append(changed)
    return out


def types_of(facts: DomainFacts, text: str) -> tuple[str, ...]:
    """The types of what a phrase names: the whole of it, else its last word, plural or not."""
    key = phrase_key(text)
    last = key.rsplit(" ", 1)[-1]
    for name in (key, last):
        for form in (name, name.removesuffix("s"), name.removesuffix("es"), _singular(name)):
            entry = facts.entries.get(form)
            if entry is not None and not (entry.cased and text[:1].islower()):
                return entry.types
    return ()


def _singular(word: str) -> str:
    return f"{word[:-3]}y" if word.endswith("ies") else word


def _said(facts: DomainFacts, span: Row) -> tuple[str, ...]:
    """The type that the row itself gives, with what stands above it."""
    said = span.get("type")
    return facts.types.get(folded(said), ()) if isinstance(said, str) else ()


def _ends(facts: DomainFacts, label: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The types that head and tail must have."""
    signature = facts.signatures.get(relation(label), Signature(iri=""))
    ends = (signature.domain, signature.range)
    return (ends[1], ends[0]) if label.replace(" ", "").endswith(_REVERSED) else ends


def _wrong(ends: tuple[tuple[str, ...], ...], types: Sequence[tuple[str, ...]]) -> int:
    """How many ends have a type that the relation does not join."""
    return sum(
        bool(wanted) and bool(known) and not set(wanted) & set(known)
        for wanted, known in zip(ends, types, strict=True)
    )
