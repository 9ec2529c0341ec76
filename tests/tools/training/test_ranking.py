"""LogME and H-score agree with their definitions, and order what has a known order."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from tuneos.evals.metrics import FloatArray
from tuneos.tools.training.ranking import h_score, log_me


def evidence(features: FloatArray, target: FloatArray, alpha: float, beta: float) -> float:
    """By definition: the targets' density with the weights integrated out, a row."""
    n = len(target)
    covariance = np.eye(n) / beta + features @ features.T / alpha
    return float(multivariate_normal.logpdf(target, np.zeros(n), covariance)) / n


@pytest.mark.parametrize(("rows", "width"), [(60, 5), (40, 40), (25, 60)])
def test_log_me_is_the_highest_evidence_of_a_linear_model(rows: int, width: int) -> None:
    rng = np.random.default_rng(rows)
    features = rng.normal(size=(rows, width))
    target = features @ rng.normal(size=width) * 0.5 + rng.normal(size=rows)
    best = minimize(
        lambda logs: -evidence(features, target, *np.exp(logs)), [0.0, 0.0], method="Nelder-Mead"
    )
    assert log_me(features, target[:, None]) == pytest.approx(-best.fun, abs=1e-3)


def test_log_me_is_a_mean_over_targets() -> None:
    rng = np.random.default_rng(0)
    features, targets = rng.normal(size=(50, 4)), rng.normal(size=(50, 3))
    each = [log_me(features, targets[:, [i]]) for i in range(3)]
    assert log_me(features, targets) == pytest.approx(np.mean(each))


def test_h_score_is_the_trace_of_its_definition_when_rows_abound() -> None:
    rng = np.random.default_rng(1)
    classes = rng.integers(0, 3, size=20_000).astype(float)
    features = rng.normal(size=(20_000, 4)) + rng.normal(size=(3, 4))[classes.astype(int)]
    means = np.array([features[classes == c].mean(axis=0) for c in range(3)])
    spread = np.cov(means[classes.astype(int)].T)
    wanted = np.trace(np.linalg.inv(np.cov(features.T)) @ spread)
    assert h_score(features, classes) == pytest.approx(wanted, rel=0.02)


def test_both_prefer_features_in_which_classes_lie_apart() -> None:
    rng = np.random.default_rng(2)
    classes = rng.integers(0, 4, size=300).astype(float)
    targets = (classes[:, None] == np.arange(4)).astype(float)
    centres = rng.normal(size=(4, 20))
    found = []
    for noise in (0.3, 1.0, 3.0, 30.0):  # from clear to hopeless
        features = centres[classes.astype(int)] + noise * rng.normal(size=(300, 20))
        found.append((log_me(features, targets), h_score(features, classes)))
    assert found == sorted(found, reverse=True)
    assert [h for _, h in found] == sorted((h for _, h in found), reverse=True)


def test_more_columns_than_rows_are_no_advantage_by_themselves() -> None:
    rng = np.random.default_rng(3)
    classes = rng.integers(0, 2, size=40).astype(float)
    noise = rng.normal(size=(40, 300))
    telling = classes[:, None] + 0.5 * rng.normal(size=(40, 10))
    targets = (classes[:, None] == np.arange(2)).astype(float)
    assert log_me(telling, targets) > log_me(noise, targets)
    assert h_score(telling, classes) > h_score(noise, classes)
