"""How well a base model suits a task, told from its frozen features alone."""

from __future__ import annotations

import numpy as np

from ...evals.metrics import FloatArray

ROUNDS = 100  # of the fixed point, at most; it takes about ten
TOLERANCE = 1e-5


def log_me(features: FloatArray, targets: FloatArray) -> float:
    """Logarithm of the maximum evidence of a Bayesian linear model, a row and target.

    How likely the targets are, with the weights of a linear map integrated out, and the
    precisions of weights and noise as likely as can be. Higher is better.

    Args:
        features: (n, width), of a frozen model.
        targets: (n, k): one-hot or 0/1 labels, or scores.

    Returns:
        Mean over rows and columns of `targets`; comparable between models on the same rows.

    Source: You et al. 2021, LogME (its fixed point: You et al. 2022, section 4.4).
    """
    left, singular, _ = np.linalg.svd(features, full_matrices=False)
    return float(np.mean([_evidence(left, singular**2, y) for y in targets.T]))


def _evidence(left: FloatArray, squares: FloatArray, target: FloatArray) -> float:
    """Of one column, maximised over both precisions.

    Args:
        left: (n, k) left singular vectors of the features.
        squares: (k,) squared singular values.
        target: (n,).
    """
    n = len(target)
    along = (left.T @ target) ** 2
    outside = float(target @ target - along.sum())
    alpha = beta = 1.0
    for _ in range(ROUNDS):
        ratio = alpha / beta
        used = float((squares / (squares + ratio)).sum())
        weights = float((squares * along / (squares + ratio) ** 2).sum())
        residual = float((along / (1 + squares / ratio) ** 2).sum()) + max(outside, 0.0)
        alpha = used / (weights + 1e-12)
        beta = (n - used) / (residual + 1e-12)
        if abs(alpha / beta - ratio) <= TOLERANCE * ratio:
            break
    ratio = alpha / beta
    weights = float((squares * along / (squares + ratio) ** 2).sum())
    residual = float((along / (1 + squares / ratio) ** 2).sum()) + max(outside, 0.0)
    k = len(squares)  # directions without variance cancel out
    found = (
        k * np.log(alpha)
        + n * np.log(beta)
        - np.log(alpha + beta * squares).sum()
        - beta * residual
        - alpha * weights
        - n * np.log(2 * np.pi)
    )
    return float(found / (2 * n))


def h_score(features: FloatArray, classes: FloatArray) -> float:
    """How far apart the classes lie, measured in the features' own spread. Higher is better.

    The trace of the inverse covariance of the features times the covariance of their class
    means; the covariance is shrunk, as there are hardly more rows than columns.

    Args:
        features: (n, width), of a frozen model.
        classes: (n,), which class each row has.

    Source: Bao et al. 2019, H-score; shrinkage as Ibrahim et al. 2022 propose.
    """
    from sklearn.covariance import ledoit_wolf

    centred = features - features.mean(axis=0)
    means = np.zeros_like(centred)
    for one in np.unique(classes):
        means[classes == one] = centred[classes == one].mean(axis=0)
    covariance, shrinkage = ledoit_wolf(centred, assume_centered=True)
    between = means.T @ means / len(means)
    return float((1 - shrinkage) * np.trace(np.linalg.pinv(covariance, hermitian=True) @ between))
