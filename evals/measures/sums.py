"""Metrics that follow from the sum of the rows' statistics, as most do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from ..metrics import FloatArray, IntArray

Finish = Callable[[FloatArray], float]


def additive(stats: FloatArray, finish: Finish) -> Callable[[IntArray], float]:
    """Prepare `finish`, a function of the (k,) sum of (n, k) statistics, for many selections."""
    n = len(stats)
    return lambda rows: finish(np.bincount(rows, minlength=n).astype(np.float64) @ stats)


def ratio(metric: str, stats: FloatArray) -> Callable[[IntArray], float]:
    """Prepare (n, 2) hits and opportunities: the share of hits, NaN without opportunity."""
    return additive(stats, lambda s: float(s[0] / s[1]) if s[1] else float("nan"))


def missed(stats: FloatArray) -> FloatArray:
    """The share of a row's opportunities that were missed, for the statistics of `ratio`."""
    return np.asarray((stats[:, 1] - stats[:, 0]) / np.maximum(stats[:, 1], 1))


def shares(hits: ArrayLike, of: ArrayLike | None = None) -> FloatArray:
    """Make the statistics of `ratio`: hits of so many, one each where `of` is not given."""
    return np.column_stack([hits, np.ones_like(hits) if of is None else of]).astype(np.float64)


def f1(hits: FloatArray, predicted: FloatArray, true: FloatArray) -> FloatArray:
    """F1 from counts of any shape, 0 where nothing is true and nothing predicted."""
    return np.asarray(2 * hits / np.maximum(predicted + true, 1))
