"""How well a model foresees text: negative log-likelihood a token, and perplexity.

Statistics: (n, 2), the row's summed negative log-likelihood in nats, and its tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from ..metrics import FloatArray, IntArray
from .sums import additive

NAMES = ("nll", "perplexity")


def rows(nll: ArrayLike, tokens: ArrayLike) -> FloatArray:
    """Make the statistics: n rows each."""
    return np.column_stack([nll, tokens]).astype(np.float64)


def over(metric: str, stats: FloatArray) -> Callable[[IntArray], float]:
    """Prepare the mean over tokens, not over rows: long rows count for more."""
    return additive(stats, _perplexity if metric == "perplexity" else _mean)


def wrong(stats: FloatArray) -> FloatArray:
    """The row's negative log-likelihood a token."""
    return np.asarray(stats[:, 0] / np.maximum(stats[:, 1], 1))


def _mean(sums: FloatArray) -> float:
    return float(sums[0] / sums[1]) if sums[1] else float("nan")


def _perplexity(sums: FloatArray) -> float:
    return math.exp(min(_mean(sums), 700.0))  # beyond it a float overflows
