"""Choose an oddness score, a threshold and a temperature, all on validation. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...evals.anomaly import auroc, coverage_risk
from ...evals.measures.classes import calibration_gap
from ...evals.metrics import FloatArray
from ..errors import ModelError
from ..training.linear import log_loss, softmax
from .scores import OF_WORDS, SCORES_OF, Score, Usual, chances, fit_usual, oddness
from .seen import Link, Marks, Seen, States, likeliest

FOLDS = 5  # of classes that are left out in turn
LEAST_CLASSES = 4  # to leave some out and have a choice among the rest
DEFAULT: Score = "knn"
BOUNDS = (0.05, 20.0)  # of the temperature


@dataclass(frozen=True)
class Outputs:
    """What the C outputs of a model are.

    Attributes:
        link: How logits become answers.
        novel: Whether an input of a class that was never shown is odd.
    """

    link: Link
    novel: bool = False

    def usual(self, rows: Seen) -> Usual:
        """Describe training rows; choices and numbers are no classes."""
        classes = rows.true if self.link in {"softmax", "sigmoid"} else rows.true[:, :0]
        return fit_usual(rows.features, classes)


def choose_score(
    outputs: Outputs, train: Seen, validation: Seen, odd: States | None
) -> tuple[Score, dict[str, float]]:
    """Choose by AUROC on validation.

    Against `odd` rows where there are some. Else, where new classes are odd, against classes that
    are taken out in turn: their training rows, means and logits are hidden, and their validation
    rows are to be found among the others. The encoder knew them, so these figures rank scores and
    promise nothing.

    Returns:
        The score, and the AUROC of each that could be judged.

    Raises:
        ModelError: No score fits: a number that words give.
    """
    link = outputs.link
    if not train.features.shape[1]:
        if link not in OF_WORDS:
            raise ModelError("a model of words that gives a number shows nothing of its inputs")
        return OF_WORDS[link], {}
    if odd is not None:
        usual = outputs.usual(train)
        found: dict[str, float] = {
            name: auroc(oddness(name, link, validation, usual), oddness(name, link, odd, usual))
            for name in SCORES_OF[link]
        }
    else:
        found = _against_classes(outputs, train, validation)
    best = max(SCORES_OF[link], key=lambda name: found[name]) if found else DEFAULT
    return best, found


def _against_classes(outputs: Outputs, train: Seen, validation: Seen) -> dict[str, float]:
    classes = np.flatnonzero(validation.true.any(axis=0))
    if not outputs.novel or len(classes) < LEAST_CLASSES:
        return {}
    figures: dict[str, list[float]] = {name: [] for name in SCORES_OF[outputs.link]}
    folds = min(FOLDS, len(classes) // 2)
    for fold in range(folds):
        hidden = np.isin(np.arange(validation.true.shape[1]), classes[fold::folds])
        usual = outputs.usual(_without(train, hidden))
        out = validation.true[:, hidden].any(axis=1)
        rest = States(validation.logits[:, ~hidden], validation.features)
        for name in SCORES_OF[outputs.link]:
            score = oddness(name, outputs.link, rest, usual)
            figures[name].append(auroc(score[~out], score[out]))
    return {name: float(np.mean(values)) for name, values in figures.items()}


def _without(rows: Seen, hidden: NDArray[np.bool_]) -> Seen:
    """The rows that have none of the hidden classes."""
    shown = ~rows.true[:, hidden].any(axis=1)
    return Seen(rows.logits[shown], rows.features[shown], rows.true[shown])


def fit_temperature(link: Link, logits: FloatArray, true: Marks) -> float:
    """Find what logits are to be divided by, by log loss; 1 where they are no chances.

    Args:
        link: How logits become answers.
        logits: (n, C).
        true: (n, C), which are right.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """
    from scipy.optimize import minimize_scalar

    if not logits.shape[1]:
        return 1.0

    def loss(log_temperature: float) -> float:
        cooled = logits / np.exp(log_temperature)
        if link == "sigmoid":
            return float((np.logaddexp(0, cooled) - true * cooled).mean())
        return log_loss(true.argmax(axis=1), softmax(cooled))

    found = minimize_scalar(loss, bounds=tuple(np.log(BOUNDS)), method="bounded")
    return float(np.exp(found.x))


def calibration(link: Link, logits: FloatArray, true: Marks) -> float:
    """The calibration error: of the answer where one output is right, else of every label."""
    if not logits.shape[1]:
        return 0.0
    found = chances(link, logits)
    if link == "sigmoid":
        return calibration_gap(found.ravel(), true.ravel().astype(np.int64))
    hit = np.asarray((likeliest(logits) & true).any(axis=1), np.int64)
    return calibration_gap(found.max(axis=1), hit)


def answered(
    link: Link, logits: FloatArray, true: Marks, given: Marks
) -> tuple[FloatArray, FloatArray]:
    """The coverage-risk curve of n answers, the surest first; empty where they are numbers.

    An answer is wrong unless all of it is right. How sure it is: the probability of the label,
    or the product over all labels of each being there or not.
    """
    if not logits.shape[1]:
        return np.zeros(0), np.zeros(0)
    found = chances(link, logits)
    if link == "sigmoid":
        decided = np.where(given, found, 1 - found)
        sure = np.log(np.maximum(decided, 1e-12)).sum(axis=1)
    else:
        sure = np.where(given, found, 0.0).max(axis=1)
    return coverage_risk(sure, (given != true).any(axis=1).astype(np.float64))


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
