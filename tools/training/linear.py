"""Linear classifiers on fixed features: the cheap rungs, and the start of every tuned head."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...evals.metrics import FloatArray, IntArray

# C of scikit-learn; unit-length embeddings need weak penalties.
STRENGTHS = (3.0, 10.0, 30.0)
STEPS = 300


@dataclass(frozen=True)
class LinearHead:
    """weight (n_classes, n_features) and bias (n_classes,), float32."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def probabilities(self, features: Any) -> FloatArray:
        """(n, n_features) dense or sparse -> (n, n_classes), rows sum to 1."""
        return softmax(np.asarray(features @ self.weight.T + self.bias))


def linear_layer(head: LinearHead) -> Any:
    """A torch layer with the head's weights."""
    import torch

    layer = torch.nn.Linear(head.weight.shape[1], head.weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(head.weight))
        layer.bias.copy_(torch.from_numpy(head.bias))
    return layer


def head_of(layer: Any) -> LinearHead:
    """The weights of such a torch layer, in main memory: the inverse of `linear_layer`."""
    weight, bias = (part.detach().cpu().numpy() for part in (layer.weight, layer.bias))
    return LinearHead(weight, bias)


def softmax(logits: NDArray[Any]) -> FloatArray:
    """Softmax over the last axis, (n, n_classes), in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    exp = np.exp(shifted)
    return np.asarray(exp / exp.sum(axis=-1, keepdims=True))


def sigmoid(logits: FloatArray) -> FloatArray:
    """A probability for each logit, same shape; logits beyond 60 either way count as 60."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))))


def log_loss(true: IntArray, probabilities: FloatArray) -> float:
    """Mean negative log likelihood in nats; smoother than accuracy for choosing a penalty."""
    chosen = probabilities[np.arange(len(true)), true]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def fit_linear(
    features: Any,
    labels: IntArray,
    n_classes: int,
    *,
    strength: float,
    balanced: bool = False,
    steps: int = STEPS,
) -> LinearHead:
    """Fit multinomial logistic regression with a ridge penalty.

    Args:
        features: (n, n_features), dense float32 or sparse; not modified.
        labels: (n,), int64, 0..n_classes-1; every class has a row.
        n_classes: Number of classes, at least 2.
        strength: C of scikit-learn, > 0: larger means a weaker penalty.
        balanced: Weigh rows by `class_weights`.
        steps: Of the solver, at most.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    weights = dict(enumerate(class_weights(labels, n_classes).tolist())) if balanced else None
    model = LogisticRegression(C=strength, max_iter=steps, class_weight=weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features, labels)
    return _head(model, n_classes)


def fit_margin(
    features: Any, labels: IntArray, validation: Any, validation_labels: IntArray, n_classes: int
) -> LinearHead:
    """Fit a linear SVM and scale its margins to probabilities on validation.

    On many sparse features this is ten times faster than logistic regression and
    rarely worse.

    Args:
        features: (n, n_features), sparse; not modified.
        labels: (n,), int64; every class has a row.
        validation: (m, n_features), where the one scale is fitted by log loss.
        validation_labels: (m,), int64.
        n_classes: Number of classes, at least 2.

    Source: temperature scaling, Guo et al. 2017.
    """
    from scipy.optimize import minimize_scalar
    from sklearn.svm import LinearSVC

    head = _head(LinearSVC(C=1.0, random_state=0).fit(features, labels), n_classes)
    margins = np.asarray(validation @ head.weight.T + head.bias)

    def loss(log_scale: float) -> float:
        return log_loss(validation_labels, softmax(margins * np.exp(log_scale)))

    scale = np.float32(np.exp(minimize_scalar(loss, bounds=(-2, 5), method="bounded").x))
    return LinearHead(head.weight * scale, head.bias * scale)


def _head(model: Any, n_classes: int) -> LinearHead:
    weight, bias = model.coef_, model.intercept_
    if n_classes == 2:  # scikit-learn keeps one row for two classes
        weight, bias = np.vstack([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return LinearHead(weight.astype(np.float32), bias.astype(np.float32))


def fit_best_linear(
    train: Any, labels: IntArray, validation: Any, validation_labels: IntArray, n_classes: int
) -> tuple[LinearHead, float]:
    """Fit one head for each strength and keep the one with the least validation log loss.

    Returns:
        The head and its strength.
    """
    fitted = [(fit_linear(train, labels, n_classes, strength=c), c) for c in STRENGTHS]
    return min(fitted, key=lambda f: log_loss(validation_labels, f[0].probabilities(validation)))


def class_weights(labels: IntArray, n_classes: int) -> NDArray[np.float32]:
    """Inverse root frequency by class, mean 1 over the rows: (n_classes,), float32.

    The root is gentler than the full inverse, which overshoots on rare classes
    (Mahajan et al. 2018 sample by it).
    """
    counts = np.maximum(np.bincount(labels, minlength=n_classes), 1)
    raw = 1 / np.sqrt(counts)
    return np.asarray(raw * len(labels) / (raw * counts).sum(), dtype=np.float32)
