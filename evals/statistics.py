"""How sure a score or a difference is: bootstrap intervals and a paired test."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from .measures import Selector, Stats, kind_of, n_rows, over
from .metrics import FloatArray

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Difference:
    """How much better one model scores than another on the same rows.

    Attributes:
        value: Score of the first minus score of the second.
        low, high: Paired bootstrap interval at LEVEL.
        p_value: Two-sided, from swapping the two models' answers row by row.
    """

    value: float
    low: float
    high: float
    p_value: float


def interval(metric: str, stats: Stats, *, seed: int) -> tuple[float, float]:
    """Bootstrap the rows: a percentile interval at LEVEL for one metric.

    Args:
        metric: One that follows from `stats`.
        stats: Of n rows, see `measures`.
        seed: Of the resampling.

    Source: Efron & Tibshirani 1993, percentile method.
    """
    return resampled(over(metric, stats), _rows(metric, stats), seed=seed)


def resampled(select: Selector, n: int, *, seed: int) -> tuple[float, float]:
    """The same of any figure over selections of n rows."""
    rng = np.random.default_rng(seed)
    with _one_thread():
        return _quantiles([select(rng.integers(0, n, n)) for _ in range(RESAMPLES)])


def share_interval(hits: FloatArray, *, seed: int) -> tuple[float, float]:
    """Bootstrap (n,) zeros and ones: a percentile interval at LEVEL for the share of ones."""
    rng, n = np.random.default_rng(seed), len(hits)
    return _quantiles([float(hits[rng.integers(0, n, n)].mean()) for _ in range(RESAMPLES)])


def latency_interval(milliseconds: FloatArray, *, seed: int) -> tuple[float, float]:
    """Bootstrap interval at LEVEL for the 95th percentile of single calls, in ms."""
    from scipy.stats import bootstrap  # takes seconds to import, and few runs need it

    found = bootstrap(
        (milliseconds,),
        lambda x, axis: np.percentile(x, 95, axis=axis),
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        method="percentile",
        rng=seed,
    ).confidence_interval
    return float(found.low), float(found.high)


def compare(metric: str, first: Stats, second: Stats, *, seed: int) -> Difference:
    """Compare two models' answers to the same rows.

    Args:
        metric: One that follows from the statistics.
        first, second: Of the same n rows, see `measures`.
        seed: Of the resampling.

    Returns:
        The difference first - second, its interval and an approximate
        randomisation p-value, which is never 0: (hits + 1) / (RESAMPLES + 1).

    Source: Noreen 1989, approximate randomisation; Yeh 2000 for its use in NLP.
    """
    kind, n = kind_of(metric, first), _rows(metric, first)
    if kind is None:
        raise ValueError(f"{metric} does not follow from the statistics {', '.join(first)}")
    # One after the other: row i of the second model is row n + i.
    select = over(metric, {kind: _stacked(first[kind], second[kind])})
    rng, here = np.random.default_rng(seed), np.arange(n)
    resampled, extreme = [], 0
    with _one_thread():
        observed = select(here) - select(here + n)
        for _ in range(RESAMPLES):
            rows = rng.integers(0, n, n)
            resampled.append(select(rows) - select(rows + n))
            swap = n * (rng.random(n) < 0.5)
            swapped = select(here + swap) - select(here + n - swap)
            extreme += abs(swapped) >= abs(observed) - 1e-12
    low, high = _quantiles(resampled)
    return Difference(observed, low, high, (extreme + 1) / (RESAMPLES + 1))


def _one_thread() -> AbstractContextManager[object]:
    """Products on one thread: two would wait for each other where a core is taken."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1, "blas")
    return limits


def _rows(metric: str, stats: Stats) -> int:
    """Rows that a metric was measured on: of some kinds of statistics, not all."""
    kind = kind_of(metric, stats)
    return n_rows(stats) if kind is None else len(stats[kind])


def _stacked(first: FloatArray, second: FloatArray) -> FloatArray:
    """Put rows under rows; where one has fewer columns, NaN stands for what is missing."""
    width = max(first.shape[1], second.shape[1])
    wide = [
        np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=np.nan)
        for part in (first, second)
    ]
    return np.concatenate(wide)


def _quantiles(samples: list[float]) -> tuple[float, float]:
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(samples, [tail, 1 - tail])
    return float(low), float(high)
