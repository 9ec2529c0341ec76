"""The table of tasks: what a line says, and what counts as falling short."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tuneos.evals.benchmarks.tasks import CASES, Case, differing, reached, row
from tuneos.evals.metrics import METRICS
from tuneos.evals.targets import parse_target

CASE = Case("ner/some", "token-classification", "f1>=0.75", 0.44, 0.75)
RESULT: dict[str, Any] = {
    "test": {"f1": 0.76123, "macro_f1": 0.7},
    "targets": [{"ci": [0.74, 0.78]}],
    "baselines": [
        {"name": "lexicon", "test": {"f1": 0.46}},
        {"name": "frozen_linear", "test": {"f1": 0.5}},
    ],
    "comparisons": [{"against": "frozen_linear", "difference": 0.26, "ci": [0.2, 0.3]}],
    "chosen": "lora-1",
    "budget": {"seconds": {"spent": 600}},
}


def test_a_line_has_the_score_its_interval_and_what_it_is_measured_against() -> None:
    assert row("some", CASE, RESULT, {"f1": 0.76123}) == (
        "| token-classification | some | f1>=0.75 | **0.7612** | [0.7400, 0.7800] | 0.4400 "
        "| lexicon 0.4600 | frozen_linear 0.5000 | +0.2600 [0.2000, 0.3000] | lora-1 | 10.0 | f1 |"
    )


def test_a_figure_that_differs_in_the_last_digit_printed_is_flagged() -> None:
    assert differing(RESULT["test"], {"f1": 0.76119, "macro_f1": 0.7, "other": 1}) == []
    assert differing(RESULT["test"], {"f1": 0.7613}) == ["f1"]
    assert "DIFFERS: f1 0.7613" in row("some", CASE, RESULT, {"f1": 0.7613})
    assert differing({"bleu": 7.472}, {"bleu": 7.468}) == []


@pytest.mark.parametrize(("wanted", "met"), [(0.75, True), (0.77, False), (None, True)])
def test_only_figures_asked_for_can_be_missed(wanted: float | None, met: bool) -> None:
    case = Case(CASE.folder, CASE.task, CASE.target, CASE.published, wanted)
    assert reached(case, RESULT) == met


@pytest.mark.parametrize("name", CASES)
def test_every_case_asks_for_something_that_can_be_asked(name: str) -> None:
    target = parse_target(CASES[name].target)
    assert target.metric == CASES[name].metric
    assert CASES[name].wanted is None or METRICS[target.metric].direction == "higher"


def test_without_the_data_it_says_so_and_names_are_checked(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "tuneos.evals.benchmarks.tasks"]
    absent = [*command, "--data", str(tmp_path / "none")]
    done = subprocess.run(absent, capture_output=True, text=True, check=False)
    assert (done.returncode, "skipped" in done.stdout) == (0, True)
    done = subprocess.run([*command, "wnut18"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "unknown: wnut18" in done.stderr
