"""Several labels of a list, or none, for each row.

Statistics: (n, 3 L): for each label whether it is true, whether it was given, its score.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..metrics import FloatArray, IntArray
from .classes import BINS
from .sums import additive, f1

NAMES = ("macro_f1", "micro_f1", "weighted_f1", "map", "accuracy", "ece")


def rows(true: NDArray[np.bool_], given: NDArray[np.bool_], scores: FloatArray) -> FloatArray:
    """Make the statistics: (n, L) each."""
    return np.hstack([true, given, scores]).astype(np.float64)


def over(metric: str, stats: FloatArray) -> Callable[[IntArray], float]:
    """Prepare a metric; `accuracy` counts rows whose labels are all right and no more."""
    true, given, scores = np.split(stats, 3, axis=1)
    if metric == "ece":
        return _calibration_error(true, scores)
    if metric == "map":
        return _mean_average_precision(true, scores)
    if metric == "accuracy":
        return additive(
            np.column_stack([(true == given).all(axis=1), np.ones(len(true))]).astype(np.float64),
            lambda s: float(s[0] / s[1]),
        )
    return additive(np.hstack([true * given, given, true]), _F1[metric])


def wrong(stats: FloatArray) -> FloatArray:
    """The number of labels that are missing or too many."""
    true, given, _ = np.split(stats, 3, axis=1)
    return np.asarray(np.abs(true - given).sum(axis=1))


def by_label(stats: FloatArray) -> FloatArray:
    """Give precision, recall, F1 and the number of true rows by label: (L, 4)."""
    true, given, _ = np.split(stats, 3, axis=1)
    return precision_recall((true * given).sum(axis=0), given.sum(axis=0), true.sum(axis=0))


def precision_recall(hits: FloatArray, given: FloatArray, true: FloatArray) -> FloatArray:
    """Give precision, recall, F1 and support from (L,) counts: (L, 4)."""
    columns = [hits / np.maximum(given, 1), hits / np.maximum(true, 1), f1(hits, given, true), true]
    return np.stack(columns, axis=1)


def _parts(sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    hits, given, true = np.split(sums, 3)
    return hits, given, true


def _macro(sums: FloatArray) -> float:
    """Mean over every label of the list, as scikit-learn does: an unseen one counts 0."""
    return float(f1(*_parts(sums)).mean())


def _micro(sums: FloatArray) -> float:
    return float(f1(*(part.sum() for part in _parts(sums))))


def _weighted(sums: FloatArray) -> float:
    hits, given, true = _parts(sums)
    return float((f1(hits, given, true) * true).sum() / max(true.sum(), 1))


_F1 = {"macro_f1": _macro, "micro_f1": _micro, "weighted_f1": _weighted}


def _calibration_error(true: FloatArray, scores: FloatArray) -> Callable[[IntArray], float]:
    """The mean gap between the probability of a label and how often it is true, by bins."""
    n, n_labels = true.shape
    which = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    flat = (np.arange(n)[:, None] * BINS + which).ravel()
    gaps = np.bincount(flat, weights=(true - scores).ravel(), minlength=n * BINS)
    stats = np.column_stack([gaps.reshape(n, BINS), np.full(n, n_labels)])
    return additive(stats, lambda s: float(np.abs(s[:-1]).sum() / s[-1]))


def _mean_average_precision(true: FloatArray, scores: FloatArray) -> Callable[[IntArray], float]:
    """Average precision by label, its mean over the labels that are true somewhere.

    Rows are ranked once: a selection only changes how often each of them counts. Precision
    is taken at the rows where the label is true, after the last row of equal score.
    """
    n, n_labels = true.shape
    order = np.argsort(-scores, axis=0, kind="stable").T  # (L, n)
    ranked = np.take_along_axis(scores.T, order, axis=1)
    last_equal = np.array([np.searchsorted(-row, -row, side="right") - 1 for row in ranked])
    label, place = np.nonzero(np.take_along_axis(true.T, order, axis=1))
    end = label * n + last_equal[label, place]  # in the flat ranking
    last_hit = np.searchsorted(end, end, side="right") - 1  # of those that are true
    before = np.searchsorted(label, np.arange(n_labels))  # true ones of earlier labels

    def mean(rows: IntArray) -> float:
        weight = np.bincount(rows, minlength=n)[order]
        seen = weight.cumsum(axis=1).ravel()[end]
        hit = weight[label, place]
        so_far = np.concatenate([[0], hit.cumsum()])
        hits = so_far[last_hit + 1] - so_far[before][label]
        total = np.bincount(label, hit, minlength=n_labels)
        precise = np.bincount(label, hit * hits / np.maximum(seen, 1), minlength=n_labels)
        held = total > 0
        return float((precise[held] / total[held]).mean()) if held.any() else float("nan")

    return mean
