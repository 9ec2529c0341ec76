"""Linear heads against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tuneos.tools.training.linear import (
    STRENGTHS,
    LinearHead,
    class_weights,
    fit_best_linear,
    fit_linear,
    log_loss,
    softmax,
)


def blobs(n: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centres = np.random.default_rng(99).normal(0, 1, (classes, 6))
    return (centres[labels] + rng.normal(0, 1, (n, 6))).astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_head_agrees_with_scikit_learn(classes: int) -> None:
    features, labels = blobs(140, classes, 0)
    head = fit_linear(features, labels, classes, strength=3.0)
    model = LogisticRegression(C=3.0, max_iter=300).fit(features, labels)
    assert head.weight.shape == (classes, 6)
    assert head.weight.dtype == head.bias.dtype == np.float32
    found = head.probabilities(features)
    assert np.allclose(found, model.predict_proba(features), atol=1e-4)
    assert np.allclose(found.sum(axis=1), 1)


def test_best_head_has_the_least_validation_loss() -> None:
    features, labels = blobs(60, 3, 0)
    validation, wanted = blobs(60, 3, 1)
    head, strength = fit_best_linear(features, labels, validation, wanted, 3)
    losses = {
        c: log_loss(wanted, fit_linear(features, labels, 3, strength=c).probabilities(validation))
        for c in STRENGTHS
    }
    assert strength == min(losses, key=losses.__getitem__)
    assert log_loss(wanted, head.probabilities(validation)) == pytest.approx(losses[strength])


def test_balanced_head_answers_the_rare_class_more_often() -> None:
    features, labels = blobs(200, 2, 0)
    kept = np.flatnonzero((labels == 0) | (np.arange(200) % 20 == 1))
    plain = fit_linear(features[kept], labels[kept], 2, strength=1.0)
    balanced = fit_linear(features[kept], labels[kept], 2, strength=1.0, balanced=True)
    rare = [h.probabilities(features)[:, 1].mean() for h in (plain, balanced)]
    assert rare[1] > rare[0]


def test_class_weights_are_inverse_root_with_mean_1_over_the_rows() -> None:
    labels = np.array([0] * 16 + [1] * 4)
    weights = class_weights(labels, 2)
    assert weights[1] / weights[0] == pytest.approx(2)
    assert weights[labels].mean() == pytest.approx(1)
    assert class_weights(np.arange(6) % 3, 3) == pytest.approx(np.ones(3))


def test_class_weights_of_a_class_without_rows_are_finite() -> None:
    assert np.isfinite(class_weights(np.array([0, 0, 1]), 3)).all()


def test_softmax_of_large_logits_does_not_overflow() -> None:
    assert softmax(np.array([[1e4, 0.0], [-1e4, 0.0]])).tolist() == [[1, 0], [0, 1]]


def test_head_without_features_answers_by_its_biases() -> None:
    head = LinearHead(np.zeros((2, 0), np.float32), np.log(np.array([0.75, 0.25], np.float32)))
    assert head.probabilities(np.zeros((3, 0), np.float32))[1] == pytest.approx([0.75, 0.25])
