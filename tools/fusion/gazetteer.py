"""Entities that the graph knows by name: a lean of the tagger towards their types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..datasets.types import Split
from ..datasets.words import spans_of
from ..deployment.tagger import tagged_answer
from ..tasks.task import Answer
from ..training.bio import best_tags
from .domain import LONGEST_PHRASE
from .facts import DomainFacts, Entry, phrase_key
from .fired import Fired


def with_gazetteer(
    facts: DomainFacts, split: Split, answers: Sequence[Answer], strength: float
) -> list[Answer]:
    """Raise the tags of words that the graph names, by `strength` in log odds, and decode anew."""
    tags = tuple(answers[0]["_known"])
    at = {tag: i for i, tag in enumerate(tags)}
    out = []
    for row, answer in zip(split.rows, answers, strict=True):
        named = list(mentions(row["tokens"], facts.entries))
        if not named:
            out.append(answer)
            continue
        raised = np.log(np.maximum(np.asarray(answer["_tag_scores"], np.float64), 1e-9))
        for start, end, entry in named:
            for kind in entry.types:
                for word in range(start, end):
                    column = at.get(f"{'B' if word == start else 'I'}-{kind}")
                    if column is not None:
                        raised[word, column] += strength
        found = np.exp(raised - raised.max(axis=1, keepdims=True))
        found /= found.sum(axis=1, keepdims=True)
        starts = np.array([0, len(found)], np.int64)
        best = best_tags(tags, found, starts, outside=answer["_outside"])
        changed = tagged_answer(row, tags, best, found, answer["_outside"])
        before, now = set(spans_of(answer["_tags"])), set(spans_of(changed["_tags"]))
        for start, end, entry in named:
            touched = [s for s in before ^ now if s.start < end and start < s.end]
            if touched:
                phrase = " ".join(row["tokens"][start:end])
                said = f"{phrase!r} is known as {', '.join(entry.types)}"
                changed = Fired(source="gazetteer", iris=(entry.iri,), said=said).noted(changed)
        out.append(changed)
    return out


def mentions(
    tokens: Sequence[str], entries: Mapping[str, Entry]
) -> Iterator[tuple[int, int, Entry]]:
    """The longest known phrases, from the left; none overlap.

    An entry that is written with a capital is not found in a word without one.
    """
    keys = [phrase_key(token) for token in tokens]
    start = 0
    while start < len(tokens):
        for end in range(min(len(tokens), start + LONGEST_PHRASE), start, -1):
            if not (keys[start] and keys[end - 1]):
                continue
            entry = entries.get(" ".join(key for key in keys[start:end] if key))
            if entry is not None and not (entry.cased and tokens[start][:1].islower()):
                yield start, end, entry
                start = end - 1
                break
        start += 1
