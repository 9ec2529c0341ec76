"""Targets and budget of a run that has begun: a person may change them, and it stands written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes import FAKE, FINISH, PROBE, Ran, Scripted, controlled_by
from tuneos.agent.change import change_run
from tuneos.agent.cli import app
from tuneos.agent.plan import plan_run
from tuneos.agent.runs import Run, create_run, find_run, read_story
from tuneos.agent.session import go_on
from tuneos.agent.spec import SpecError, make_spec
from tuneos.evals.targets import TargetError
from tuneos.memory.audit import AuditLog
from tuneos.memory.errors import StoreError
from tuneos.memory.ledger import Ledger
from typer.testing import CliRunner

HARD, EASY = "accuracy>=0.9999", "accuracy>=0.8"


def paused(tickets: Path, workspace: Path, *, at: str, seed: int = 0, **said: Any) -> Run:
    """A run that was interrupted at the first event of a kind."""
    spec = make_spec(
        {"data": str(tickets), "workspace": str(workspace), "llm": FAKE, "seed": seed, **said},
        "test",
    )

    def interrupt(event: dict[str, Any]) -> None:
        if event["kind"] == at:
            raise KeyboardInterrupt

    run = create_run(plan_run(spec))
    with pytest.raises(KeyboardInterrupt):
        go_on(run, on_event=interrupt)
    return find_run(run.name, workspace)


def test_target_lowered_with_results_in_view_is_said_plainly(
    tickets: Path, workspace: Path
) -> None:
    with controlled_by(Scripted(turns=[PROBE, FINISH, FINISH])):
        run = paused(tickets, workspace, at="judged", targets=["latency_p95_ms<=0.00001"])
        run = change_run(run, targets=[EASY], by="chat")
        result = go_on(run)
    assert result.met
    assert [t.metric for t in result.targets] == ["accuracy"]
    (change,) = result.changes
    assert (change.before, change.after) == ("latency_p95_ms<=1e-05", EASY)
    assert change.eased
    assert change.candidates == 1
    (note,) = [n for n in read_story(run).notes if "changed" in n]
    assert "with results in view" in note
    assert "with results in view" in Path(str(result.report)).read_text(encoding="utf-8")
    assert (run.folder / "spec.yaml").read_text().count(EASY) == 1


def test_lowered_target_that_holds_already_costs_no_further_step(
    tickets: Path, workspace: Path
) -> None:
    model = Scripted(turns=[PROBE, PROBE])
    with controlled_by(model):
        run = paused(tickets, workspace, at="judged", targets=["latency_p95_ms<=0.00001"])
        go_on(change_run(run, targets=[EASY]))
    assert len(model.seen) == 1


def test_raised_target_undoes_a_verdict_that_was_not_acted_on(
    tickets: Path, workspace: Path
) -> None:
    """Met and about to be confirmed; with a harder goal the loop goes on instead."""
    model = Scripted(turns=[PROBE, FINISH, FINISH])
    with controlled_by(model):
        run = paused(tickets, workspace, at="judged", targets=[EASY])
        # What a pause just after the judge leaves: "targets_met", the seal still closed.
        run = change_run(run, targets=[EASY, "latency_p95_ms<=0.00001"])
        result = go_on(run)
    assert result.stop_reason == "controller_finished"
    assert not result.met
    assert not result.changes[0].eased


def test_budget_is_changed_in_the_ledger_and_in_the_result(tickets: Path, workspace: Path) -> None:
    with controlled_by(Scripted(turns=[PROBE])):
        run = paused(tickets, workspace, at="prepared", targets=[EASY], budget="10m")
        run = change_run(run, budget="20m")
        result = go_on(run)
    assert result.budget["seconds"].limit == 1200
    assert [(c.what, c.before, c.after) for c in result.changes] == [("budget", "10m", "20m")]
    log = AuditLog(run.folder, Ledger(run.workspace.ledger), run.name).read()
    (told,) = (entry.said for entry in log if entry.what == "changed")
    assert (told["what"], told["from"], told["to"]) == ("budget", "10m", "20m")
    assert "before anything was scored" in "".join(read_story(run).notes)


def test_limit_can_be_lifted_and_the_same_again_changes_nothing(
    tickets: Path, workspace: Path
) -> None:
    with controlled_by(Scripted(turns=[PROBE])):
        run = paused(tickets, workspace, at="prepared", budget="10m")
        run = change_run(change_run(run, budget="none"), budget="none", targets=[])
        ledger = Ledger(run.workspace.ledger)
        assert ledger.spending(run.name)["seconds"].limit is None
        assert len(ledger.changes(run.name)) == 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"targets": ["accuracy<=0.5"]}, TargetError),
        ({"targets": ["beauty>=1"]}, TargetError),
        ({"budget": "soon"}, SpecError),
    ],
)
def test_what_cannot_be_changes_nothing(
    change: dict[str, Any], error: type[Exception], tickets: Path, workspace: Path
) -> None:
    with controlled_by(Scripted(turns=[PROBE])):
        run = paused(tickets, workspace, at="prepared", targets=[EASY])
    with pytest.raises(error):
        change_run(run, **change)
    assert find_run(run.name, workspace).spec == run.spec


def test_finished_run_is_not_changed(met: Ran) -> None:
    with pytest.raises(SpecError, match="test split was opened"):
        change_run(met.run, targets=[EASY])


def test_resume_takes_a_new_target_and_says_why_it_cannot(met: Ran) -> None:
    words = ["resume", met.run.name, "--workspace", str(met.run.workspace.root)]
    done = CliRunner().invoke(app, [*words, "--target", EASY])
    assert done.exit_code == 2
    assert "its test split was opened" in " ".join(done.output.split())


def test_run_that_another_process_drives_is_not_changed(tickets: Path, workspace: Path) -> None:
    with controlled_by(Scripted(turns=[PROBE])):
        run = paused(tickets, workspace, at="prepared", targets=[EASY])
    code = (
        "import sys, time; from pathlib import Path\n"
        "from tuneos.memory.ledger import Ledger\n"
        "Ledger(Path(sys.argv[1])).set_status(sys.argv[2], 'running')\n"
        "print('mine', flush=True); time.sleep(100)\n"
    )
    command = [sys.executable, "-P", "-c", code, str(run.workspace.ledger), run.name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "mine\n"
            with pytest.raises(StoreError, match=f"held by process {other.pid}"):
                change_run(run, targets=[HARD])
        finally:
            other.kill()
    assert find_run(run.name, workspace).spec == run.spec


def test_run_that_goes_on_is_not_changed(tickets: Path, workspace: Path) -> None:
    refused: list[str] = []

    def change(event: dict[str, Any]) -> None:
        if event["kind"] == "prepared":
            with pytest.raises(StoreError) as caught:
                change_run(run, targets=[EASY])
            refused.append(str(caught.value))

    spec = make_spec(
        {"data": str(tickets), "workspace": str(workspace), "llm": FAKE, "targets": [EASY]}, "test"
    )
    with controlled_by(Scripted(turns=[PROBE])):
        run = create_run(plan_run(spec))
        go_on(run, on_event=change)
    assert refused
    assert "another thread" in refused[0]
