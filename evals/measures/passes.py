"""Programs that pass their tests.

Statistics: (n, 2), samples drawn for the problem, and how many of them pass.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from ..metrics import PASS_AT, FloatArray, IntArray
from .sums import additive

NAMES = tuple(f"pass_at_{k}" for k in PASS_AT)


def rows(samples: ArrayLike, passing: ArrayLike) -> FloatArray:
    """Make the statistics: n problems each."""
    return np.column_stack([samples, passing]).astype(np.float64)


def over(metric: str, stats: FloatArray) -> Callable[[IntArray], float]:
    """Prepare the mean chance that one of k samples passes; NaN where fewer were drawn."""
    k = int(metric.removeprefix("pass_at_"))
    if len(stats) and stats[:, 0].min() < k:
        return lambda _: float("nan")
    chance = [[pass_at(k, int(n), int(c)), 1.0] for n, c in stats]
    return additive(np.array(chance), lambda s: float(s[0] / s[1]))


def wrong(stats: FloatArray) -> FloatArray:
    """The share of samples that fail."""
    return np.asarray(1 - stats[:, 1] / np.maximum(stats[:, 0], 1))


def pass_at(k: int, samples: int, passing: int) -> float:
    """Chance that one of k samples passes, without bias, from `samples` >= k drawn.

    Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code".
    """
    if samples < k:
        raise ValueError(f"pass@{k} needs {k} samples a problem, not {samples}")
    return 1.0 - comb(samples - passing, k) / comb(samples, k)
