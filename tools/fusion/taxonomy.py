"""Labels below a taxonomy: what the parents' scores say of the children."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...evals.metrics import FloatArray
from ..datasets.types import Split
from ..tasks.task import Answer
from ..training.linear import softmax
from .facts import DomainFacts
from .fired import Fired

FLOOR = 1e-9


def with_taxonomy(
    facts: DomainFacts, split: Split, answers: Sequence[Answer], strength: float
) -> list[Answer]:
    """Let each label's score be raised by those of the nodes above it.

    A parent's score is the sum of its children's (sum rule); a label's is its own times its
    parents' to the power of `strength`, scaled to sum to 1 (product rule): a label in a likely
    family beats one that is alone.

    Source: Bayesian aggregation along a hierarchy, after DeCoro, Barutcuoglu & Fiebrink 2007.
    """
    labels = tuple(answers[0]["_labels"])
    before = np.array([a["_probabilities"] for a in answers], np.float64)
    inner = facts.inner
    logs = np.log(np.maximum(before, FLOOR))
    raised = logs + strength * lift(logs, labels, inner)
    found = softmax(raised)
    return [_answer(facts, answer, labels, now) for answer, now in zip(answers, found, strict=True)]


def lift(logs: FloatArray, labels: Sequence[str], inner: dict[str, tuple[str, ...]]) -> FloatArray:
    """(n, L) log scores -> (n, L), the mean log score of each label's parents."""
    out, above = np.zeros_like(logs), np.zeros(len(labels))
    for members in inner.values():
        columns = [labels.index(m) for m in members if m in labels]
        if not columns:
            continue
        total = np.log(np.maximum(np.exp(logs[:, columns]).sum(axis=1), FLOOR))
        out[:, columns] += total[:, None]
        above[columns] += 1
    lone = above == 0  # is a family of its own
    return np.where(lone, logs, out / np.maximum(above, 1))


def _answer(facts: DomainFacts, answer: Answer, labels: tuple[str, ...], now: FloatArray) -> Answer:
    best = int(now.argmax())
    changed = {
        **answer,
        "label": labels[best],
        "score": round(float(now[best]), 6),
        "_probabilities": now,
    }
    if labels[best] == answer["label"]:
        return changed
    nodes = facts.ancestors.get(labels[best], ())
    node = next((n for n in nodes if n.iri in facts.inner), None)
    fired = Fired(
        source="taxonomy",
        iris=(facts.labels[labels[best]], *([node.iri] if node else [])),
        said=f"{labels[best]} instead of {answer['label']}: "
        + (f"{node.name} is the likelier family" if node else "its family is the less likely"),
    )
    return fired.noted(changed) if labels[best] in facts.labels else changed


def path_of(facts: DomainFacts, answer: Answer) -> list[dict[str, Any]]:
    """The way from the top of the taxonomy to an answer's label, each node with its score.

    A node's score is the sum over the labels below it; the last is the label itself.
    """
    label = str(answer["label"])
    nodes = facts.ancestors.get(label, ())
    if not nodes:
        return []
    position = {name: i for i, name in enumerate(answer["_labels"])}
    found = []
    for node in reversed(nodes):
        below = [x for x, above in facts.ancestors.items() if any(n.iri == node.iri for n in above)]
        columns = [position[x] for x in below if x in position]
        share = float(np.asarray(answer["_probabilities"])[columns].sum())
        found.append({"iri": node.iri, "name": node.name, "score": round(min(share, 1.0), 6)})
    return [*found, {"iri": facts.labels[label], "name": label, "score": answer["score"]}]


def backed_off(answer: Answer, certainty: float) -> Answer:
    """Answer with the nearest parent whose score reaches the certainty, where the label's doesn't.

    Where no node reaches it, the topmost one is answered: it is the surest. An answer without a
    path stays as it is.
    """
    path = answer.get("path") or []
    if not path or float(answer.get("score", 1)) >= certainty:
        return answer
    sure = next((n for n in reversed(path) if n["score"] >= certainty), path[0])
    return {**answer, "label": sure["name"], "score": sure["score"], "leaf": answer["label"]}
