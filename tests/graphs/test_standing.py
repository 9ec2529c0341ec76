"""The rules by which a run is judged, as tables."""

from __future__ import annotations

from typing import Any

import pytest
from tuneos.evals.targets import parse_target
from tuneos.graphs.standing import (
    MOST_REFUSED,
    MOST_STEPS,
    attempts_without_gain,
    best,
    only_costs_missed,
    primary_metric,
    stop_reason,
)
from tuneos.tools.facts import Candidate

TARGETS = (parse_target("macro_f1>=0.90"),)
FAST = parse_target("latency_p95_ms<=10")


def candidate(name: str, macro_f1: float, strategy: str = "lora", **more: float) -> Candidate:
    scores = {"macro_f1": macro_f1, "accuracy": macro_f1, **more}
    return Candidate(name=name, strategy=strategy, validation=scores, seconds=1.0, folder="")


@pytest.mark.parametrize(
    ("targets", "metric"),
    [
        ([], "macro_f1"),
        (["accuracy>=0.9"], "accuracy"),
        (["macro_f1>=0.9", "accuracy>=0.9"], "macro_f1"),
        (["latency_p95_ms<=10", "accuracy>=0.9"], "accuracy"),
        (["latency_p95_ms<=10", "size_mb<=50"], "macro_f1"),
    ],
)
def test_primary_metric_is_the_first_target_that_speaks_of_answers(
    targets: list[str], metric: str
) -> None:
    assert primary_metric([parse_target(t) for t in targets], ("macro_f1", "accuracy")) == metric


@pytest.mark.parametrize(
    ("macro_f1", "latency", "missed"),
    [(0.95, 5.0, False), (0.95, 20.0, True), (0.85, 20.0, False), (0.85, 5.0, False)],
)
def test_only_costs_are_missed_when_every_target_of_answers_holds(
    macro_f1: float, latency: float, missed: bool
) -> None:
    scores = {"macro_f1": macro_f1, "latency_p95_ms": latency}
    assert only_costs_missed(scores, (*TARGETS, FAST)) is missed


@pytest.mark.parametrize(
    ("values", "chosen"),
    [
        ([], None),
        ([0.5], "c0"),
        ([0.5, 0.8, 0.7], "c1"),
        ([0.8, 0.8], "c0"),  # of equals the cheaper, earlier one
        ([0.92, 0.95], "c1"),  # both meet the target; the metric decides
    ],
)
def test_best_is_nearest_to_the_targets_then_highest(
    values: list[float], chosen: str | None
) -> None:
    found = best([candidate(f"c{i}", v) for i, v in enumerate(values)], TARGETS, "macro_f1")
    assert (found.name if found else None) == chosen


def test_best_prefers_meeting_every_target_to_the_highest_metric() -> None:
    slow = candidate("slow", 0.99, latency_p95_ms=40.0)
    fast = candidate("fast", 0.91, latency_p95_ms=5.0)
    assert best([slow, fast], (*TARGETS, FAST), "macro_f1") == fast


def test_candidate_that_was_not_measured_is_not_near_the_target() -> None:
    unmeasured = candidate("unmeasured", 0.95)
    slow = candidate("slow", 0.95, latency_p95_ms=11.0)
    assert best([unmeasured, slow], (FAST,), "macro_f1") == slow


@pytest.mark.parametrize(
    ("history", "waited"),
    [
        ([], 0),
        ([("tfidf_linear", 0.80)], 0),
        ([("tfidf_linear", 0.80), ("frozen_linear", 0.70)], 0),  # probes are no attempts
        ([("lora", 0.80)], 0),
        ([("lora", 0.80), ("full", 0.85)], 0),
        ([("lora", 0.80), ("full", 0.80)], 1),
        ([("lora", 0.80), ("full", 0.8005)], 1),  # less than LEAST_GAIN is no progress
        ([("lora", 0.80), ("full", 0.70), ("dora", 0.75)], 2),
        ([("lora", 0.80), ("full", 0.70), ("dora", 0.85)], 0),
        ([("frozen_linear", 0.85), ("top_layers", 0.80), ("lora", 0.84)], 2),
        ([("lora", 0.80), ("blend", 0.90)], 0),  # blends are no attempts, and raise no bar
        ([("lora", 0.80), ("blend", 0.90), ("full", 0.85)], 0),
        ([("frozen_linear", 0.85), ("top_layers", 0.80), ("lora", 0.86)], 0),
    ],
)
def test_attempts_without_gain_counts_since_the_last_gain(
    history: list[tuple[str, float]], waited: int
) -> None:
    made = [candidate(f"c{i}", v, s) for i, (s, v) in enumerate(history)]
    assert attempts_without_gain(made, TARGETS, "macro_f1") == waited
    assert attempts_without_gain(made, (), "macro_f1") == waited


CALM: dict[str, Any] = {
    "candidate": candidate("lora-1", 0.80),
    "targets": TARGETS,
    "wants_to_finish": False,
    "waited": 0,
    "patience": 3,
    "asked_on": 0,
    "untried": True,
    "seconds_left": 100.0,
    "least_seconds": 15.0,
    "steps": 5,
    "refused": 0,
}


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ({}, None),
        ({"candidate": None}, None),
        ({"candidate": candidate("lora-1", 0.90)}, "targets_met"),
        ({"candidate": candidate("lora-1", 0.95), "seconds_left": 0.0}, "targets_met"),
        ({"seconds_left": 14.0}, "budget_spent"),
        ({"seconds_left": None}, None),
        ({"wants_to_finish": True}, None),  # asked to go on
        ({"wants_to_finish": True, "asked_on": 1}, "controller_finished"),
        ({"wants_to_finish": True, "untried": False}, "controller_finished"),
        ({"wants_to_finish": True, "waited": 3}, "nothing_paid"),
        ({"waited": 9}, None),  # the controller may try on while there is budget
        ({"wants_to_finish": True, "candidate": None, "asked_on": 1}, "controller_finished"),
        ({"targets": (), "wants_to_finish": True, "waited": 3}, "no_targets"),
        ({"targets": (), "wants_to_finish": True, "untried": False}, "no_targets"),
        ({"targets": (), "candidate": candidate("lora-1", 1.0)}, None),
        ({"steps": MOST_STEPS}, "controller_finished"),
        ({"refused": MOST_REFUSED}, "controller_finished"),
        ({"refused": MOST_REFUSED - 1, "steps": MOST_STEPS - 1}, None),
    ],
)
def test_run_stops_for_the_reason_that_holds(case: dict[str, Any], reason: str | None) -> None:
    assert stop_reason(**{**CALM, **case}) == reason


def test_a_candidate_without_the_metric_is_last_but_no_error() -> None:
    copied = Candidate(
        name="copy", strategy="copy_source", validation={"bleu": 90.0}, seconds=0, folder=""
    )
    tuned = copied.model_copy(
        update={"name": "lora-1", "strategy": "lora", "validation": {"bleu": 1.0, "nll": 9.0}}
    )
    assert best([copied, tuned], [], "nll") == tuned
    assert best([copied], [], "nll") == copied
