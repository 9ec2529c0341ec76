"""How odd an input looks to a model; higher is odder. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ...evals.metrics import FloatArray
from ..training.linear import sigmoid, softmax
from .seen import Link, Marks, States

Score = Literal["max_softmax", "energy", "max_logit", "mahalanobis", "knn"]
SCORES: tuple[Score, ...] = get_args(Score)
# The level of logits over choices that differ from row to row says nothing, and the highest
# sigmoid ranks rows as its logit does.
SCORES_OF: Mapping[Link, tuple[Score, ...]] = {
    "softmax": SCORES,
    "sigmoid": ("energy", "max_logit", "mahalanobis", "knn"),
    "choices": ("max_softmax", "mahalanobis", "knn"),
    "number": ("mahalanobis", "knn"),
}
OF_WORDS: Mapping[Link, Score] = {  # where a model has no features
    "softmax": "max_softmax",
    "sigmoid": "max_logit",
    "choices": "max_softmax",
}
NEIGHBOUR = 10  # whose distance counts, as far as there are so many
SHRINKAGE = 0.1  # of the covariance towards a multiple of the identity


@dataclass(frozen=True)
class Usual:
    """What a score compares with; only what it needs is there.

    Attributes:
        means: (groups, width), of the features of each class, and of rows that have none.
        precision: (width, width), inverse of the covariance within groups.
        neighbours: (n_train, width), features of training rows, unit length.
    """

    means: NDArray[np.float32] | None = None
    precision: NDArray[np.float32] | None = None
    neighbours: NDArray[np.float32] | None = None


def fit_usual(features: NDArray[np.float32], classes: Marks) -> Usual:
    """Describe training rows by their features, (n, width), and classes, (n, C).

    A row of several classes counts in each of them, and rows of none are a group of their own:
    where there are no classes (C is 0), the only one. Nothing is described where a model has
    no features, as with tf-idf.

    Source: Lee et al. 2018 for one class a row; Wang et al. 2021, "Can multi-label classification
    networks know what they don't know?", for several.
    """
    if not features.shape[1]:
        return Usual()
    groups = np.column_stack([classes, ~classes.any(axis=1)])
    row, group = np.nonzero(groups)
    known, group = np.unique(group, return_inverse=True)
    means = np.stack([features[row[group == g]].mean(axis=0) for g in range(len(known))])
    centred = (features[row] - means[group]).astype(np.float64)
    covariance = centred.T @ centred / max(1, len(row) - len(known))
    width = len(covariance)
    even = np.eye(width) * max(np.trace(covariance) / width, 1e-12)
    precision = np.linalg.inv((1 - SHRINKAGE) * covariance + SHRINKAGE * even)
    return Usual(means.astype(np.float32), precision.astype(np.float32), unit(features))


def needed(name: Score, usual: Usual) -> Usual:
    """Keep what one score needs."""
    if name == "mahalanobis":
        return Usual(usual.means, usual.precision, None)
    return Usual(neighbours=usual.neighbours) if name == "knn" else Usual()


def oddness(name: Score, link: Link, states: States, usual: Usual) -> FloatArray:
    """Score n inputs.

    Args:
        name: Of the score, one of those of the link.
        link: How logits become answers.
        states: Of the inputs; features may be empty for scores of logits.
        usual: Of training rows.

    Source: max_softmax Hendrycks & Gimpel 2017; energy Liu et al. 2020, over several labels
    Wang et al. 2021 (JointEnergy); max_logit Hendrycks et al. 2022; mahalanobis Lee et al. 2018;
    knn Sun et al. 2022.
    """
    if name == "mahalanobis":
        return _mahalanobis(states.features, usual)
    if name == "knn":
        return _neighbour(states.features, usual)
    logits = states.logits
    if name == "max_softmax":
        return np.asarray(-softmax(logits).max(axis=1))
    if link == "sigmoid":  # the level says whether a label holds
        if name == "energy":
            return np.asarray(-np.logaddexp(0, logits).sum(axis=1))
        return np.asarray(-logits.max(axis=1))
    # Probabilities say nothing of the level of logits: a blend has none, and a head whose classes
    # sum to zero gives a class away that was taken out. So the level is always their mean.
    logits = logits - logits.mean(axis=1, keepdims=True)
    if name == "max_logit":
        return np.asarray(-logits.max(axis=1))
    top = logits.max(axis=1)
    return np.asarray(-(top + np.log(np.exp(logits - top[:, None]).sum(axis=1))))


def chances(link: Link, logits: FloatArray) -> FloatArray:
    """Turn logits into probabilities, (n, C): those of a row sum to 1, or each stands alone."""
    if link == "sigmoid":
        return sigmoid(logits)
    return softmax(logits) if logits.shape[1] else logits


def unit(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale rows to length 1."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(length, 1e-12), np.float32)


def _mahalanobis(features: NDArray[np.float32], usual: Usual) -> FloatArray:
    """Squared distance to the nearest group's mean."""
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
