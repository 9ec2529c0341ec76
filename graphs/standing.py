"""Where a run stands: pure rules over candidates, targets and steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..evals.metrics import METRICS, sliced_metric
from ..evals.result import StopReason
from ..evals.targets import Target, all_hold, shortfall
from ..tools.facts import Candidate
from ..tools.tasks import TASKS, find_task

LEAST_GAIN = 0.001  # of the primary metric's scale; less is not progress
BLEND = "blend"
KNOWLEDGE = "knowledge"  # a candidate, answering under the domain graph
PROBES = frozenset(name for task in TASKS for name in find_task(task).probes)
MOST_STEPS = 60
MOST_REFUSED = 5
ASKED_ON = 1  # a controller that stops early is asked to go on this often


def primary_metric(targets: Sequence[Target], metrics: Sequence[str]) -> str:
    """What training maximises: the first target that speaks of answers, else the task's first.

    Args:
        targets: Of the run.
        metrics: Of the task.
    """
    for target in targets:
        metric = sliced_metric(target.metric) or target.metric
        if metric in metrics and metric != "ece":
            return metric
    return metrics[0]


def badness(
    scores: dict[str, float], targets: Sequence[Target], metric: str
) -> tuple[float, float]:
    """Order candidates: the gap to the targets first, then the primary metric.

    One whose kind of model has no such metric, as a copied text has no likelihood, is last.
    """
    own = -METRICS[metric].upward(scores[metric]) if metric in scores else math.inf
    return shortfall(targets, scores), own


def best(
    candidates: Sequence[Candidate], targets: Sequence[Target], metric: str
) -> Candidate | None:
    """The candidate to keep; of equals the earlier, which was the cheaper."""
    return min(candidates, key=lambda c: badness(c.validation, targets, metric), default=None)


def only_costs_missed(scores: dict[str, float], targets: Sequence[Target]) -> bool:
    """Tell whether nothing but speed or size is missed, which no further tuning mends."""
    missed = [t for t in targets if t.metric in scores and not t.holds(scores[t.metric])]
    return bool(missed) and all(METRICS[t.metric].unit for t in missed)


def attempts_without_gain(
    candidates: Sequence[Candidate], targets: Sequence[Target], metric: str
) -> int:
    """Count the tuned candidates since the last that brought the best forward.

    Blends, and candidates that were given knowledge, are no attempts of their own.
    """
    leader: tuple[float, float] | None = None
    waited, least = 0, LEAST_GAIN * METRICS[metric].scale
    for candidate in candidates:
        if candidate.strategy in {BLEND, KNOWLEDGE}:
            continue
        now = badness(candidate.validation, targets, metric)
        gained = (
            leader is None
            or leader[0] - now[0] > LEAST_GAIN
            or (leader[0] - now[0] > -1e-9 and leader[1] - now[1] >= least)
        )
        if candidate.strategy not in PROBES:
            waited = 0 if gained else waited + 1
        leader = now if leader is None else min(leader, now)
    return waited


def stop_reason(
    *,
    candidate: Candidate | None,
    targets: Sequence[Target],
    wants_to_finish: bool,
    waited: int,
    patience: int,
    asked_on: int,
    untried: bool,
    seconds_left: float | None,
    least_seconds: float,
    steps: int,
    refused: int,
) -> StopReason | None:
    """Decide whether the loop ends; None: it goes on.

    A controller's wish to finish counts when nothing has paid for a while, nothing
    is left to try, or it was asked to go on before.

    Args:
        candidate: The best so far.
        targets: All must hold on validation.
        wants_to_finish: The controller said so in this round.
        waited: `attempts_without_gain`.
        patience: Attempts without gain after which trying more is not worth it.
        asked_on: How often it was asked to go on.
        untried: Something known is left to try.
        seconds_left: For tools, confirm and report kept back; None without a limit.
        least_seconds: Below this no useful step fits.
        steps, refused: Counted against MOST_STEPS and MOST_REFUSED.
    """
    if candidate is not None and targets and all_hold(targets, candidate.validation):
        return "targets_met"
    if seconds_left is not None and seconds_left < least_seconds:
        return "budget_spent"
    if wants_to_finish:
        if waited >= patience:
            return "nothing_paid" if targets else "no_targets"
        if not untried or asked_on >= ASKED_ON:
            return "controller_finished" if targets else "no_targets"
    if steps >= MOST_STEPS or refused >= MOST_REFUSED:
        return "controller_finished"
    return None
