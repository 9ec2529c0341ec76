"""From which score on a label is given: fitted on validation, label by label."""

from __future__ import annotations

import numpy as np

from ...evals.metrics import FloatArray

PRIOR_ROWS = 20.0  # how many true rows a label needs to be believed as much as all together
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


def _f1(true: FloatArray, given: FloatArray) -> FloatArray:
    hits = (true * given).sum(axis=0)
    return np.asarray(2 * hits / np.maximum(true.sum(axis=0) + given.sum(axis=0), 1))
