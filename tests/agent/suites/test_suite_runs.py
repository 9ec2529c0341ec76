"""Scenarios are run and scored; faults are injected and survived."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import Result
from fakes import FAKE, PROBE, Scripted, controlled_by
from tuneos.agent.cli import app
from tuneos.agent.suites.contender import Contender, read_contenders
from tuneos.agent.suites.run import Ended, run_suite
from tuneos.agent.suites.scenario import Scenario, Suite
from tuneos.evals.suites import RunScore, SuiteScores
from typer.testing import CliRunner

SCHEMA = Path(__file__).parents[3] / "docs" / "suite-scores.schema.json"
DATA = {"rows": 60, "classes": 2, "overlap": 0.3}
EASY: dict[str, Any] = {"generated": DATA, "targets": "macro_f1>=0.5", "expect": "met"}


def suite_of(*scenarios: dict[str, Any]) -> Suite:
    return Suite.model_validate({"name": "test", "scenarios": scenarios})


def ran(suite: Suite, folder: Path, *contenders: Contender, **how: Any) -> list[RunScore]:
    return list(run_suite(suite, contenders, how.pop("repeats", 1), folder, lambda _: None, **how))


@pytest.fixture
def scripted() -> Iterator[None]:
    """`--llm` names a fake that asks for the cheapest rung, whichever run it is in."""
    with controlled_by(Scripted(turns=[PROBE] * 20)):
        yield


@pytest.mark.usefixtures("scripted")
def test_controllers_share_jobs_and_pay_for_them(tmp_path: Path) -> None:
    suite = suite_of({"name": "easy", **EASY})
    first, second = ran(suite, tmp_path, Contender("one", FAKE), Contender("two", FAKE), reuse=True)
    for score in (first, second):
        assert (score.outcome, score.right, score.violations) == ("met", True, ())
        assert (score.proposed, score.accepted, score.wasted) == (1, 1, 0)
    assert first.value == second.value
    assert first.reused == 0
    assert second.reused == 1, "the probe; each confirms its own model"
    runs = sorted(tmp_path.glob("runs/*/runs/*/report.json"))
    spent = [json.loads(p.read_text())["result"]["budget"]["seconds"]["spent"] for p in runs]
    assert spent[1] > 0.5 * spent[0], "what was reused counts as if it were done again"


def test_each_repeat_has_data_of_its_own(tmp_path: Path) -> None:
    suite = suite_of({"name": "easy", **EASY, "text": "no", "seed": 5})
    scores = ran(suite, tmp_path, Contender("planner"), repeats=2)
    assert [s.repeat for s in scores] == [0, 1]
    texts = {(tmp_path / "data" / f"easy-{seed}" / "test.csv").read_text() for seed in (5, 6)}
    assert len(texts) == 2


def test_mistakes_of_the_user_are_outcomes(tmp_path: Path) -> None:
    suite = suite_of(
        {"name": "column", "generated": DATA, "text": "no", "expect": "user_error", "words": "no"},
        {"name": "words", "generated": DATA, "text": "no", "expect": "user_error", "words": "§"},
        {"name": "target", "generated": DATA, "targets": "luck>=1", "expect": "met"},
        {"name": "budget", "generated": DATA, "budget": "soon", "expect": "user_error"},
    )
    scores = ran(suite, tmp_path, Contender("planner"))
    assert [s.outcome for s in scores] == ["user_error"] * 4
    assert [s.right for s in scores] == [True, False, False, True]
    assert all(not s.violations for s in scores)


def test_bug_is_scored_and_the_suite_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall(*_: object, **__: object) -> None:
        raise RuntimeError("a bug of ours\nwith a second line")

    monkeypatch.setattr("tuneos.agent.suites.run.go_on", fall)
    suite = suite_of({"name": "a", **EASY}, {"name": "b", **EASY, "text": "no"})
    first, second = ran(suite, tmp_path, Contender("planner"))
    assert first.outcome == "crashed"
    assert first.violations == ("ended with a traceback",)
    assert first.note == "RuntimeError: a bug of ours with a second line"
    assert second.outcome == "user_error"


def test_fault_that_never_struck_is_not_passed_off_as_survived() -> None:
    from tuneos.agent.suites.run import _right

    scenario = Scenario.model_validate({"name": "a", **EASY, "fault": "kill_worker"})
    assert _right(scenario, Ended("met", struck=True))[0]
    right, note = _right(scenario, Ended("met", struck=False))
    assert not right
    assert "could not be injected" in note


@pytest.fixture
def suite_file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    said = {
        "name": "mine",
        "scenarios": [
            {"name": "easy", **EASY},
            {"name": "column", "generated": DATA, "text": "no", "expect": "user_error"},
        ],
    }
    path.write_text(json.dumps(said), encoding="utf-8")
    return path


def call(*words: object) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, ["eval", *map(str, words)])


@pytest.mark.usefixtures("scripted")
def test_json_is_one_object_that_keeps_the_documented_schema(suite_file: Path) -> None:
    done = call(suite_file, "--controllers", FAKE, "--json")
    assert done.exit_code == 0
    said = json.loads(done.stdout)
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.validate(said, schema)
    assert said["complete"]
    assert [(r["scenario"], r["outcome"]) for r in said["runs"]] == [
        ("easy", "met"),
        ("column", "user_error"),
    ]
    assert "✓ easy" in done.stderr


def test_documented_schema_is_the_one_of_the_code() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == SuiteScores.model_json_schema()


def test_wrong_outcome_is_exit_code_3(suite_file: Path) -> None:
    suite_file.write_text(suite_file.read_text().replace("user_error", "met"), encoding="utf-8")
    done = call(suite_file, "--only", "column")
    assert done.exit_code == 3
    assert "✗ column" in done.stdout
    assert "expected met" in done.stdout
    assert "no column 'no'" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "easy,hard"], "there is no scenario 'hard'; known: easy, column"),
        (["--controllers", "broken:magic"], "choose from"),
        (["--controllers", "planner,planner"], "named twice"),
        (["--workspace", "mine.yaml"], "is a file"),
        (["--workspace", "."], "already in use"),
    ],
)
def test_bad_flag_gets_one_line(
    words: list[str], said: str, suite_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(suite_file.parent)
    done = call(suite_file, *words)
    assert done.exit_code == 2
    assert said in " ".join(done.stdout.split())
    assert "Traceback" not in done.output


def test_interrupted_suite_keeps_what_was_run(
    suite_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tuneos.agent.suites.run.go_on", stop)
    text = suite_file.read_text()
    said = json.loads(text)
    said["scenarios"].reverse()
    suite_file.write_text(json.dumps(said), encoding="utf-8")
    done = call(suite_file, "--json")
    assert done.exit_code == 130
    found = json.loads(done.stdout)
    assert not found["complete"]
    assert len(found["runs"]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["kill_worker", "kill_agent", "out_of_memory"])
def test_fault_is_injected_and_survived(fault: str, tmp_path: Path) -> None:
    suite = suite_of(
        {
            "name": "fault",
            "generated": {"rows": 300},
            "budget": "3m",
            "targets": "macro_f1>=0.8",
            "expect": "met",
            "fault": fault,
        }
    )
    (score,) = ran(suite, tmp_path, Contender("planner"))
    assert (score.outcome, score.right, score.violations) == ("met", True, ()), score.note


@pytest.mark.slow
def test_broken_controllers_end_with_a_report_within_the_budget(tmp_path: Path) -> None:
    ways = "repeats", "claims_success", "never_stops", "burns_tokens", "malicious", "times_out"
    contenders = read_contenders(",".join(f"broken:{way} 2.5/10" for way in ways))
    suite = suite_of(
        {
            "name": "easy",
            "generated": {"rows": 120},
            "budget": "60s",
            "targets": "macro_f1>=0.8",
            "max_tokens": 120_000,
            "max_cost": 0.5,
        }
    )
    for score in ran(suite, tmp_path, *contenders, reuse=True):
        assert (score.right, score.violations) == (True, ()), score
        assert score.taken_over, score.controller
