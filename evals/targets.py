"""Targets: what a run must reach, as written by a person ("macro_f1>=0.90")."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from .measures.robust import NAMES as ROBUST
from .metrics import METRICS, PLAIN

_FORM = re.compile(r"\s*([A-Za-z_]\w*(?:\s*\(\s*\w+\s*\))?)\s*(>=|<=)\s*([-+.\w]+)\s*")


class TargetError(ValueError):
    """A target that cannot be read or can never be met."""


class Target(BaseModel):
    """One condition on one metric; all targets of a run must hold."""

    model_config = ConfigDict(frozen=True)

    metric: str
    op: Literal[">=", "<="]
    value: float

    def __str__(self) -> str:
        return f"{self.metric}{self.op}{self.value:g}"

    def holds(self, measured: float) -> bool:
        """Tell whether a measured value satisfies this target."""
        return measured >= self.value if self.op == ">=" else measured <= self.value

    def gap(self, measured: float) -> float:
        """Distance still to go in the metric's unit; 0 when the target holds."""
        missing = self.value - measured if self.op == ">=" else measured - self.value
        return max(0.0, missing)


def parse_target(text: str) -> Target:
    """Read one target.

    Raises:
        TargetError: Not METRIC>=NUMBER or METRIC<=NUMBER, an unknown metric, a
            value the metric cannot take, or a condition on the wrong side.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise TargetError(f"target {text!r}: write it as METRIC>=NUMBER or METRIC<=NUMBER")
    name, op, number = match.groups()
    name = "".join(name.split())
    if name not in METRICS:
        raise TargetError(f"target {text!r}: unknown metric {name!r}; choose from {_names()}")
    metric = METRICS[name]
    try:
        value = float(number)
    except ValueError:
        raise TargetError(f"target {text!r}: {number!r} is not a number") from None
    if not math.isfinite(value) or value < metric.low or value > (metric.high or math.inf):
        bounds = f"{metric.low:g} to {'any size' if metric.high is None else f'{metric.high:g}'}"
        raise TargetError(f"target {text!r}: {name} lies in {bounds}, so {number} cannot be met")
    wanted: Literal[">=", "<="] = ">=" if metric.direction == "higher" else "<="
    if op != wanted:
        raise TargetError(
            f"target {text!r}: {metric.direction} {name} is better; write {name}{wanted}{number}"
        )
    return Target(metric=name, op=wanted, value=value)


def all_hold(targets: Sequence[Target], measured: Mapping[str, float]) -> bool:
    """Tell whether every target holds; a metric that was not measured does not."""
    return all(t.metric in measured and t.holds(measured[t.metric]) for t in targets)


def eased(before: Sequence[Target], after: Sequence[Target]) -> bool:
    """Tell whether something may meet `after` that would miss `before`."""
    return not all(
        any(new.metric == old.metric and old.holds(new.value) for new in after) for old in before
    )


def shortfall(targets: Sequence[Target], measured: Mapping[str, float]) -> float:
    """Sum the gaps over all targets, each relative to the larger of its value and what was
    measured, so that no target outweighs the others however far it is out of reach.

    A metric that was not measured counts as a gap of 2, wider than any that was.
    """
    return sum(
        t.gap(measured[t.metric]) / max(abs(t.value), abs(measured[t.metric]), 1e-9)
        if t.metric in measured
        else 2.0
        for t in targets
    )


def wants_robust(targets: Sequence[Target]) -> bool:
    """Tell whether answers have to bear rows that are written otherwise."""
    return any(t.metric in ROBUST for t in targets)


def _names() -> str:
    return ", ".join(PLAIN) + ", or min_slice(METRIC) of these"
