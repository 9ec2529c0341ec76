"""What metrics are computed from: one module for each kind of statistics.

A task turns its answers into statistics, one line for each row of a split. A kind turns
those of any selection of rows into metrics, so that scores, intervals and paired tests
are the same code for every metric. A module of this folder holds one kind:

    NAMES                     the metrics it gives
    over(metric, stats)       (n, k) statistics -> `Selector`
    wrong(stats)              (n,): how wrong each row is, 0 where it is right

and functions that make its statistics from gold and answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Protocol, cast

import numpy as np

from ..metrics import FloatArray, IntArray

Stats = Mapping[str, FloatArray]  # kind -> (n, k): one line for each row
Selector = Callable[[IntArray], float]  # indices of rows, repeats allowed -> the metric over them

KINDS = (
    "classes",
    "labelsets",
    "relations",
    "calibration",
    "entities",
    "squad",
    "bleu",
    "chrf",
    "rouge",
    "distinct",
    "tokens",
    "values",
    "passes",
    "exact",
    "robust",
    "control",
    "intents",
    "slots",
)


class Measure(Protocol):
    """What a module of this folder offers."""

    NAMES: tuple[str, ...]

    def over(self, metric: str, stats: FloatArray) -> Selector:
        """Prepare one metric for many selections of the same rows."""

    def wrong(self, stats: FloatArray) -> FloatArray:
        """Tell how wrong each row is, 0 where it is right: (n, k) -> (n,)."""


def measure(kind: str) -> Measure:
    """Give the module of a kind of statistics, one of KINDS.

    Raises:
        ValueError: There is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"no statistics {kind!r}; there are {', '.join(KINDS)}")
    return cast(Measure, import_module(f"{__name__}.{kind}"))


def kind_of(metric: str, stats: Stats) -> str | None:
    """Name the kind of statistics, among those at hand, that a metric follows from."""
    return next((kind for kind in stats if metric in measure(kind).NAMES), None)


def over(metric: str, stats: Stats) -> Selector:
    """Prepare one metric for many selections of the same rows.

    Raises:
        ValueError: It does not follow from these statistics.
    """
    kind = kind_of(metric, stats)
    if kind is None:
        raise ValueError(f"{metric} does not follow from the statistics {', '.join(stats)}")
    return measure(kind).over(metric, stats[kind])


def value(metric: str, stats: Stats) -> float:
    """Compute one metric over all rows.

    Raises:
        ValueError: It does not follow from these statistics.
    """
    kind = kind_of(metric, stats)
    rows = n_rows(stats) if kind is None else len(stats[kind])
    return over(metric, stats)(np.arange(rows))


def wrong(metric: str, stats: Stats) -> FloatArray:
    """Tell how wrong each row is in the statistics of a metric, 0 where it is right: (n,)."""
    kind = kind_of(metric, stats) or next(iter(stats))
    return measure(kind).wrong(stats[kind])


def score(stats: Stats, only: Sequence[str] | None = None) -> dict[str, float]:
    """Compute every metric that follows from the statistics, over all rows.

    Args:
        stats: See above.
        only: The metrics that matter, in the order wanted; None means all.

    Returns:
        Metric -> value. One that has no meaning here is left out, such as the F1 of
        unanswerable questions where every question has an answer.
    """
    known = dict.fromkeys(name for kind in stats for name in measure(kind).NAMES)
    names = known if only is None else [name for name in only if name in known]
    values = {name: value(name, stats) for name in names}
    return {name: v for name, v in values.items() if not math.isnan(v)}


def n_rows(stats: Stats) -> int:
    """Count the rows that the statistics are of."""
    return len(next(iter(stats.values())))
