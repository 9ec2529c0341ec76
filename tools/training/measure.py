"""Scores of a saved model on validation, quality and cost alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ...evals.measures import Stats, n_rows, score
from ...evals.measures.robust import NAMES as ROBUST
from ...evals.metrics import sliced_metric
from ...evals.slices import worst_of
from ..datasets.slices import parts_of
from ..datasets.types import Split
from ..deployment.model import Model, load_model
from ..deployment.saved import size_mb
from ..facts import Candidate, JobProgress, OnProgress, Setting
from ..jobs.spec import JobSpec
from ..tasks import find_task
from ..tasks.task import Answer

TIMED_ROWS = 100


def saved_scores(
    folder: Path, split: Split, spec: JobSpec, on_progress: OnProgress = lambda _: None
) -> dict[str, float]:
    """Load a saved model and score it, so that what is measured is what is handed over.

    Args:
        folder: The saved model.
        split: Rows with their gold, prepared as training was (masked or not).
        spec: Of the job: its task, and the cost metrics that a target names.
        on_progress: Called as it goes on.
    """
    model = load_model(folder)

    def tell(done: int, total: int) -> None:
        text = "scoring on validation"
        on_progress(JobProgress(share=0.98 + 0.02 * done / max(1, total), text=text))

    answers = model.answers(split, tell, prepared=True)
    answers = model.task.unflattered(model.card, split, answers)
    return scores_of(answers, split, spec) | costs_of(model, split, spec)


def rung(
    spec: JobSpec,
    name: str,
    scores: dict[str, float],
    seconds: float,
    settings: Mapping[str, Setting] | None = None,
) -> Candidate:
    """A cheap model as a candidate: its folder is called as its strategy is."""
    return Candidate(
        name=name,
        strategy=name,
        settings=dict(settings or {}),
        validation=scores,
        seconds=seconds,
        folder=name,
        data=spec.data_name,
    )


def scores_of(answers: Sequence[Answer], split: Split, spec: JobSpec) -> dict[str, float]:
    """Quality alone, of answers that are there already."""
    task = find_task(spec.what.task)
    stats = task.stats(split, answers)
    return score(stats, reported(spec)) | sliced_scores(stats, split, spec)


def sliced_scores(stats: Stats, split: Split, spec: JobSpec) -> dict[str, float]:
    """The worst slice in the metrics of which a target asks for it."""
    wanted = [m for m in spec.what.measured if sliced_metric(m)]
    if not wanted or n_rows(stats) != len(split):
        return {}
    return worst_of(wanted, stats, parts_of(split))


def reported(spec: JobSpec) -> list[str]:
    """The task's metrics; of those that are opt-in, what a target names."""
    task, named = find_task(spec.what.task), {spec.what.metric, *spec.what.measured}
    return [m for m in task.metrics if m not in task.opt_in or m in named]


def costs_of(model: Model, split: Split, spec: JobSpec) -> dict[str, float]:
    """Size, the latency of single rows, robustness: each where a target asks for it."""
    measured = spec.what.measured
    found = robustness_of(model, split, spec)
    if not {"latency_p95_ms", "size_mb"} & set(measured):
        return found
    found["size_mb"] = size_mb(model.folder, model.base_folder)
    if "latency_p95_ms" in measured:
        laps = model.latencies(split.take(range(min(TIMED_ROWS, len(split)))))
        found["latency_p95_ms"] = float(np.percentile(laps, 95))
    return found


def robustness_of(model: Model, split: Split, spec: JobSpec) -> dict[str, float]:
    """Where a target asks for it, the share of rows that stay right however they are written."""
    if not {*ROBUST} & set(spec.what.measured):
        return {}
    from ..robustness.measure import MOST_VALIDATION, rewrite, robust_rows
    from .base_model import find_base_model

    seed, base = spec.what.seed, find_base_model(spec.what.base_model)
    cache = Path(spec.cache) / "rewritten"
    rewritten = rewrite(model.task, split, MOST_VALIDATION, base, seed, cache)
    return score({"robust": robust_rows(model, rewritten, prepared=True)})
