"""A search on the tiny model, and what becomes of it when trials or processes are killed."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file
from tuneos.evals.result import Curve
from tuneos.memory.artifacts import ArtifactStore
from tuneos.memory.ledger import Ledger
from tuneos.tools.deployment.load import load_classifier
from tuneos.tools.facts import JobProgress, Outcome
from tuneos.tools.jobs.run import run_job
from tuneos.tools.jobs.spec import JobSpec
from tuneos.tools.search import study as search
from tuneos.tools.search import worker
from tuneos.tools.search.results import Drawn, TrialResult, TrialResults
from tuneos.tools.search.storage import open_study, record, study_name
from tuneos.tools.training.fine_tune import Tuned
from tuneos.tools.training.loop import Pruned
from tuneos.tools.training.settings import TrainSettings

MakeJob = Callable[..., JobSpec]
SETTINGS = {"strategy": "lora", "epochs": 1, "batch_size": 32, "rank": 2, "alpha": 4}
SPACE = (
    {"setting": "learning_rate", "low": 1e-4, "high": 1e-2, "log": True},
    {"setting": "dropout", "low": 0.0, "high": 2.0},  # beyond 0.9 a fine-tune refuses it
)
KNOWN = {"learning_rate": 1e-3, "dropout": 0.1}
BROKEN = {"learning_rate": 2e-3, "dropout": 1.5}
CURVE = Curve(candidate="", metric="accuracy", points=[])


@pytest.fixture
def search_job(make_job: MakeJob) -> JobSpec:
    return make_job(
        "search",
        settings=SETTINGS,
        space=SPACE,
        first_trials=[{**SETTINGS, **KNOWN}, {**SETTINGS, **BROKEN}],
        trials=3,
        seed=5,
        name="search-lora-1",
    )


def test_search_tries_the_known_first_survives_a_failure_and_keeps_the_best(
    search_job: JobSpec, tmp_path: Path
) -> None:
    told: list[JobProgress] = []
    store, ledger = ArtifactStore(tmp_path / "artifacts"), Ledger(tmp_path / "ledger.sqlite")
    done = run_job(search_job, store, ledger, told.append)
    outcome = done.outcome
    assert [t.number for t in outcome.trials] == [0, 1, 2]
    first, broken, free = outcome.trials
    assert {k: first.settings[k] for k in KNOWN} == KNOWN
    assert first.state == "complete"
    assert (broken.state, broken.value) == ("failed", None)
    assert broken.note.startswith("search-lora-1: ValidationError")
    assert {k: broken.settings[k] for k in BROKEN} == BROKEN
    assert free.settings["learning_rate"] not in {1e-3, 2e-3}
    # One note only: no worker died of it.
    assert outcome.notes == ("1 of 3 trials failed; the search went on without them",)
    (best,) = outcome.candidates
    finished = [t for t in outcome.trials if t.value is not None]
    assert best.validation["accuracy"] == max(t.value or 0 for t in finished)
    assert best.name == "search-lora-1"
    assert load_classifier(Path(best.folder)).card.strategy == "lora"
    kept = [p.name for p in done.folder.glob("trial-*")]
    assert len(kept) == 1  # the models of the others are gone
    assert outcome.curves[0].candidate == "search-lora-1"
    assert told[-1].share <= 1
    assert any(p.best is not None for p in told)


@pytest.fixture
def two_at_once(search_job: JobSpec, monkeypatch: pytest.MonkeyPatch) -> JobSpec:
    """Five trials of some epochs, two under way at a time; every point can be trained."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    space = (SPACE[0], {"setting": "dropout", "low": 0.0, "high": 0.5})
    what = search_job.what.model_copy(
        update={
            "space": space,
            "first_trials": (KNOWN,),
            "settings": {**SETTINGS, "epochs": 3},
            "trials": 5,
            "parallel": 2,
        }
    )
    return search_job.model_copy(update={"what": what, "workers": 2})


