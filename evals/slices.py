"""Metrics of parts of a split: is the model as good on long texts, or in each language?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .measures import Stats, kind_of, value
from .metrics import IntArray
from .statistics import interval

LEAST = 30  # rows of a slice that figures are given of
BINS = 3
MOST = 12  # slices of a kind


@dataclass(frozen=True)
class Slice:
    """One metric over some rows, with its 95% interval."""

    name: str
    rows: int
    value: float
    low: float
    high: float


def by_length(texts: Sequence[str]) -> dict[str, IntArray]:
    """Rows of short, middling and long texts, by words, as alike in number as ties allow."""
    words = np.array([len(text.split()) for text in texts], np.int64)
    if not len(words):
        return {}
    edges = np.unique(np.quantile(words, np.linspace(0, 1, BINS + 1), method="nearest"))
    edges[-1] += 1
    found = {}
    for low, high in pairwise(edges):
        rows = np.flatnonzero((words >= low) & (words < high))
        found[f"{low} to {high - 1} words" if high - 1 > low else f"{low} words"] = rows
    return found if len(found) > 1 else {}


def by_value(values: Sequence[object], of: str) -> dict[str, IntArray]:
    """Rows by what they say of one field, such as their language; the most frequent of many."""
    said = np.array([str(v) for v in values])
    names, counts = np.unique(said, return_counts=True)
    if len(names) < 2:
        return {}
    kept = [str(names[i]) for i in np.argsort(-counts, kind="stable")[:MOST]]
    return {f"{of} {name}": np.flatnonzero(said == name) for name in kept}


def sliced(metric: str, stats: Stats, parts: Mapping[str, IntArray], *, seed: int) -> list[Slice]:
    """One metric over each part of LEAST rows or more; smaller ones are left out.

    Args:
        metric: One that follows from `stats`; else there is nothing to give.
        stats: Of n rows.
        parts: Name -> positions of rows.
        seed: Of the bootstrap.
    """
    if kind_of(metric, stats) is None:
        return []
    found = []
    for name, rows in parts.items():
        if len(rows) < LEAST:
            continue
        own = {kind: array[rows] for kind, array in stats.items()}
        figure, (low, high) = value(metric, own), interval(metric, own, seed=seed)
        if np.isfinite([figure, low, high]).all():
            found.append(Slice(name, len(rows), figure, low, high))
    return found
