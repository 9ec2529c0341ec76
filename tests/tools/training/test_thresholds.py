"""Thresholds of labels: fitted on validation, and measured on rows that they were not fitted to."""

from __future__ import annotations

import numpy as np
import pytest
from tuneos.evals.measures import labelsets
from tuneos.evals.metrics import FloatArray
from tuneos.tools.training.thresholds import fit_thresholds, out_of_fold


def macro_f1(true: FloatArray, given: np.ndarray) -> float:
    stats = labelsets.rows(true.astype(bool), given, given.astype(np.float64))
    return labelsets.over("macro_f1", stats)(np.arange(len(stats)))


def noise(rows: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Ten rare labels, and scores that say nothing of them."""
    rng = np.random.default_rng(seed)
    return (rng.random((rows, 10)) < 0.08).astype(np.float64), rng.random((rows, 10)) * 0.3


def test_the_best_threshold_of_a_frequent_label_is_found() -> None:
    rng = np.random.default_rng(0)
    true = (rng.random((4000, 2)) < 0.5).astype(np.float64)
    scores = np.where(true > 0, 0.7, 0.5) + 0.05 * rng.random(true.shape)
    assert ((scores >= fit_thresholds(true, scores)) == true.astype(bool)).mean() > 0.99
    assert (out_of_fold(true, scores) == true.astype(bool)).mean() > 0.99


def test_luck_is_not_measured_where_thresholds_come_from_other_rows() -> None:
    flattered, honest, fresh = [], [], []
    for seed in range(40):
        true, scores = noise(300, seed)
        thresholds = fit_thresholds(true, scores)
        flattered.append(macro_f1(true, scores >= thresholds))
        honest.append(macro_f1(true, out_of_fold(true, scores)))
        other, unseen = noise(3000, 100 + seed)
        fresh.append(macro_f1(other, unseen >= thresholds))
    assert np.mean(flattered) > np.mean(fresh) + 0.006
    assert np.mean(honest) == pytest.approx(np.mean(fresh), abs=0.004)


def test_decisions_are_the_same_each_time_and_need_two_rows_only() -> None:
    true, scores = noise(40, 3)
    assert (out_of_fold(true, scores) == out_of_fold(true, scores)).all()
    assert out_of_fold(true[:2], scores[:2]).shape == (2, 10)
