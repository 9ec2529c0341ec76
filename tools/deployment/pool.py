"""Several classifiers' opinions made one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...evals.metrics import FloatArray


def leading_features(
    features: Sequence[NDArray[np.float32]], weights: Sequence[float]
) -> NDArray[np.float32]:
    """The features, (n, width), of the heaviest member that has any; width 0 where none has."""
    heaviest = np.argsort([-w for w in weights], kind="stable")
    return next((features[i] for i in heaviest if features[i].shape[1]), features[0])


def pooled(opinions: Sequence[FloatArray], weights: Sequence[float] | FloatArray) -> FloatArray:
    """Combine probabilities as a weighted product, scaled to sum to 1.

    Args:
        opinions: For each member (n, n_classes), rows sum to 1.
        weights: For each member, not negative.

    Returns:
        (n, n_classes), float64.
    """
    from scipy.special import softmax

    logs = sum(
        weight * np.log(np.clip(found, 1e-6, None))
        for weight, found in zip(weights, opinions, strict=True)
    )
    return np.asarray(softmax(logs, axis=1), np.float64)
