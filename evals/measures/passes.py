"""Programs that pass their tests.

Statistics: (n, 2), samples drawn for the problem, and how many of them pass.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from ..metrics import FloatArray, IntArray
from .sums import additive

NAMES = ("pass_at_1",)


def rows(samples: ArrayLike, passing: ArrayLike) -> FloatArray:
    """Make the statistics: n problems each."""
    return np.column_stack([samples, passing]).astype(np.float64)


def over(metric: str, stats: FloatArray) -> Callable[[IntArray], float]:
    """Prepare the mean chance that one sample passes."""
    chance = [[pass_at(1, int(n), int(c)), 1.0] for n, c in stats]
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
