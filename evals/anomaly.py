"""How well odd inputs are told from usual ones, and what not answering the unsure ones saves."""

from __future__ import annotations

import numpy as np

from .metrics import FloatArray
from .statistics import LEVEL, RESAMPLES

ODD_METRICS = ("ood_auroc", "ood_fpr95")


def odd_figures(usual: FloatArray, odd: FloatArray) -> dict[str, float]:
    """ODD_METRICS of (n,) scores of usual and (m,) of odd inputs."""
    return {"ood_auroc": auroc(usual, odd), "ood_fpr95": false_alarms(usual, odd)}


def auroc(usual: FloatArray, odd: FloatArray) -> float:
    """How often an odd input scores above a usual one, ties as half.

    Args:
        usual: (n,), scores of inputs as in training.
        odd: (m,), scores of others.
    """
    order = np.sort(usual)
    below = np.searchsorted(order, odd, side="left")
    upto = np.searchsorted(order, odd, side="right")
    return float((below + upto).mean() / (2 * len(usual)))


def false_alarms(usual: FloatArray, odd: FloatArray, *, recall: float = 0.95) -> float:
    """Share of usual inputs that are taken for odd where `recall` of the odd ones are found.

    Source: Hendrycks & Gimpel 2017, "A Baseline for Detecting Misclassified and
    Out-of-Distribution Examples".
    """
    threshold = np.quantile(odd, 1 - recall, method="lower")
    return float((usual >= threshold).mean())


def auroc_interval(usual: FloatArray, odd: FloatArray, *, seed: int) -> tuple[float, float]:
    """Bootstrap both sides: a percentile interval at LEVEL."""
    rng = np.random.default_rng(seed)
    drawn = [
        auroc(rng.choice(usual, len(usual)), rng.choice(odd, len(odd)))
        for _ in range(RESAMPLES // 4)
    ]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def coverage_risk(confidence: FloatArray, wrong: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Error rate among the surest answers, by how many of the rows are answered.

    Args:
        confidence: (n,), of each answer.
        wrong: (n,), 1 where it is wrong.

    Returns:
        Coverage 1/n..1 and the risk at each, (n,).

    Source: El-Yaniv & Wiener 2010, "On the Foundations of Noise-free Selective Classification".
    """
    order = np.argsort(-confidence, kind="stable")
    kept = np.arange(1, len(order) + 1)
    return kept / len(order), np.cumsum(wrong[order]) / kept