def workers() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "tuneos.tools.search.worker" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def striking(after: int, strike: Callable[[psutil.Process], None]) -> threading.Thread:
    """Strike a worker once so many trials have ended, soon after."""

    def watch() -> None:
        root = Path(os.environ["TUNEOS_TEST_ROOT"])
        until = time.monotonic() + 60
        while time.monotonic() < until:
            ended = [p for p in root.glob("training/*/trials/*") if p.name.isdigit()]
            if len(ended) >= after and (found := workers()):
                time.sleep(0.1)
                strike(found[-1])
                return
            time.sleep(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def summary(outcome: Outcome) -> list[tuple[object, ...]]:
    return [(t.number, t.state, t.value, tuple(t.settings.items())) for t in outcome.trials]


@pytest.mark.slow
def test_search_that_was_killed_again_and_again_ends_as_one_that_was_not(
    two_at_once: JobSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm, struck = tmp_path / "calm", tmp_path / "struck"
    for place in (calm, struck):
        place.mkdir()
    monkeypatch.setenv("TUNEOS_TEST_ROOT", str(struck))

    def go(place: Path) -> Outcome:
        spec = two_at_once.model_copy(update={"studies": str(place / "studies.sqlite")})
        store, ledger = ArtifactStore(place / "artifacts"), Ledger(place / "ledger.sqlite")
        done = run_job(spec, store, ledger, lambda _: None)
        assert ledger.spending("test-run")["trials"].spent == 5
        states = {t.state.name for t in open_study(spec).trials}
        assert states <= {"COMPLETE", "PRUNED"}
        assert len(open_study(spec).trials) == 5
        assert not list((place / "training").iterdir())
        return done.outcome

    one = striking(1, lambda p: p.kill())
    all_of_it = striking(3, lambda p: os.killpg(os.getpgid(p.pid), signal.SIGKILL))
    after, before = go(struck), go(calm)
    one.join()
    all_of_it.join()
    assert summary(after) == summary(before)
    assert after.notes == before.notes == ()
    (kept,), (expected,) = after.candidates, before.candidates
    assert kept.validation == expected.validation
    tensors = [
        load_file(next(Path(c.folder).glob("adapter*.safetensors"))) for c in (kept, expected)
    ]
    assert all(np.array_equal(tensors[0][n], tensors[1][n]) for n in tensors[1])


def drawn(number: int) -> Drawn:
    return Drawn(number=number, params=KNOWN)


def complete(number: int, value: float) -> TrialResult:
    return TrialResult(
        **drawn(number).model_dump(),
        state="complete",
        settings={**SETTINGS, **KNOWN},
        value=value,
        scores={"accuracy": value},
        curve=CURVE,
    )


def tried(spec: JobSpec, monkeypatch: pytest.MonkeyPatch, error: Exception) -> TrialResult:
    """Let a worker do a trial whose training fails so."""

    def tune(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(worker, "tune", tune)
    worker.do_trial(worker.Task(drawn=drawn(0)), spec, None)  # type: ignore[arg-type]
    return TrialResults(Path(spec.checkpoints)).read()[0]


@pytest.fixture
def kept_job(search_job: JobSpec, tmp_path: Path) -> JobSpec:
    return search_job.model_copy(update={"checkpoints": str(tmp_path / "kept")})


@pytest.mark.parametrize(
    ("error", "note"),
    [
        (FloatingPointError("the loss became nan"), "the loss became nan"),
        (RuntimeError("CUDA out of memory"), "ran out of memory; use a smaller batch_size"),
        (MemoryError(), "ran out of memory"),
        (ValueError("odd"), "ValueError: odd"),
    ],
)
def test_failed_trial_is_kept_as_such(
    error: Exception, note: str, kept_job: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = tried(kept_job, monkeypatch, error)
    assert result.state == "failed"
    assert result.note.startswith(note)


def starving(times: int, tried: list[dict[str, Any]]) -> Callable[..., object]:
    """A training that lacks memory so many times."""

    def tune(data: object, settings: TrainSettings, folder: Path, *_: object, **__: object) -> Any:
        tried.append(settings.model_dump(include={"batch_size", "accumulate", "checkpointing"}))
        if len(tried) <= times:
            raise RuntimeError("CUDA out of memory")
        folder.mkdir(parents=True)
        return Tuned(folder, {"accuracy": 0.5}, 0.5, CURVE, 1.0, cut_short=False)

    return tune


def test_trial_out_of_memory_goes_on_with_smaller_parts_of_its_batch(
    kept_job: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(worker, "tune", starving(2, seen))
    worker.do_trial(worker.Task(drawn=drawn(0)), kept_job, None)  # type: ignore[arg-type]
    assert [s["accumulate"] for s in seen] == [1, 2, 4]
    assert {s["batch_size"] for s in seen} == {32}
    results = TrialResults(Path(kept_job.checkpoints))
    (result,) = results.read().values()
    assert (result.state, result.softened, result.settings["accumulate"]) == ("complete", 2, 4)
    assert result.note == "ran out of memory: batches of 32 are computed 8 rows at a time"
    assert results.model(0).is_dir()


def test_trial_that_is_as_gentle_as_can_be_fails(
    kept_job: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(worker, "tune", starving(99, seen))
    worker.do_trial(worker.Task(drawn=drawn(0)), kept_job, None)  # type: ignore[arg-type]
    assert [s["accumulate"] for s in seen] == [1, 2, 4, 8, 16, 32, 32]
    assert [s["checkpointing"] for s in seen] == [False] * 6 + [True]
    assert TrialResults(Path(kept_job.checkpoints)).read()[0].state == "failed"


class Killed:
    """A worker that the system has killed for memory."""

    starved = True
    process = SimpleNamespace(returncode=-9)


def test_trial_whose_worker_was_killed_for_memory_is_begun_again_gentler(
    kept_job: JobSpec,
) -> None:
    under_way = search._Search(kept_job, TrialResults(Path(kept_job.checkpoints)), {})
    under_way.begun[0] = drawn(0)
    for times in range(1, 7):
        under_way._mourn(Killed(), drawn(0))  # type: ignore[arg-type]
        assert under_way._task(drawn(0), math.inf).softened == times
        assert 0 in under_way.begun
    under_way._mourn(Killed(), drawn(0))  # type: ignore[arg-type]
    assert under_way.ended[0].state == "failed"
    assert under_way.ended[0].note.startswith("ran out of memory")


def test_later_trials_begin_as_gently_as_earlier_ones_had_to(kept_job: JobSpec) -> None:
    before = complete(0, 0.5).model_copy(update={"softened": 3})
    under_way = search._Search(kept_job, TrialResults(Path(kept_job.checkpoints)), {0: before})
    task = under_way._task(drawn(1), math.inf)
    assert task.softened == 3
    settings = worker.settings_for(task, kept_job)
    assert settings is not None
    assert (settings["accumulate"], settings["learning_rate"]) == (8, 1e-3)


def test_study_goes_on_after_a_trial_without_memory_and_says_so(
    kept_job: JobSpec, tmp_path: Path
) -> None:
    results = TrialResults(Path(kept_job.checkpoints))
    said = {"softened": 1, "note": "ran out of memory: smaller parts"}

    def train(folder: Path) -> TrialResult:
        folder.mkdir()
        return complete(1, 0.8).model_copy(update=said)

    results.keep(0, lambda _: worker.failed(drawn(0), kept_job, "ran out of memory"))
    results.keep(1, train)
    found = search.outcome(kept_job, results.read(), results, tmp_path, [])
    assert found.notes == (
        "1 of 2 trials failed; the search went on without them",
        "1 of 2 trials were made gentler; one ran out of memory: smaller parts",
    )
    assert found.trials[1].note == "search-lora-1: ran out of memory: smaller parts"
    assert found.candidates[0].validation == {"accuracy": 0.8}


def test_pruned_trial_is_kept_as_such(kept_job: JobSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tried(kept_job, monkeypatch, Pruned()).state == "pruned"


def test_programming_error_ends_the_worker_and_its_trial_is_not_done_again(
    kept_job: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AttributeError):
        tried(kept_job, monkeypatch, AttributeError("our bug"))
    assert TrialResults(Path(kept_job.checkpoints)).read()[0].state == "failed"


def test_full_disk_leaves_no_result(kept_job: JobSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Exception, match="full"):
        tried(kept_job, monkeypatch, OSError(28, "No space left on device"))
    assert TrialResults(Path(kept_job.checkpoints)).read() == {}


def test_best_value_wins_and_the_earlier_on_a_tie(kept_job: JobSpec, tmp_path: Path) -> None:
    results = TrialResults(Path(kept_job.checkpoints))
    for number, value in enumerate([0.5, 0.8, 0.8]):

        def train(folder: Path, number: int = number, value: float = value) -> TrialResult:
            folder.mkdir()
            (folder / "weights").write_text(str(number))
            return complete(number, value)

        results.keep(number, train)
    found = search.outcome(kept_job, results.read(), results, tmp_path, [])
    assert found.candidates[0].folder == "trial-1"
    assert (tmp_path / "trial-1" / "weights").read_text() == "1"


def test_search_in_which_nothing_finished_has_no_candidate(
    kept_job: JobSpec, tmp_path: Path
) -> None:
    ended = {0: worker.failed(drawn(0), kept_job, "its worker ended")}
    found = search.outcome(kept_job, ended, TrialResults(tmp_path), tmp_path, [])
    assert found.candidates == ()
    assert found.trials[0].note == "search-lora-1: its worker ended"


def test_damaged_trial_is_done_again(kept_job: JobSpec) -> None:
    results = TrialResults(Path(kept_job.checkpoints))
    results.keep(0, lambda _: complete(0, 0.5))
    next(Path(kept_job.checkpoints).glob("trials/*/result.json")).write_text("{}")
    assert results.read() == {}


@pytest.mark.parametrize("content", [b"no database at all, but long enough", b""])
def test_damaged_study_file_is_set_aside_and_written_anew(
    content: bytes, kept_job: JobSpec
) -> None:
    path = Path(kept_job.studies)
    record(open_study(kept_job), kept_job, {0: complete(0, 0.5)})
    path.write_bytes(content)
    study = open_study(kept_job)
    record(study, kept_job, {0: complete(0, 0.5), 1: complete(1, 0.6), 3: complete(3, 0.7)})
    assert [t.value for t in open_study(kept_job).trials] == [0.5, 0.6]
    assert len(list(path.parent.glob("*.damaged-*"))) == bool(content)


@pytest.mark.parametrize(
    ("left", "usual", "room"), [(100, [], True), (100, [10], True), (4, [10], False)]
)
def test_another_trial_begins_while_time_is_left(
    left: float, usual: list[float], room: bool
) -> None:
    assert search.time_for_another(left, usual) is room


def test_study_is_named_by_what_determines_it(search_job: JobSpec) -> None:
    assert study_name(search_job) == study_name(search_job.model_copy(update={"name": "other"}))
    what = search_job.what.model_copy(update={"trials": 9})
    assert study_name(search_job) != study_name(search_job.model_copy(update={"what": what}))
