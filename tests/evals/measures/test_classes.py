"""Metrics against scikit-learn, and calibration by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from tuneos.evals.measures import classes
from tuneos.evals.measures.classes import calibration_gap, confusion, score
from tuneos.evals.metrics import METRICS

RNG = np.random.default_rng(0)
CASES = {
    "two classes": (RNG.integers(0, 2, 50), RNG.integers(0, 2, 50), 2),
    "many classes": (RNG.integers(0, 9, 200), RNG.integers(0, 9, 200), 9),
    "one class never predicted": (RNG.integers(0, 4, 60), RNG.integers(0, 3, 60), 4),
    "one class never true": (RNG.integers(0, 3, 60), RNG.integers(0, 4, 60), 4),
    "one class neither true nor predicted": (
        RNG.choice([0, 1, 3], 60),
        RNG.choice([0, 1, 3], 60),
        4,
    ),
    "all right": (np.arange(12) % 3, np.arange(12) % 3, 3),
    "all wrong": (np.zeros(5, int), np.ones(5, int), 2),
    "one answer for all": (np.arange(12) % 3, np.zeros(12, int), 3),
}


def measured(name: str, true: np.ndarray, predicted: np.ndarray, n: int) -> float:
    return score(true, np.eye(n)[predicted])[name]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
def test_f1_is_that_of_scikit_learn(case: str, average: str) -> None:
    true, predicted, n = CASES[case]
    wanted = f1_score(true, predicted, average=average, zero_division=0)
    assert measured(f"{average}_f1", true, predicted, n) == pytest.approx(wanted)


@pytest.mark.parametrize("case", CASES)
def test_accuracy_and_mcc_are_those_of_scikit_learn(case: str) -> None:
    true, predicted, n = CASES[case]
    assert measured("accuracy", true, predicted, n) == pytest.approx(
        accuracy_score(true, predicted)
    )
    assert measured("mcc", true, predicted, n) == pytest.approx(matthews_corrcoef(true, predicted))


def test_confusion_has_true_classes_in_rows() -> None:
    counts = confusion(np.array([0, 0, 1]), np.array([1, 1, 1]), 3)
    assert counts.tolist() == [[0, 2, 0], [0, 1, 0], [0, 0, 0]]


def test_calibration_error_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    true = np.array([0, 1, 0, 1])
    # bins of 0.2: {0.9, 0.9, 0.8}: |2 - 2.6| = 0.6; {0.6}: |1 - 0.6| = 0.4; over 4 rows
    hit = probabilities.argmax(axis=1) == true
    assert calibration_gap(probabilities.max(axis=1), hit, bins=5) == pytest.approx(0.25)


def test_calibration_error_is_0_for_certain_and_right_and_1_for_certain_and_wrong() -> None:
    certain = np.eye(3)[[0, 1, 2]]
    assert score(np.array([0, 1, 2]), certain)["ece"] == 0
    assert score(np.array([1, 2, 0]), certain)["ece"] == 1


def test_score_gives_every_quality_metric_within_its_bounds() -> None:
    probabilities = RNG.dirichlet(np.ones(4), 40)
    values = score(RNG.integers(0, 4, 40), probabilities)
    assert set(values) == set(classes.NAMES)
    for name, value in values.items():
        metric = METRICS[name]
        assert metric.high is not None
        assert metric.low <= value <= metric.high
