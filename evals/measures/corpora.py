"""What BLEU and chrF share: sacrebleu's statistics of segments, and its signature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..metrics import FloatArray

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric


def segment_statistics(
    metric: Metric, references: Sequence[Sequence[str]], given: Sequence[str], width: int
) -> FloatArray:
    """Give the sufficient statistics of n segments, (n, width), as sacrebleu resamples them."""
    if not given:
        return np.zeros((0, width))
    found = metric._extract_corpus_statistics(list(given), by_place(references))
    return np.array(found, dtype=np.float64)


def signed(metric: Metric, references: Sequence[Sequence[str]]) -> str:
    """Give the metric's signature for so many references a segment."""
    metric.corpus_score([""] * len(references), by_place(references))
    return str(metric.get_signature())


def by_place(references: Sequence[Sequence[str]]) -> list[Any]:
    """Turn references by segment into sacrebleu's order: all first ones, all second ones, …"""
    most = max(map(len, references))
    return [[r[i] if i < len(r) else None for r in references] for i in range(most)]
