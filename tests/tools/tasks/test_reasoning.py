"""An answer is right if it is the same number, however it is written."""

from __future__ import annotations

from typing import Any

import pytest
from tuneos.evals.measures import score
from tuneos.tools.datasets.types import Split
from tuneos.tools.tasks.reasoning import TASK

ROW: dict[str, Any] = {
    "question": "How much?",
    "solution": "600 * 2 = <<600*2=1200>>1,200\n#### 1,200",
    "answer": "1,200",
}
SPLIT = Split(("How much?",), ("",), (None,), ("row 1",), (ROW,))


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("2 * 600 = 1200\n#### 1200", 1.0),
        ("#### $1,200.00", 1.0),
        ("So it costs 1200 dollars.", 1.0),
        ("#### 120", 0.0),
        ("#### -1200", 0.0),
        ("no idea", 0.0),
        ("", 0.0),
    ],
)
def test_the_parsed_answer_is_compared(text: str, right: float) -> None:
    answer = TASK.answer(text, ROW)
    assert score(TASK.stats(SPLIT, [answer]))["exact_match"] == right
    assert answer["text"] == text


def test_the_target_ends_in_the_answer_without_calculator_marks() -> None:
    assert TASK.target(ROW) == "600 * 2 = 1,200\n#### 1,200"
    assert TASK.answer(TASK.target(ROW), ROW)["answer"] == TASK.gold(SPLIT, 0) == "1200"


def test_an_answer_without_solution_is_a_target_too() -> None:
    assert TASK.target({"question": "?", "solution": "", "answer": "7"}) == "#### 7"
