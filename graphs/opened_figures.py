"""What the opened test split said: targets, comparisons and robustness from a job's arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from ..evals.anomaly import ODD_METRICS, auroc_interval
from ..evals.measures import KINDS, kind_of
from ..evals.measures.robust import by_column
from ..evals.metrics import METRICS, sliced_metric
from ..evals.result import Comparison, Robustness, Share, SwapAttack, TargetResult
from ..evals.slices import worst_over
from ..evals.statistics import compare, interval, latency_interval, resampled, share_interval
from ..evals.targets import Target
from ..tools.datasets.slices import parts_of
from ..tools.datasets.types import Split
from ..tools.facts import Candidate, Facts
from ..tools.training.score import ATTACKED, LATENCIES, ODD, USUAL
from .integrity import sidak


class Confirmed(BaseModel):
    """What the opened test split said."""

    chosen: str | None
    targets: list[TargetResult]
    scores: dict[str, dict[str, float]]
    comparisons: list[Comparison]
    folder: str
    robustness: list[Robustness] = []
    model: str = ""  # folder of the chosen model as it is handed over


def stats_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What metrics follow from, among the arrays of a scored model."""
    return {kind: array for kind, array in arrays.items() if kind in KINDS}


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """What a job wrote of one model, by name."""
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def target_result(
    target: Target,
    chosen: Candidate,
    test: Mapping[str, float],
    arrays: Mapping[str, NDArray[Any]],
    split: Split,
    seed: int,
) -> TargetResult:
    """A target on the test split, with its interval where the metric has one.

    Args:
        target: As asked.
        chosen: The candidate that is handed over.
        test: Its figures.
        arrays: What they follow from.
        split: The test rows.
        seed: Of resampling.
    """
    measured = test.get(target.metric)
    if target.metric == "latency_p95_ms":
        ci: tuple[float, float] | None = latency_interval(arrays[LATENCIES], seed=seed)
    elif target.metric == "ood_auroc" and measured is not None:
        ci = auroc_interval(arrays[USUAL], arrays[ODD], seed=seed)
    elif METRICS[target.metric].unit or target.metric in ODD_METRICS or measured is None:
        ci = None  # a quoted text has no likelihood
    elif (sliced := sliced_metric(target.metric)) is not None:
        stats = stats_of(arrays)
        worst = worst_over(sliced, stats, parts_of(split))
        ci = None if worst is None else resampled(worst, len(split), seed=seed)
    else:
        ci = interval(target.metric, stats_of(arrays), seed=seed)
    return TargetResult(
        metric=target.metric,
        op=target.op,
        value=target.value,
        validation=chosen.validation.get(target.metric),
        test=measured,
        ci=ci,
        met=measured is not None and target.holds(measured),
    )


def comparisons(
    main: str,
    arrays: Mapping[str, Mapping[str, NDArray[Any]]],
    metric: str,
    seed: int,
    looks: int = 1,
) -> list[Comparison]:
    """The chosen model against every baseline, on the same rows."""
    first = stats_of(arrays[main])
    found = []
    for name in arrays:
        if name == main:
            continue
        other = stats_of(arrays[name])
        if kind_of(metric, first) is None or kind_of(metric, other) is None:
            continue  # a copied text, say, has no likelihood
        d = compare(metric, first, other, seed=seed)
        found.append(
            Comparison(
                against=name,
                metric=metric,
                difference=d.value,
                ci=(d.low, d.high),
                p_value=d.p_value,
                p_adjusted=sidak(d.p_value, looks),
                looks=looks,
            )
        )
    return found


def robustness(arrays: Mapping[str, Mapping[str, NDArray[Any]]], seed: int) -> list[Robustness]:
    """What perturbations and the attack did to each model that was asked."""
    return [
        Robustness(
            model=name,
            rows=len(found["robust"]),
            robust_accuracy=_share("robust_accuracy", found["robust"].min(axis=1), seed),
            under=[_share(n, column, seed) for n, column in by_column(found["robust"]).items()],
            attack=_attack(found[ATTACKED], seed) if ATTACKED in found else None,
        )
        for name, found in arrays.items()
        if "robust" in found
    ]


def _attack(found: NDArray[Any], seed: int) -> SwapAttack:
    before, after, words = found.T
    won = words[~np.isnan(words)]
    return SwapAttack(
        rows=len(found),
        before=float(before.mean()),
        after=_share("attack", after, seed),
        words=float(won.mean()) if len(won) else None,
    )


def _share(name: str, hits: NDArray[Any], seed: int) -> Share:
    return Share(name=name, value=float(hits.mean()), ci=share_interval(hits, seed=seed))


def unmeasured(targets: tuple[Target, ...]) -> list[TargetResult]:
    return [
        TargetResult(
            metric=t.metric, op=t.op, value=t.value, validation=None, test=None, ci=None, met=False
        )
        for t in targets
    ]


def caveats(found: Confirmed, facts: Facts, metric: str, looks: int) -> tuple[str, ...]:
    """What the number of tries does to the figures."""
    said = []
    tried = len(facts.candidates) + sum(t.state == "complete" for t in facts.trials)
    chosen = next((c for c in facts.candidates if c.name == found.chosen), None)
    test = found.scores.get("chosen", {}).get(metric)
    on_validation = chosen.validation.get(metric) if chosen else None
    if tried > 1 and test is not None and on_validation is not None:
        said.append(
            f"The model was chosen among {tried} on validation, so its {metric} there "
            f"({on_validation:.4f}) flatters it; on the test split, which saw no other choice, it "
            f"is {test:.4f}."
        )
    if looks > 1:
        said.append(
            f"{looks} runs of this workspace have opened test rows of this data. Each is another "
            "chance to be lucky: p-values are also given adjusted for that (Šidák)."
        )
    return tuple(said)
