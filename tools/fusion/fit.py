"""How strongly knowledge is applied, and whether it pays: decided on validation, out of fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...evals.measures import Stats, over, value
from ...evals.metrics import METRICS, FloatArray, IntArray
from ...evals.result import KnowledgeUse
from ...evals.statistics import compare
from .facts import Source

FOLDS = 5
StatsOf = Callable[[Mapping[Source, float]], dict[str, FloatArray]]  # of all rows, so applied


@dataclass(frozen=True)
class Fitted:
    """One kind of knowledge, or several: what it does to rows that its strength was not fitted to.

    Attributes:
        use: For people.
        strengths: Fitted to all rows; what a model is saved with.
        stats: Of all rows, each from the fold that it was held out of.
    """

    use: KnowledgeUse
    strengths: dict[Source, float]
    stats: dict[str, FloatArray]


def fit_uses(
    stats_of: StatsOf,
    grids: Mapping[Source, Sequence[float]],
    metric: str,
    *,
    parts: int = FOLDS,
    seed: int,
) -> list[Fitted]:
    """Fit each kind of knowledge alone, and those that pay together.

    Args:
        stats_of: Statistics of the rows with knowledge applied; {} means none.
        grids: The strengths to try; 0 is always tried.
        metric: What is to rise.
        parts: Folds; the strength that a row gets is fitted to the others.
        seed: Of folds and resampling.
    """
    base = stats_of({})
    found = [_fitted(stats_of, base, {s: grid}, metric, parts, seed) for s, grid in grids.items()]
    paying = {s: grids[s] for f in found if f.use.pays for s in f.strengths}
    if len(paying) > 1:
        found.append(_fitted(stats_of, base, paying, metric, parts, seed))
    return found


def best_use(fitted: Sequence[Fitted], metric: str) -> Fitted | None:
    """The one that pays most; None where none does."""
    paying = [f for f in fitted if f.use.pays]
    upward = METRICS[metric].upward
    return max(paying, key=lambda f: upward(f.use.after), default=None)


def _fitted(
    stats_of: StatsOf,
    base: Stats,
    grids: Mapping[Source, Sequence[float]],
    metric: str,
    parts: int,
    seed: int,
) -> Fitted:
    rows = len(next(iter(base.values())))
    by_strength: dict[tuple[float, ...], dict[str, FloatArray]] = {}

    def stats(strengths: tuple[float, ...]) -> dict[str, FloatArray]:
        if strengths not in by_strength:
            said = dict(zip(grids, strengths, strict=True))
            by_strength[strengths] = stats_of(said)
        return by_strength[strengths]

    def choose(chosen: IntArray) -> tuple[float, ...]:
        """One kind after the other, the rest as it is so far."""
        now = (0.0,) * len(grids)
        for position, grid in enumerate(grids.values()):
            options = [(*now[:position], s, *now[position + 1 :]) for s in sorted({0.0, *grid})]
            now = max(options, key=lambda o: _upward(metric, stats(o), chosen))
        return now

    held = {kind: np.array(array) for kind, array in base.items()}
    for fold in folds(rows, parts, seed):
        rest = np.setdiff1d(np.arange(rows), fold)
        there = stats(choose(rest))
        for kind in held:
            held[kind][fold] = there[kind][fold]
    final = choose(np.arange(rows))
    strengths = {s: v for s, v in zip(grids, final, strict=True) if v}
    difference = compare(metric, held, base, seed=seed)
    sign = METRICS[metric].upward(1.0)
    beyond_doubt = min(sign * difference.low, sign * difference.high) > 0
    use = KnowledgeUse(
        sources=list(grids),
        metric=metric,
        before=value(metric, base),
        after=value(metric, held),
        difference=difference.value,
        ci=(difference.low, difference.high),
        strengths={str(s): v for s, v in strengths.items()},
        pays=beyond_doubt and len(strengths) == len(grids),
    )
    return Fitted(use, strengths, held)


def folds(rows: int, parts: int, seed: int) -> list[NDArray[np.int64]]:
    """Positions of each fold, drawn at random."""
    order = np.random.default_rng([seed, rows]).permutation(rows)
    cuts = np.linspace(0, rows, min(parts, rows) + 1).astype(np.int64)
    return [np.sort(order[a:b]) for a, b in pairwise(cuts)]


def _upward(metric: str, stats: Stats, rows: IntArray) -> float:
    return METRICS[metric].upward(over(metric, stats)(rows))
