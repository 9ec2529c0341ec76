"""Jobs in child processes: done once, and every way of ending told in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from tuneos.memory.artifacts import ArtifactStore
from tuneos.memory.ledger import Ledger
from tuneos.tools.deployment.saved import SavedModel, write_card, write_tfidf
from tuneos.tools.facts import JobProgress
from tuneos.tools.jobs import run as jobs
from tuneos.tools.jobs import running
from tuneos.tools.jobs.run import run_job
from tuneos.tools.jobs.running import JobFailed
from tuneos.tools.jobs.spec import JobSpec
from tuneos.tools.training.linear import LinearHead

MakeJob = Callable[..., JobSpec]
LABELS = ("animal", "colour", "food")


class Place:
    """A workspace's store and ledger."""

    def __init__(self, root: Path) -> None:
        self.store, self.ledger = ArtifactStore(root / "artifacts"), Ledger(root / "l.sqlite")

    def run(self, spec: JobSpec, tell: Callable[[JobProgress], None] = lambda _: None):  # type: ignore[no-untyped-def]
        return run_job(spec, self.store, self.ledger, tell)

    def key(self, spec: JobSpec) -> str:
        return self.store.key(spec.what.model_dump(mode="json"))

    def left(self) -> list[str]:
        root = self.store.root
        return sorted(p.name for p in root.iterdir()) if root.exists() else []


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def score_job(make_job: MakeJob, tmp_path: Path) -> JobSpec:
    """The lightest job there is: score a model of constant answers."""
    folder = tmp_path / "constant"
    write_tfidf(folder, {}, np.zeros(0, np.float32))
    card = SavedModel(
        task="text-classification", strategy="majority", encoder="none", labels=LABELS,
        base_model="",
    )  # fmt: skip
    write_card(folder, card, LinearHead(np.zeros((3, 0), np.float32), np.zeros(3, np.float32)))
    return make_job("score", models=[("constant", str(folder))], settings={"split": "test"})


@pytest.fixture
def stuck_job(score_job: JobSpec, tmp_path: Path) -> Iterator[JobSpec]:
    """A job that waits for ever on its data, and says nothing."""
    folder = tmp_path / "stuck"
    folder.mkdir()
    os.mkfifo(folder / "test.jsonl")
    yield score_job.model_copy(update={"data_folder": str(folder)})
    for child in children():
        child.kill()


def children(parent: int | None = None) -> list[psutil.Process]:
    """Job processes that this one, or another, has started."""
    found = psutil.Process(parent).children(recursive=True)
    return [c for c in found if "tuneos.tools.jobs.child" in " ".join(c.cmdline())]


def wait_for_child(parent: int | None = None) -> psutil.Process:
    for _ in range(400):
        if found := children(parent):
            return found[0]
        time.sleep(0.05)
    raise AssertionError("no child was started")


