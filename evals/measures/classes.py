"""One label of several: accuracy, F1, Matthews correlation and calibration.

Statistics: (n, 1 + C), the index of the true class, then the C probabilities.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..metrics import FloatArray, IntArray

NAMES = ("accuracy", "macro_f1", "micro_f1", "weighted_f1", "mcc", "ece")
BINS = 15


def rows(true: IntArray, probabilities: FloatArray) -> FloatArray:
    """Make the statistics: (n,), (n, C) -> (n, 1 + C)."""
    return np.column_stack([true.astype(np.float64), probabilities])


def score(true: IntArray, probabilities: FloatArray) -> dict[str, float]:
    """Compute every metric over all rows: (n,) classes and their (n, C) probabilities."""
    stats, everything = rows(true, probabilities), np.arange(len(true))
    return {name: over(name, stats)(everything) for name in NAMES}


def confusion(true: IntArray, predicted: IntArray, n_classes: int) -> FloatArray:
    """Count pairs: (n,), (n,) -> (n_classes, n_classes), rows are the true class."""
    flat = np.bincount(true * n_classes + predicted, minlength=n_classes * n_classes)
    return flat.reshape(n_classes, n_classes).astype(np.float64)


def over(metric: str, stats: FloatArray) -> Callable[[IntArray], float]:
    """Prepare a metric for many selections of rows; a predicted class is the likeliest."""
    true, probabilities = stats[:, 0].astype(np.int64), stats[:, 1:]
    predicted = probabilities.argmax(axis=1)
    if metric == "ece":
        confidence, hit = probabilities.max(axis=1), predicted == true
        return lambda rows: calibration_gap(confidence[rows], hit[rows])
    n_classes, of = probabilities.shape[1], _FROM_COUNTS[metric]
    return lambda rows: of(confusion(true[rows], predicted[rows], n_classes))


def wrong(stats: FloatArray) -> FloatArray:
    """The confidence in a wrong class, 0 where it is right."""
    probabilities = stats[:, 1:]
    miss = probabilities.argmax(axis=1) != stats[:, 0].astype(np.int64)
    return np.asarray(miss * probabilities.max(axis=1))


def calibration_gap(confidence: FloatArray, hit: IntArray, *, bins: int = BINS) -> float:
    """Mean gap between confidence and accuracy over equal-width bins, 0..1.

    Args:
        confidence: (n,), of the likeliest class.
        hit: (n,), whether it is the true one.
        bins: Number of confidence bins.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """
    which = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(which, weights=hit - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(hit))


def _accuracy(counts: FloatArray) -> float:
    return float(np.trace(counts) / max(counts.sum(), 1))


def _class_f1(counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """F1 by class and the true count by class; F1 is 0 where a class is absent."""
    true, predicted = counts.sum(axis=1), counts.sum(axis=0)
    return 2 * np.diagonal(counts) / np.maximum(true + predicted, 1), true


def _macro_f1(counts: FloatArray) -> float:
    """Mean over the classes that are true or predicted somewhere, as scikit-learn does."""
    f1, true = _class_f1(counts)
    seen = (true + counts.sum(axis=0)) > 0
    return float((f1 * seen).sum() / max(seen.sum(), 1))


def _weighted_f1(counts: FloatArray) -> float:
    f1, true = _class_f1(counts)
    return float((f1 * true).sum() / max(true.sum(), 1))


def _mcc(counts: FloatArray) -> float:
    """Matthews correlation for many classes. Source: Gorodkin 2004, R_K."""
    true, predicted, total = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    covariance = np.trace(counts) * total - (true * predicted).sum()
    spread = (total**2 - (predicted**2).sum()) * (total**2 - (true**2).sum())
    return float(covariance / np.sqrt(spread)) if spread > 0 else 0.0


_FROM_COUNTS: dict[str, Callable[[FloatArray], float]] = {
    "accuracy": _accuracy,
    "macro_f1": _macro_f1,
    "micro_f1": _accuracy,
    "weighted_f1": _weighted_f1,
    "mcc": _mcc,
}
