"""Metrics of a task, by the names that targets and reports use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class Metric:
    """One number about a model.

    Attributes:
        name: As written in targets.
        direction: Which way is better.
        low, high: The values it can take; None where there is no bound.
        unit: "" for a ratio.
        from_counts: Computes it from confusion matrices, (..., true, predicted)
            -> (...); None when it needs more than counts.
    """

    name: str
    direction: Direction
    low: float
    high: float | None
    unit: str = ""
    from_counts: Callable[[FloatArray], FloatArray] | None = None


def confusion(true: IntArray, predicted: IntArray, n_classes: int) -> FloatArray:
    """Count pairs: (n,), (n,) -> (n_classes, n_classes), rows are the true class."""
    flat = np.bincount(true * n_classes + predicted, minlength=n_classes * n_classes)
    return flat.reshape(n_classes, n_classes).astype(np.float64)


def _accuracy(counts: FloatArray) -> FloatArray:
    hits = np.trace(counts, axis1=-2, axis2=-1)
    return np.asarray(hits / np.maximum(counts.sum(axis=(-2, -1)), 1))


def _class_f1(counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """F1 by class and the true count by class; F1 is 0 where a class is absent."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    return 2 * hits / np.maximum(true + predicted, 1), true


def _macro_f1(counts: FloatArray) -> FloatArray:
    """Mean over the classes that are true or predicted somewhere, as scikit-learn does."""
    f1, true = _class_f1(counts)
    seen = (true + counts.sum(axis=-2)) > 0
    return np.asarray((f1 * seen).sum(axis=-1) / np.maximum(seen.sum(axis=-1), 1))


def _weighted_f1(counts: FloatArray) -> FloatArray:
    f1, true = _class_f1(counts)
    return np.asarray((f1 * true).sum(axis=-1) / np.maximum(true.sum(axis=-1), 1))


def _mcc(counts: FloatArray) -> FloatArray:
    """Matthews correlation for many classes. Source: Gorodkin 2004, R_K."""
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    total = counts.sum(axis=(-2, -1))
    hits = np.trace(counts, axis1=-2, axis2=-1)
    covariance = hits * total - (true * predicted).sum(axis=-1)
    spread = (total**2 - (predicted**2).sum(axis=-1)) * (total**2 - (true**2).sum(axis=-1))
    return np.asarray(np.where(spread > 0, covariance / np.sqrt(np.maximum(spread, 1)), 0.0))


def expected_calibration_error(
    true: IntArray, probabilities: FloatArray, *, bins: int = 15
) -> float:
    """Mean gap between confidence and accuracy over equal-width bins, 0..1.

    Args:
        true: (n,), class indices.
        probabilities: (n, n_classes), rows sum to 1.
        bins: Number of confidence bins.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """
    confidence = probabilities.max(axis=1)
    hit = probabilities.argmax(axis=1) == true
    which = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(which, weights=hit - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(true))


METRICS: dict[str, Metric] = {
    m.name: m
    for m in (
        Metric("accuracy", "higher", 0, 1, from_counts=_accuracy),
        Metric("macro_f1", "higher", 0, 1, from_counts=_macro_f1),
        Metric("micro_f1", "higher", 0, 1, from_counts=_accuracy),
        Metric("weighted_f1", "higher", 0, 1, from_counts=_weighted_f1),
        Metric("mcc", "higher", -1, 1, from_counts=_mcc),
        Metric("ece", "lower", 0, 1),
        Metric("latency_p95_ms", "lower", 0, None, unit="ms"),
        Metric("size_mb", "lower", 0, None, unit="MB"),
    )
}
QUALITY = tuple(m.name for m in METRICS.values() if m.from_counts is not None or m.name == "ece")


def score(true: IntArray, probabilities: FloatArray) -> dict[str, float]:
    """Compute every quality metric of single-label classification.

    Args:
        true: (n,), class indices.
        probabilities: (n, n_classes), rows sum to 1.

    Returns:
        A value for each name in QUALITY.
    """
    counts = confusion(true, probabilities.argmax(axis=1), probabilities.shape[1])
    values = {
        m.name: float(m.from_counts(counts)) for m in METRICS.values() if m.from_counts is not None
    }
    values["ece"] = expected_calibration_error(true, probabilities)
    return values