def test_the_same_job_is_done_once(
    place: Place, score_job: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[JobProgress] = []
    first = place.run(score_job, told.append)
    assert not first.reused
    assert first.outcome.test_scores["constant"]["accuracy"] == pytest.approx(1 / 3)
    assert told[-1].share == 1
    assert place.store.has(place.key(score_job))
    place.store.verify(place.key(score_job))
    (row,) = place.ledger.jobs("test-run")
    assert (row.status, row.note) == ("done", "one")

    monkeypatch.setattr(running, "run_child", lambda *_: pytest.fail("a second child was started"))
    # Neither its name nor its folders are part of what it does.
    other = score_job.model_copy(update={"name": "two", "run": "later", "data_folder": "gone"})
    again = place.run(other)
    assert again.reused
    assert again.seconds == 0
    assert again.outcome == first.outcome
    assert again.folder == first.folder


def test_result_that_was_removed_is_made_again(place: Place, score_job: JobSpec) -> None:
    import shutil

    shutil.rmtree(place.run(score_job).folder)
    assert not place.run(score_job).reused


def test_failing_job_is_told_in_one_line_and_leaves_nothing(
    place: Place, score_job: JobSpec, tmp_path: Path
) -> None:
    what = score_job.what.model_copy(update={"models": (("gone", "/no/such/model"),)})
    broken = score_job.model_copy(update={"what": what})
    with pytest.raises(JobFailed) as caught:
        place.run(broken)
    said = str(caught.value)
    assert said.startswith("model /no/such/model: no such folder")
    assert "\n" not in said
    assert place.left() == []
    row = place.ledger.job(place.key(broken))
    assert row is not None
    assert (row.status, row.note) == ("failed", said)
    log = (tmp_path / "logs" / f"{place.key(broken)}.txt").read_text()
    assert "Traceback" in log  # for whoever wants to know more


def test_failed_job_may_be_asked_for_again(place: Place, score_job: JobSpec) -> None:
    nowhere = score_job.model_copy(update={"data_folder": "/no/such/data"})
    with pytest.raises(JobFailed, match="FileNotFoundError"):
        place.run(nowhere)
    assert not place.run(score_job).reused


def test_killed_child_is_started_again_and_its_job_ends_well(
    place: Place, stuck_job: JobSpec, tiny_rows: Path
) -> None:
    def strike() -> None:
        child = wait_for_child()
        data = Path(stuck_job.data_folder) / "test.jsonl"
        data.unlink()
        data.write_bytes((tiny_rows / "test.jsonl").read_bytes())
        child.kill()

    killer = threading.Thread(target=strike)
    killer.start()
    done = place.run(stuck_job)
    killer.join()
    assert done.outcome.test_scores["constant"]["accuracy"] == pytest.approx(1 / 3)
    log = (place.store.root.parent / "logs" / f"{place.key(stuck_job)}.txt").read_text()
    assert log.count("-- one starts, ") == 2
    assert place.left() == [place.key(stuck_job)]


def test_child_that_is_killed_too_often_is_reported(
    place: Place, stuck_job: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "RESTARTS", 0)
    killer = threading.Thread(target=lambda: wait_for_child().kill())
    killer.start()
    with pytest.raises(JobFailed, match=r"one: its process was killed 1 times \(SIGKILL\)"):
        place.run(stuck_job)
    killer.join()
    assert place.left() == []


def test_child_that_the_system_killed_for_memory_is_not_started_again(
    place: Place, stuck_job: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = iter([4, 5])
    monkeypatch.setattr(running, "out_of_memory_kills", lambda: next(counts))
    killer = threading.Thread(target=lambda: wait_for_child().kill())
    killer.start()
    with pytest.raises(JobFailed, match="ran out of memory; use a smaller batch_size"):
        place.run(stuck_job)
    killer.join()


def test_job_whose_kill_came_before_it_was_noted_is_noted_and_charged_once(
    place: Place, score_job: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_costs", lambda *_: {"trials": 3.0})
    with monkeypatch.context() as patch:
        patch.setattr(place.ledger, "finish_job", lambda *_: None)  # the agent is killed here
        place.run(score_job)
    for _ in range(2):
        assert place.run(score_job).reused
        assert place.ledger.spending("test-run")["trials"].spent == 3.0
    (row,) = place.ledger.jobs("test-run")
    assert row.status == "done"


def test_unfinished_artifact_is_not_visible(
    place: Place, stuck_job: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "RESTARTS", 0)
    seen: list[bool] = []

    def look() -> None:
        child = wait_for_child()
        seen.append(place.store.has(place.key(stuck_job)))
        seen.append(any(n.startswith(".writing-") for n in place.left()))
        child.kill()

    watcher = threading.Thread(target=look)
    watcher.start()
    with pytest.raises(JobFailed):
        place.run(stuck_job)
    watcher.join()
    assert seen == [False, True]


def test_silent_job_is_stopped_when_its_time_is_up(
    place: Place, stuck_job: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "GRACE", 1.0)
    start = time.monotonic()
    with pytest.raises(JobFailed, match="one: did not end within its time and was stopped"):
        place.run(stuck_job.model_copy(update={"seconds": 0.5}))
    assert time.monotonic() - start < 10
    assert children() == []


def test_interrupt_ends_the_child(
    place: Place, score_job: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: JobProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.run(score_job, interrupt)
    assert children() == []
    assert place.left() == []
    row = place.ledger.job(place.key(score_job))
    assert row is not None
    assert row.status == "failed"


def test_child_ends_when_its_parent_dies(stuck_job: JobSpec, tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text(stuck_job.model_dump_json())
    code = f"""
from pathlib import Path
from tuneos.memory.artifacts import ArtifactStore
from tuneos.memory.ledger import Ledger
from tuneos.tools.jobs.run import run_job
from tuneos.tools.jobs.spec import JobSpec
root = Path({str(tmp_path)!r})
spec = JobSpec.model_validate_json((root / "spec.json").read_text())
run_job(spec, ArtifactStore(root / "artifacts"), Ledger(root / "l.sqlite"), lambda _: None)
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    try:
        child = wait_for_child(parent.pid)
        while child.num_threads() < 2:  # it is watching by now
            time.sleep(0.05)
    finally:
        parent.kill()
        parent.wait()
    child.wait(timeout=10)


def test_output_that_is_no_progress_is_passed_over() -> None:
    code = 'print(\'a library speaks\'); print(\'{"share": 0.5, "text": "at it"}\')'
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    told: list[JobProgress] = []
    spec = JobSpec.model_validate(
        {
            "what": {
                "kind": "probe", "data": "", "task": "", "base_model": "", "base_digest": "",
                "metric": "",
            },
            "name": "x", "data_folder": "", "cache": "",
        }
    )  # fmt: skip
    with child:
        assert running._listen(child, spec, told.append) == ""
    assert [p.text for p in told] == ["at it"]


@pytest.mark.parametrize(
    ("code", "said"),
    [(3, "ran out of memory"), (1, "exit code 1")],
)
def test_exit_code_says_how_it_ended(code: int, said: str) -> None:
    assert said in running._how_it_ended(code)


def test_description_of_a_job_is_json(score_job: JobSpec) -> None:
    assert JobSpec.model_validate(json.loads(score_job.model_dump_json())) == score_job
