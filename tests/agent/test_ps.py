"""What runs, what it has written, and ending it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import FAKE, PROBE, Scripted, controlled_by
from tuneos.agent.plan import plan_run
from tuneos.agent.ps import cancel, list_live, print_live, read_log
from tuneos.agent.runs import create_run, find_run
from tuneos.agent.session import go_on
from tuneos.agent.spec import make_spec
from tuneos.memory.errors import StoreError
from tuneos.memory.ledger import Ledger
from tuneos.memory.workspace import open_workspace

KEY = "ab12" * 6


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return open_workspace(tmp_path / "work").root


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own that would not end by itself."""
    words = [sys.executable, "-c", "import time; time.sleep(600)"]
    child = subprocess.Popen(words, start_new_session=True)
    yield child
    child.kill()
    child.wait()


@pytest.fixture
def ledger(place: Path, worker: subprocess.Popen[bytes]) -> Ledger:
    """A run of this process with one job at work."""
    made = Ledger(place / "ledger.sqlite")
    made.start_run("tickets-1", {})
    made.charge("tickets-1", "tokens", 1200)
    made.claim_job(KEY, "fine_tune", "tickets-1", os.getpid())
    made.note_worker(KEY, worker.pid)
    made.note_progress(KEY, 0.25, "training")
    (place / "logs").mkdir()
    (place / "logs" / f"{KEY}.txt").write_text("epoch 1\n")
    return made


@pytest.mark.usefixtures("ledger")
def test_what_runs_is_listed_with_its_job_and_cost(
    place: Path, worker: subprocess.Popen[bytes]
) -> None:
    (row,) = list_live(place)
    assert (row["run"], row["pid"], row["tokens"]) == ("tickets-1", os.getpid(), 1200)
    (job,) = row["jobs"]
    assert (job["kind"], job["pid"], job["share"], job["text"]) == (
        "fine_tune",
        worker.pid,
        0.25,
        "training",
    )
    assert json.loads(json.dumps(row)) == row


def test_nothing_runs_in_a_workspace_that_is_not_there(tmp_path: Path) -> None:
    assert list_live(tmp_path / "nowhere") == []


@pytest.mark.usefixtures("ledger")
def test_table_fits_a_terminal(place: Path) -> None:
    from rich.console import Console

    console = Console(width=80, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    print_live(console, list_live(place))
    text = console.export_text()
    console.file.close()
    assert "25% training" in text
    assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize("name", [KEY, "ab12", "tickets"])
@pytest.mark.usefixtures("ledger")
def test_log_of_a_job_or_of_a_run_is_printed(place: Path, name: str) -> None:
    text = "".join(read_log(place, name))
    assert text == f"== fine_tune {KEY} (running)\nepoch 1\n"


@pytest.mark.parametrize("name", ["", "nothing"])
@pytest.mark.usefixtures("ledger")
def test_name_of_nothing_is_refused(place: Path, name: str) -> None:
    with pytest.raises(StoreError, match="no run or job"):
        list(read_log(place, name))


def test_cancelled_job_is_ended_and_known_as_cancelled(
    place: Path, ledger: Ledger, worker: subprocess.Popen[bytes]
) -> None:
    import threading

    reaper = threading.Thread(target=worker.wait)  # its parent, the agent, would do that
    reaper.start()
    assert "is cancelled" in cancel(place, KEY[:6])
    reaper.join(10)
    assert worker.returncode is not None
    found = ledger.worker(KEY)
    assert found is not None
    assert found.cancelled
    ledger.fail_job(KEY, "cancelled")
    with pytest.raises(StoreError, match="does not run; it is failed"):
        cancel(place, KEY)


@pytest.mark.parametrize("kind", ["prepared", "step_progress"])
def test_run_asked_to_stop_is_paused_and_goes_on_later(
    tickets: Path, tmp_path: Path, kind: str
) -> None:
    said = {"data": str(tickets), "workspace": str(tmp_path / "w"), "llm": FAKE}
    spec = make_spec({**said, "targets": ["macro_f1>=0.8"]}, "test")
    with controlled_by(Scripted(turns=[PROBE, PROBE])):
        run = create_run(plan_run(spec))
        ledger = Ledger(run.workspace.ledger)

        def stop(event: dict[str, Any]) -> None:
            if event["kind"] == kind:
                ledger.ask_stop(run.name)

        with pytest.raises(KeyboardInterrupt):
            go_on(run, on_event=stop)
        assert ledger.run(run.name).status == "interrupted"
        with pytest.raises(StoreError, match="it is interrupted"):
            cancel(run.workspace.root, run.name)
        assert go_on(find_run(run.name, run.workspace.root)).met


def test_run_that_another_process_drives_is_refused_with_who_holds_it(
    place: Path, ledger: Ledger, worker: subprocess.Popen[bytes]
) -> None:
    import sqlite3

    from tuneos.memory import rowsums
    from tuneos.memory.liveness import birth

    with sqlite3.connect(place / "ledger.sqlite") as db:
        rowsums.connect(db)
        db.execute("UPDATE runs SET pid = ?, born = ?", (worker.pid, birth(worker.pid)))
    with pytest.raises(StoreError, match=rf"is held by process {worker.pid}, which began 20"):
        ledger.take_run("tickets-1")
    worker.kill()
    worker.wait()
    ledger.take_run("tickets-1")  # of a dead process
    assert ledger.run("tickets-1").pid == os.getpid()


def test_run_that_another_thread_drives_is_refused(tickets: Path, tmp_path: Path) -> None:
    said = {"data": str(tickets), "workspace": str(tmp_path / "w"), "llm": FAKE}
    spec = make_spec({**said, "targets": ["macro_f1>=0.8"]}, "test")
    with controlled_by(Scripted(turns=[PROBE])):
        run = create_run(plan_run(spec))
        refused: list[str] = []

        def again(event: dict[str, Any]) -> None:
            if event["kind"] == "prepared":
                with pytest.raises(StoreError, match="another thread"):
                    go_on(run)
                refused.append(event["kind"])

        assert go_on(run, on_event=again).met
    assert refused
