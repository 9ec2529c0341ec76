"""Metrics, by the names that targets and reports use."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class Metric:
    """One number about a model; `measures` computes it where it follows from answers.

    Attributes:
        name: As written in targets.
        direction: Which way is better.
        low, high: The values it can take; None where there is no bound.
        unit: "" where it has none.
    """

    name: str
    direction: Direction
    low: float
    high: float | None
    unit: str = ""

    @property
    def scale(self) -> float:
        """What a noticeable difference is measured against: 100 for bleu, else 1."""
        return self.high or 1.0

    def upward(self, value: float) -> float:
        """The value, turned round where lower is better."""
        return value if self.direction == "higher" else -value

    def error(self, value: float) -> float:
        """How far it is from the best there can be, in the metric's unit."""
        best = self.low if self.direction == "lower" else (self.high or value)
        return abs(best - value)


PASS_AT = (1, 2, 3, 5, 10, 20)  # draws, one of which has to pass

PLAIN: dict[str, Metric] = {
    m.name: m
    for m in (
        Metric("accuracy", "higher", 0, 1),
        Metric("macro_f1", "higher", 0, 1),
        Metric("micro_f1", "higher", 0, 1),
        Metric("weighted_f1", "higher", 0, 1),
        Metric("mcc", "higher", -1, 1),
        Metric("ece", "lower", 0, 1),
        Metric("ood_auroc", "higher", 0, 1),
        Metric("ood_fpr95", "lower", 0, 1),
        Metric("robust_accuracy", "higher", 0, 1),
        Metric("map", "higher", 0, 1),
        Metric("f1", "higher", 0, 1),
        Metric("exact_match", "higher", 0, 1),
        Metric("no_answer_f1", "higher", 0, 1),
        Metric("bleu", "higher", 0, 100),
        Metric("chrf", "higher", 0, 100),
        Metric("rouge1", "higher", 0, 1),
        Metric("rouge2", "higher", 0, 1),
        Metric("rougeL", "higher", 0, 1),
        Metric("distinct_1", "higher", 0, 1),
        Metric("distinct_2", "higher", 0, 1),
        *(Metric(f"pass_at_{k}", "higher", 0, 1) for k in PASS_AT),
        Metric("perplexity", "lower", 1, None),
        Metric("nll", "lower", 0, None),  # nats a token
        Metric("spearman", "higher", -1, 1),
        Metric("control_accuracy", "higher", 0, 1),
        Metric("intent_accuracy", "higher", 0, 1),
        Metric("slot_accuracy", "higher", 0, 1),
        Metric("latency_p95_ms", "lower", 0, None, unit="ms"),
        Metric("size_mb", "lower", 0, None, unit="MB"),
    )
}

_SLICED = re.compile(r"(?:min|max)_slice\((\w+)\)")
_ANSWERS = [m for m in PLAIN.values() if not m.unit and not m.name.startswith(("ood_", "robust_"))]
METRICS: dict[str, Metric] = PLAIN | {
    m.name: m
    for m in (
        replace(m, name=f"{'min' if m.direction == 'higher' else 'max'}_slice({m.name})")
        for m in _ANSWERS
    )
}


def sliced_metric(name: str) -> str | None:
    """The metric of which a name means the worst slice, as `min_slice(macro_f1)`; else None."""
    found = _SLICED.fullmatch(name)
    return found[1] if found else None
