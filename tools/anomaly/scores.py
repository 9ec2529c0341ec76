"""How odd an input looks to a classifier; higher is odder. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ...evals.metrics import FloatArray, IntArray
from ..training.linear import softmax

Score = Literal["max_softmax", "energy", "max_logit", "mahalanobis", "knn"]
SCORES: tuple[Score, ...] = get_args(Score)
NEIGHBOUR = 10  # whose distance counts, as far as there are so many
SHRINKAGE = 0.1  # of the covariance towards a multiple of the identity


@dataclass(frozen=True)
class Usual:
    """What a score compares with; only what it needs is there.

    Attributes:
        means: (n_classes, width), of the features of each class.
        precision: (width, width), inverse of the covariance within classes.
        neighbours: (n_train, width), features of training rows, unit length.
    """

    means: NDArray[np.float32] | None = None
    precision: NDArray[np.float32] | None = None
    neighbours: NDArray[np.float32] | None = None


def fit_usual(features: NDArray[np.float32], labels: IntArray) -> Usual:
    """Describe training rows by their features, (n, width), and classes, (n,).

    Nothing is described where a model has no features, as with tf-idf.
    """
    if not features.shape[1]:
        return Usual()
    known = np.unique(labels)
    means = np.stack([features[labels == c].mean(axis=0) for c in known]).astype(np.float32)
    centred = (features - means[np.searchsorted(known, labels)]).astype(np.float64)
    covariance = centred.T @ centred / max(1, len(features) - len(known))
    width = len(covariance)
    even = np.eye(width) * max(np.trace(covariance) / width, 1e-12)
    precision = np.linalg.inv((1 - SHRINKAGE) * covariance + SHRINKAGE * even)
    return Usual(means, precision.astype(np.float32), unit(features))


def needed(name: Score, usual: Usual) -> Usual:
    """Keep what one score needs."""
    if name == "mahalanobis":
        return Usual(usual.means, usual.precision, None)
    return Usual(neighbours=usual.neighbours) if name == "knn" else Usual()


def oddness(
    name: Score, logits: FloatArray, features: NDArray[np.float32], usual: Usual
) -> FloatArray:
    """Score n inputs.

    Args:
        name: Of the score.
        logits: (n, n_classes), before any temperature.
        features: (n, width), what the head looks at; may be empty for scores of logits.
        usual: Of training rows.

    Source: max_softmax Hendrycks & Gimpel 2017; energy Liu et al. 2020; max_logit Hendrycks
    et al. 2022; mahalanobis Lee et al. 2018; knn Sun et al. 2022.
    """
    if name == "max_softmax":
        return np.asarray(-softmax(logits).max(axis=1))
    # Probabilities say nothing of the level of logits: a blend has none, and a head whose classes
    # sum to zero gives a class away that was taken out. So the level is always their mean.
    logits = logits - logits.mean(axis=1, keepdims=True)
    if name == "max_logit":
        return np.asarray(-logits.max(axis=1))
    if name == "energy":
        top = logits.max(axis=1)
        return np.asarray(-(top + np.log(np.exp(logits - top[:, None]).sum(axis=1))))
    if name == "mahalanobis":
        return _mahalanobis(features, usual)
    return _neighbour(features, usual)


def unit(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale rows to length 1."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(length, 1e-12), np.float32)


def _mahalanobis(features: NDArray[np.float32], usual: Usual) -> FloatArray:
    """Squared distance to the nearest class mean."""
    if usual.means is None or usual.precision is None:
        raise ValueError("mahalanobis needs means and precision")
    x, means = features.astype(np.float64), usual.means.astype(np.float64)
    precision = usual.precision.astype(np.float64)
    own = np.einsum("nd,nd->n", x @ precision, x)
    theirs = np.einsum("cd,cd->c", means @ precision, means)
    return np.asarray((own[:, None] - 2 * x @ precision @ means.T + theirs[None]).min(axis=1))


def _neighbour(features: NDArray[np.float32], usual: Usual) -> FloatArray:
    """Cosine distance to the NEIGHBOUR-th nearest training row."""
    if usual.neighbours is None:
        raise ValueError("knn needs neighbours")
    k = min(NEIGHBOUR, len(usual.neighbours))
    near = unit(features) @ usual.neighbours.T
    return np.asarray(1 - np.partition(near, -k, axis=1)[:, -k], np.float64)
