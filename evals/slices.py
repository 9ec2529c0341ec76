"""Metrics of parts of a split: is the model as good on long texts, or in each language?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .measures import Selector, Stats, kind_of, n_rows, over, value
from .metrics import METRICS, IntArray, sliced_metric
from .statistics import interval

LEAST = 30  # rows of a slice that is judged; of smaller ones figures are shown
FEW = 5  # rows of a slice of which no figure is shown
BINS = 3
MOST = 12  # slices of a kind


@dataclass(frozen=True)
class Slice:
    """One metric over some rows, with its 95% interval; `judged` where rows are LEAST or more."""

    name: str
    rows: int
    value: float
    low: float
    high: float
    judged: bool = True


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
    """One metric over each part of FEW rows or more; smaller ones are left out.

    Args:
        metric: One that follows from `stats`; else there is nothing to give.
        stats: Of n rows.
        parts: Name -> positions of rows.
        seed: Of the bootstrap.
    """
    kind = kind_of(metric, stats)
    if kind is None:
        return []
    found = []
    for name, rows in parts.items():
        if len(rows) < FEW:
            continue
        own = {kind: stats[kind][rows]}
        figure, (low, high) = value(metric, own), interval(metric, own, seed=seed)
        if np.isfinite([figure, low, high]).all():
            found.append(Slice(name, len(rows), figure, low, high, len(rows) >= LEAST))
    return found


def worst_over(metric: str, stats: Stats, parts: Mapping[str, IntArray]) -> Selector | None:
    """Prepare the worst figure among the parts of LEAST rows or more, for selections of rows.

    Args:
        metric: One that follows from `stats`; None is returned where it does not.
        stats: Of n rows.
        parts: Name -> positions of rows; None is returned where none is large enough.
    """
    judged = [rows for rows in parts.values() if len(rows) >= LEAST]
    if not judged or kind_of(metric, stats) is None:
        return None
    inside = np.zeros((len(judged), n_rows(stats)), bool)
    for i, rows in enumerate(judged):
        inside[i, rows] = True
    select = over(metric, stats)
    worst = np.nanmin if METRICS[metric].direction == "higher" else np.nanmax

    def of(rows: IntArray) -> float:
        figures = [select(own) for part in inside if len(own := rows[part[rows]])]
        return float(worst(figures)) if not np.isnan(figures).all() else math.nan

    return of


def worst_of(names: Sequence[str], stats: Stats, parts: Mapping[str, IntArray]) -> dict[str, float]:
    """What each name like `min_slice(macro_f1)` measures; those that do not follow are left out.

    Args:
        names: Of metrics; those of no slices are passed over.
        stats: Of n rows.
        parts: Name -> positions of rows.
    """
    found = {}
    for name in names:
        metric = sliced_metric(name)
        select = None if metric is None else worst_over(metric, stats, parts)
        figure = math.nan if select is None else select(np.arange(n_rows(stats)))
        if not math.isnan(figure):
            found[name] = figure
    return found
