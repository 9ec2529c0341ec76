"""Answers that are right and stay right where the row is written otherwise.

Statistics: (n, 1 + P), whether the row as it is is answered rightly, then the same under each
of PERTURBATIONS, in this order.

Source: the share of rows that no perturbation of a fixed set turns wrong, as "robust accuracy"
of an ensemble of attacks: Croce & Hein 2020, AutoAttack; Croce et al. 2021, RobustBench.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..metrics import FloatArray, IntArray
from .sums import additive

NAMES = ("robust_accuracy",)
PERTURBATIONS = ("typos", "keyboard", "case", "punctuation", "homoglyphs", "paraphrase")


def over(metric: str, stats: FloatArray) -> Callable[[IntArray], float]:
    """Prepare the share of rows that are right in every column."""
    held = np.column_stack([stats.min(axis=1), np.ones(len(stats))])
    return additive(held, lambda s: float(s[0] / s[1]))


def wrong(stats: FloatArray) -> FloatArray:
    """1 where a row is wrong somewhere, else 0: (n,)."""
    return np.asarray(1.0 - stats.min(axis=1))


def by_column(stats: FloatArray) -> dict[str, FloatArray]:
    """Whether rows are right, (n,) for "original" and each of PERTURBATIONS."""
    return dict(zip(("original", *PERTURBATIONS), stats.T, strict=True))
