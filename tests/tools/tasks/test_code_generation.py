"""Programs are judged by running them."""

from __future__ import annotations

from typing import Any

import pytest
from tuneos.evals.benchmarks.runs import DATA
from tuneos.evals.measures import score
from tuneos.tools.datasets.read import read_data
from tuneos.tools.datasets.types import Split
from tuneos.tools.tasks.code_generation import TASK

MBPP = DATA / "code_generation/mbpp"


def split_of(*rows: dict[str, Any]) -> Split:
    n = len(rows)
    return Split(tuple(r["prompt"] for r in rows), ("",) * n, (None,) * n, ("",) * n, tuple(rows))


ROW: dict[str, Any] = {
    "prompt": "Double a number.",
    "solution": "def double(n):\n    return 2 * n",
    "tests": ["assert double(2) == 4", "assert double(5) == 10"],
    "setup": "",
    "entry_point": "",
}


def passing(text: str, row: dict[str, Any] = ROW) -> float:
    answer = TASK.answer(text, row)
    return score(TASK.stats(split_of(row), [answer]))["pass_at_1"]


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("```python\ndef double(n):\n    return 2 * n\n```\nIt doubles.", 1.0),
        ("def double(n):\n    return n + 2", 0.0),  # right for the test that is shown alone
        ("import os\nos._exit(0)", 0.0),
        ("", 0.0),
        ("I cannot", 0.0),
    ],
)
def test_only_a_program_that_passes_all_tests_counts(text: str, share: float) -> None:
    assert passing(text) == share


def test_each_of_the_programs_drawn_is_run() -> None:
    right, wrong = "def double(n):\n    return n + n", "def double(n):\n    return n + 2"
    drawn = {"text": wrong, "_samples": [f"```python\n{right}\n```", wrong, wrong, wrong]}
    found = score(TASK.stats(split_of(ROW, ROW), [drawn, {"text": right}]))
    assert found["pass_at_1"] == pytest.approx((1 / 4 + 1) / 2)
    assert found["pass_at_2"] == pytest.approx((1 / 2 + 1) / 2)
    assert "pass_at_5" not in found


@pytest.mark.parametrize(
    ("measured", "samples"),
    [(("pass_at_1",), None), (("pass_at_1", "size_mb"), None), (("pass_at_10", "pass_at_2"), 20)],
)
def test_programs_are_drawn_for_what_a_target_names(
    measured: tuple[str, ...], samples: int | None
) -> None:
    decoding = TASK.decoding(measured)
    assert (decoding and decoding.samples) == samples
    assert decoding is None or not decoding.sampled  # the answer stays the likeliest


def test_the_first_test_alone_is_shown() -> None:
    asked = TASK.prompted(ROW)
    for said in (asked.prompt, asked.bare):
        assert "double(2) == 4" in said
        assert "double(5)" not in said


def test_a_named_function_is_asked_for_by_its_name() -> None:
    assert "is called double" in TASK.prompted({**ROW, "entry_point": "double"}).prompt


def test_the_report_says_that_programs_were_run_and_behind_what() -> None:
    (said,) = TASK.remarks(split_of(ROW))
    assert "are run on this machine" in said
    assert "limits, audit" in said


@pytest.mark.slow
def test_the_gold_programs_of_mbpp_pass() -> None:
    if not MBPP.is_dir():
        pytest.skip(f"{MBPP} is not here")
    for name, split in read_data(MBPP).splits.items():
        answers = [{"text": row["solution"]} for row in split.rows]
        stats = TASK.stats(split, answers)["passes"]
        wrong = [split.ids[i] for i, (_, right) in enumerate(stats) if not right]
        assert wrong == [], name
