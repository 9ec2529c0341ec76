"""What counts as a controller's fault."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from tuneos.evals.result import Step
from tuneos.graphs.faults import (
    IDLE_STEPS,
    ControllerFailed,
    complaint,
    corrections_now,
    idle_steps,
    one_line,
    quits_early,
    unusable,
)


def step(tool: str, ok: bool = True) -> Step:
    return Step(number=0, tool=tool, arguments={}, reason="", summary="", ok=ok, seconds=0)


IDLE = [step("list_jobs")] * IDLE_STEPS


@pytest.mark.parametrize(
    ("refused", "steps", "words"),
    [
        (0, [], None),
        (1, [], None),
        (2, [], "last 2 answers"),
        (0, IDLE[1:], None),
        (0, IDLE, "neither changed the data nor made a candidate"),
        (0, [*IDLE, step("fine_tune")], None),
        (0, [*IDLE, step("fine_tune", ok=False)], "neither"),  # failing for ever leads nowhere
    ],
)
def test_complaint_names_what_goes_wrong(
    refused: int, steps: list[Step], words: str | None
) -> None:
    found = complaint(refused=refused, steps=steps)
    assert found is None if words is None else words in str(found)


@pytest.mark.parametrize(
    ("wrong", "before", "refused", "steps", "now"),
    [
        ("idle", 0, 0, IDLE, 1),
        (None, 1, 0, [*IDLE, step("list_jobs")], 1),  # told, and no better since
        ("idle", 1, 0, IDLE * 2, 2),
        (None, 2, 0, [*IDLE, step("probe_baselines")], 0),
        ("refused", 1, 3, [], 2),
        (None, 1, 1, [], 1),
        (None, 1, 0, [], 0),
    ],
)
def test_corrections_count_until_something_good_follows(
    wrong: str | None, before: int, refused: int, steps: list[Step], now: int
) -> None:
    assert corrections_now(wrong, before=before, refused=refused, steps=steps) == now


def test_idle_steps_are_those_since_the_last_that_made_something() -> None:
    assert idle_steps([]) == 0
    assert idle_steps([step("probe_baselines"), step("list_jobs"), step("list_jobs")]) == 2


def call(**arguments: Any) -> dict[str, Any]:
    return {"name": "fine_tune", "args": arguments, "id": "1", "type": "tool_call"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (AIMessage("", tool_calls=[call()]), None),
        (AIMessage("All targets are met!"), "no tool"),
        (AIMessage(""), "no tool"),
        (AIMessage("", tool_calls=[call()] * 9), "9 calls"),
        (AIMessage("", tool_calls=[call(strategy="x" * 30_000)]), "characters"),
        (AIMessage("because " * 5_000, tool_calls=[call()]), "characters"),
    ],
)
def test_answers_that_cannot_be_used_are_named(answer: AIMessage, words: str | None) -> None:
    found = unusable(answer)
    assert found is None if words is None else words in str(found)


@pytest.mark.parametrize(
    ("share", "untried", "targets", "early"),
    [
        (0.1, True, True, True),
        (0.49, True, True, True),
        (0.5, True, True, False),
        (None, True, True, False),  # no limit: nothing is left unused
        (0.1, False, True, False),
        (0.1, True, False, False),
    ],
)
def test_quitting_early_leaves_time_targets_and_something_to_try(
    share: float | None, untried: bool, targets: bool, early: bool
) -> None:
    assert quits_early(share_used=share, untried=untried, targets=targets) is early


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ControllerFailed("no answer within 5 s"), "no answer within 5 s"),
        (ValueError("bad\nsecond line"), "ValueError: bad"),
        (RuntimeError(""), "RuntimeError"),
        (RuntimeError("key sk-abcdefgh12345 refused"), "RuntimeError: [secret] refused"),
    ],
)
def test_error_becomes_one_line_without_secrets(error: Exception, line: str) -> None:
    found = one_line(error)
    assert "abcdefgh" not in found
    assert "\n" not in found
    if "sk-" not in str(error):
        assert found == line
