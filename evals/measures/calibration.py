"""How sure answers are against how often they are right, where other statistics hold neither.

Statistics: (n, 2), the probability of the answer given, and whether it is right.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from ..metrics import FloatArray, IntArray
from .classes import calibration_gap

NAMES = ("ece",)


def rows(confidence: ArrayLike, hit: ArrayLike) -> FloatArray:
    """Make the statistics of n answers."""
    return np.array([confidence, hit], np.float64).T


def over(metric: str, stats: FloatArray) -> Callable[[IntArray], float]:
    """Prepare the calibration error for many selections of rows."""
    confidence, hit = stats[:, 0], stats[:, 1].astype(np.int64)
    return lambda rows: calibration_gap(confidence[rows], hit[rows])


def wrong(stats: FloatArray) -> FloatArray:
    """How sure a wrong answer is, 0 where it is right."""
    return np.asarray(stats[:, 0] * (1 - stats[:, 1]))
