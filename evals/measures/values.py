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
    return lambda rows: _spearman(stats[rows])


def wrong(stats: FloatArray) -> FloatArray:
    """How far apart the two ranks of a row are, as a share of the rows."""
    return np.asarray(np.abs(_ranks(stats[:, 0]) - _ranks(stats[:, 1])) / max(len(stats), 1))


def _spearman(pairs: FloatArray) -> float:
    true, given = _ranks(pairs[:, 0]), _ranks(pairs[:, 1])
    true, given = true - true.mean(), given - given.mean()
    spread = np.sqrt((true**2).sum() * (given**2).sum())
    return float((true * given).sum() / spread) if spread > 0 else 0.0


def _ranks(values: FloatArray) -> FloatArray:
    """Ranks from 1; equal values share the mean of theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[which])
