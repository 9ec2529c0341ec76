"""Scores of pairs: do they rise together?

Statistics: (n, 2), the true score and the one given.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from ..metrics import FloatArray, IntArray

NAMES = ("spearman",)


def rows(true: ArrayLike, given: ArrayLike) -> FloatArray:
    """Make the statistics: n rows each."""
    return np.column_stack([true, given]).astype(np.float64)


def over(metric: str, stats: FloatArray) -> Callable[[IntArray], float]:
    """Prepare Spearman's rank correlation; 0 where one side is constant."""
    sides = [np.unique(column, return_inverse=True)[1] for column in stats.T]
    return lambda rows: _correlation(*(_ranks(side[rows]) for side in sides))


def wrong(stats: FloatArray) -> FloatArray:
    """How far apart the two ranks of a row are, as a share of the rows."""
    true, given = (_ranks(np.unique(c, return_inverse=True)[1]) for c in stats.T)
    return np.asarray(np.abs(true - given) / max(len(stats), 1))


def _correlation(true: FloatArray, given: FloatArray) -> float:
    true, given = true - true.mean(), given - given.mean()
    spread = np.sqrt((true**2).sum() * (given**2).sum())
    return float((true * given).sum() / spread) if spread > 0 else 0.0


def _ranks(levels: IntArray) -> FloatArray:
    """Ranks from 1 of values given as 0, 1, … in rising order; equal ones share their mean."""
    counts = np.bincount(levels)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[levels])
