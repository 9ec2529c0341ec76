"""How sure a score or a difference is: bootstrap intervals and a paired test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .metrics import METRICS, FloatArray, IntArray, confusion, expected_calibration_error

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


def interval(
    metric: str, true: IntArray, probabilities: FloatArray, *, seed: int
) -> tuple[float, float]:
    """Bootstrap the rows: a percentile interval at LEVEL for one quality metric.

    Args:
        metric: A name in `metrics.QUALITY`.
        true: (n,), class indices.
        probabilities: (n, n_classes).
        seed: Of the resampling.

    Source: Efron & Tibshirani 1993, percentile method.
    """
    predicted, n_classes = probabilities.argmax(axis=1), probabilities.shape[1]
    rng = np.random.default_rng(seed)
    samples = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        rows = rng.integers(0, len(true), len(true))
        if metric == "ece":
            samples[i] = expected_calibration_error(true[rows], probabilities[rows])
        else:
            samples[i] = _value(metric, confusion(true[rows], predicted[rows], n_classes))
    return _quantiles(samples)


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


def compare(
    metric: str, true: IntArray, first: IntArray, second: IntArray, n_classes: int, *, seed: int
) -> Difference:
    """Compare two models' answers to the same rows.

    Args:
        metric: A metric that follows from counts (all but ece).
        true, first, second: (n,), class indices.
        n_classes: Number of classes.
        seed: Of the resampling.

    Returns:
        The difference first - second, its interval and an approximate
        randomisation p-value, which is never 0: (hits + 1) / (RESAMPLES + 1).

    Source: Noreen 1989, approximate randomisation; Yeh 2000 for its use in NLP.
    """
    rng = np.random.default_rng(seed)
    n = len(true)

    def difference(y: IntArray, a: IntArray, b: IntArray) -> float:
        return _value(metric, confusion(y, a, n_classes)) - _value(
            metric, confusion(y, b, n_classes)
        )

    observed = difference(true, first, second)
    resampled, extreme = np.empty(RESAMPLES), 0
    for i in range(RESAMPLES):
        rows = rng.integers(0, n, n)
        resampled[i] = difference(true[rows], first[rows], second[rows])
        swap = rng.random(n) < 0.5
        swapped = difference(true, np.where(swap, second, first), np.where(swap, first, second))
        extreme += abs(swapped) >= abs(observed) - 1e-12
    low, high = _quantiles(resampled)
    return Difference(observed, low, high, (extreme + 1) / (RESAMPLES + 1))


def _value(metric: str, counts: FloatArray) -> float:
    compute = METRICS[metric].from_counts
    if compute is None:
        raise ValueError(f"{metric} does not follow from counts")
    return float(compute(counts))


def _quantiles(samples: FloatArray) -> tuple[float, float]:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(samples, [tail, 1 - tail])
    return float(low), float(high)
