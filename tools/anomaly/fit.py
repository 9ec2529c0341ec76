"""Choose an oddness score, a threshold and a temperature, all on validation. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...evals.anomaly import auroc
from ...evals.metrics import FloatArray, IntArray
from ..training.linear import log_loss, softmax
from .scores import SCORES, Score, Usual, fit_usual, oddness

FOLDS = 5  # of classes that are left out in turn
LEAST_CLASSES = 4  # to leave some out and have a choice among the rest
DEFAULT: Score = "knn"
BOUNDS = (0.05, 20.0)  # of the temperature


@dataclass(frozen=True)
class Seen:
    """What a classifier makes of n rows.

    Attributes:
        logits: (n, n_classes).
        features: (n, width); width 0 where it has none.
        labels: (n,), true classes; -1 where there is none.
    """

    logits: FloatArray
    features: NDArray[np.float32]
    labels: IntArray


def choose_score(train: Seen, validation: Seen, odd: Seen | None) -> tuple[Score, dict[str, float]]:
    """Choose by AUROC on validation.

    Against `odd` rows where there are some. Else against classes that are taken out in turn:
    their training rows, means and logits are hidden, and their validation rows are to be found
    among the others. The encoder knew them, so these figures rank scores and promise nothing.

    Returns:
        The score, and the AUROC of each that could be judged.
    """
    if not train.features.shape[1]:
        return "max_softmax", {}
    if odd is not None:
        usual = fit_usual(train.features, train.labels)
        found: dict[str, float] = {
            name: auroc(
                oddness(name, validation.logits, validation.features, usual),
                oddness(name, odd.logits, odd.features, usual),
            )
            for name in SCORES
        }
    else:
        found = _against_classes(train, validation)
    return (max(SCORES, key=lambda name: found[name]) if found else DEFAULT), found


def _against_classes(train: Seen, validation: Seen) -> dict[str, float]:
    classes = np.unique(validation.labels)
    if len(classes) < LEAST_CLASSES:
        return {}
    figures: dict[str, list[float]] = {name: [] for name in SCORES}
    for fold in range(min(FOLDS, len(classes) // 2)):
        hidden = classes[fold :: min(FOLDS, len(classes) // 2)]
        shown = np.isin(train.labels, hidden, invert=True)
        out = np.isin(validation.labels, hidden)
        left = np.setdiff1d(np.arange(train.logits.shape[1]), hidden)
        usual = fit_usual(train.features[shown], train.labels[shown])
        for name in SCORES:
            score = oddness(name, validation.logits[:, left], validation.features, usual)
            figures[name].append(auroc(score[~out], score[out]))
    return {name: float(np.mean(values)) for name, values in figures.items()}


def fit_temperature(logits: FloatArray, labels: IntArray) -> float:
    """Find what logits are to be divided by, by log loss.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda t: log_loss(labels, softmax(logits / np.exp(t))),
        bounds=tuple(np.log(BOUNDS)),
        method="bounded",
    )
    return float(np.exp(found.x))


def quantile(scores: FloatArray, alpha: float) -> float:
    """The threshold that a usual input exceeds with probability `alpha` at most.

    Args:
        scores: (n,), of rows that nothing was fitted to.
        alpha: False-alarm rate, above 0.

    Returns:
        Infinity where n is too small to promise that rate.

    Source: split conformal prediction, Vovk et al. 2005; Bates et al. 2023 for outliers.
    """
    rank = int(np.ceil((len(scores) + 1) * (1 - alpha)))
    return float("inf") if rank > len(scores) else float(np.sort(scores)[rank - 1])


def position(scores: FloatArray, usual: FloatArray) -> FloatArray:
    """Share of usual rows that look less odd, ties as half, 0..1: (n,), (m,) sorted -> (n,)."""
    below = np.searchsorted(usual, scores, side="left")
    upto = np.searchsorted(usual, scores, side="right")
    return (below + upto) / (2 * max(1, len(usual)))


def kept_of(usual: Usual) -> Mapping[str, NDArray[np.float32]]:
    """The arrays that are there, by name."""
    found = {
        "means": usual.means,
        "precision": usual.precision,
        "neighbours": usual.neighbours,
    }
    return {name: array for name, array in found.items() if array is not None}
