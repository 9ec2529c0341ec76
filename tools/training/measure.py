"""Scores of a candidate on validation, quality and cost alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...evals.metrics import FloatArray, IntArray, score
from ..deployment.load import load_classifier
from ..deployment.saved import size_mb

TIMED_TEXTS = 100


def validation_scores(
    folder: Path,
    true: IntArray,
    probabilities: FloatArray,
    texts: Sequence[str],
    measured: Sequence[str],
) -> dict[str, float]:
    """Compute quality, size, and where a target asks for it, single-text latency.

    Args:
        folder: The saved model; it is loaded again to be timed.
        true: (n,), class indices.
        probabilities: (n, n_classes).
        texts: Validation texts, as prepared.
        measured: Cost metrics that a target names.
    """
    scores = score(true, probabilities)
    if not {"latency_p95_ms", "size_mb"} & set(measured):
        return scores
    model = load_classifier(folder)
    scores["size_mb"] = size_mb(folder, model.base_folder)
    if "latency_p95_ms" in measured:
        laps = model.latencies(list(texts[:TIMED_TEXTS]))
        scores["latency_p95_ms"] = float(np.percentile(laps, 95))
    return scores
