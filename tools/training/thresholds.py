"""From which score on a label is given: fitted on validation, label by label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...evals.metrics import FloatArray

PRIOR_ROWS = 20.0  # how many true rows a label needs to be believed as much as all together
FOLDS = 5  # of the rows, where decisions are measured
GRID = np.linspace(-5.0, 3.0, 65)  # log odds that are tried: 0.7% to 95%


def fit_thresholds(true: FloatArray, scores: FloatArray) -> FloatArray:
    """Choose each label's threshold for the best F1, drawn to what suits all labels.

    A label's own best threshold, found on few rows, is mostly luck: it is averaged, as log
    odds, with the one threshold that gives all labels the best macro-F1, which counts as
    much as PRIOR_ROWS true rows. Among equally good ones the middle is taken.

    Args:
        true: (n, L), 0 or 1.
        scores: (n, L), probabilities.

    Returns:
        (L,), probabilities.

    Source: Yang 2001, "A Study on Thresholding Strategies for Text Categorization", on
    how per-label thresholds overfit rare labels.
    """
    clipped = np.clip(scores, 1e-9, 1 - 1e-9)
    odds = np.log(clipped / (1 - clipped))
    f1 = np.stack([_f1(true, odds >= t) for t in GRID])  # (grid, L)
    shared = GRID[int(f1.mean(axis=1).argmax())]
    best = f1 >= f1.max(axis=0) - 1e-12
    own = (GRID[:, None] * best).sum(axis=0) / best.sum(axis=0)
    rows = true.sum(axis=0)
    drawn = (rows * own + PRIOR_ROWS * shared) / (rows + PRIOR_ROWS)
    return np.asarray(1 / (1 + np.exp(-drawn)))


def out_of_fold(true: FloatArray, scores: FloatArray) -> NDArray[np.bool_]:
    """Tell which labels are given by thresholds that were fitted to other rows.

    What is measured on these decisions is not flattered by the fit, as it is where thresholds
    are measured on the very rows that they suit best.

    Args:
        true: (n, L), 0 or 1; n is 2 or more.
        scores: (n, L), probabilities.

    Returns:
        (n, L).

    Source: Stone 1974, "Cross-Validatory Choice and Assessment of Statistical Predictions".
    """
    given = np.zeros(scores.shape, bool)
    order = np.random.default_rng(0).permutation(len(true))
    for held in np.array_split(order, min(FOLDS, len(true))):
        others = np.setdiff1d(order, held)
        given[held] = scores[held] >= fit_thresholds(true[others], scores[others])
    return given


def _f1(true: FloatArray, given: FloatArray) -> FloatArray:
    hits = (true * given).sum(axis=0)
    return np.asarray(2 * hits / np.maximum(true.sum(axis=0) + given.sum(axis=0), 1))
