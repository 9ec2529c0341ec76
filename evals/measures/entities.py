"""Entities in text: right only where type, start and end all are.

Statistics: (n, 3 T): for each type the entities of the row that are right, given, true.

`f1` counts all types together, `macro_f1` is the mean over the types that are true or
given somewhere: seqeval's micro and macro averages in strict IOB2 mode.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import chain

import numpy as np

from ..metrics import FloatArray, IntArray
from .labelsets import precision_recall
from .sums import additive, f1

NAMES = ("f1", "macro_f1")

Entity = tuple[str, int, int]  # type, start, end (exclusive), in tokens or characters


def entities(tags: Sequence[str]) -> list[Entity]:
    """Read the entities of BIO tags, strictly: one begins with B-, an I- without it is none."""
    found: list[Entity] = []
    kind, start = "", 0
    for i, tag in enumerate(chain(tags, ["O"])):
        if kind and tag != f"I-{kind}":
            found.append((kind, start, i))
            kind = ""
        if tag.startswith("B-"):
            kind, start = tag[2:], i
    return found


def rows(
    true: Sequence[Collection[Entity]],
    given: Sequence[Collection[Entity]],
    types: Sequence[str],
) -> FloatArray:
    """Make the statistics of n rows.

    Args:
        true, given: The entities of each row, in the same units.
        types: All there are, the same for every model.
    """
    column = {name: i for i, name in enumerate(types)}
    stats = np.zeros((len(true), 3, len(types)))
    for row, a, b in zip(stats, map(set, true), map(set, given), strict=True):
        for part, found in enumerate((a & b, b, a)):
            for kind, _, _ in found:
                row[part, column[kind]] += 1
    return stats.reshape(len(true), -1)


def over(metric: str, stats: FloatArray) -> Callable[[IntArray], float]:
    """Prepare a metric for many selections of rows."""
    return additive(stats, _micro if metric == "f1" else _macro)


def wrong(stats: FloatArray) -> FloatArray:
    """The number of entities that are missing or too many."""
    hits, given, true = (part.sum(axis=1) for part in np.split(stats, 3, axis=1))
    return np.asarray(given + true - 2 * hits)


def by_type(stats: FloatArray) -> FloatArray:
    """Give precision, recall, F1 and the number of true entities by type: (T, 4)."""
    return precision_recall(*np.split(stats.sum(axis=0), 3))


def _micro(sums: FloatArray) -> float:
    return float(f1(*(part.sum() for part in np.split(sums, 3))))


def _macro(sums: FloatArray) -> float:
    hits, given, true = np.split(sums, 3)
    seen = (given + true) > 0
    return float(f1(hits, given, true)[seen].mean()) if seen.any() else 0.0
