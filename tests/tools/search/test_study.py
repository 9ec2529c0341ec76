"""A search on the tiny model, and what it leaves when trials and workers fail."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from tuneos.evals.result import Curve
from tuneos.memory.artifacts import ArtifactStore
from tuneos.memory.ledger import Ledger
from tuneos.tools.deployment.load import load_classifier
from tuneos.tools.facts import JobProgress
from tuneos.tools.jobs.run import run_job
from tuneos.tools.jobs.spec import JobSpec
from tuneos.tools.search import study as search
from tuneos.tools.search import worker
from tuneos.tools.search.storage import enqueue_first, fail_running, open_study, study_name
from tuneos.tools.training.loop import Pruned

MakeJob = Callable[..., JobSpec]
SETTINGS = {"strategy": "lora", "epochs": 1, "batch_size": 32, "rank": 2, "alpha": 4}
SPACE = (
    {"setting": "learning_rate", "low": 1e-4, "high": 1e-2, "log": True},
    {"setting": "dropout", "low": 0.0, "high": 2.0},  # beyond 0.9 a fine-tune refuses it
)
KNOWN = {"learning_rate": 1e-3, "dropout": 0.1}
BROKEN = {"learning_rate": 2e-3, "dropout": 1.5}


@pytest.fixture
def search_job(make_job: MakeJob) -> JobSpec:
    return make_job(
        "search",
        settings=SETTINGS,
        space=SPACE,
        first_trials=[{**SETTINGS, **KNOWN}, {**SETTINGS, **BROKEN}],
        trials=3,
        seed=1,
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


class Tuning:
    """Stands in for `tune`: does as told, in place of training."""

    def __init__(self, *steps: float | Exception) -> None:
        self.steps, self.settings = list(steps), list[Any]()

    def __call__(
        self, data: object, settings: Any, folder: Path, tell: Any, *, deadline: float, report: Any
    ) -> Any:
        self.settings.append(settings)
        step = self.steps.pop(0)
        if isinstance(step, BaseException):
            raise step
        folder.mkdir(parents=True)
        tell(JobProgress(share=0.5, text="training"))
        curve = Curve(candidate="", metric="accuracy", points=[])
        return SimpleNamespace(value=step, scores={"accuracy": step}, curve=curve, seconds=1.0)


def work(
    spec: JobSpec, folder: Path, monkeypatch: pytest.MonkeyPatch, *steps: float | Exception
) -> optuna.Study:
    """Let a worker do one trial for each step."""
    monkeypatch.setattr(worker, "tune", Tuning(*steps))
    study = open_study(spec)
    enqueue_first(study, spec)
    for _ in steps:
        worker._one_trial(study, spec, None, folder, deadline=1e12)  # type: ignore[arg-type]
    return study


@pytest.fixture
def safe_job(search_job: JobSpec) -> JobSpec:
    """Every point of its space can be trained."""
    space = ({"setting": "dropout", "low": 0.0, "high": 0.5},)
    what = search_job.what.model_copy(update={"space": space, "first_trials": ({"dropout": 0.1},)})
    return search_job.model_copy(update={"what": what})


@pytest.mark.parametrize(
    ("error", "note"),
    [
        (FloatingPointError("the loss became nan"), "the loss became nan"),
        (RuntimeError("CUDA out of memory"), "ran out of memory; use a smaller batch_size"),
        (MemoryError(), "ran out of memory"),
        (ValueError("odd"), "ValueError: odd"),
    ],
)
def test_failed_trial_is_recorded_and_the_next_one_runs(
    error: Exception,
    note: str,
    safe_job: JobSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = work(safe_job, tmp_path, monkeypatch, error, 0.7)
    outcome = search._outcome(safe_job, study, tmp_path, [])
    failed, good = outcome.trials
    assert failed.state == "failed"
    assert failed.note.startswith(f"search-lora-1: {note}")
    assert (good.state, good.value) == ("complete", 0.7)


def test_programming_error_ends_the_worker(
    safe_job: JobSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AttributeError):
        work(safe_job, tmp_path, monkeypatch, AttributeError("our bug"))
    assert [t.state.name for t in open_study(safe_job).trials] == ["FAIL"]


def test_pruned_trial_is_recorded_as_such(
    safe_job: JobSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = work(safe_job, tmp_path, monkeypatch, 0.5, Pruned())
    assert [t.state.name for t in study.trials] == ["COMPLETE", "PRUNED"]


def test_best_value_wins_and_the_earlier_on_a_tie(
    safe_job: JobSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = work(safe_job, tmp_path, monkeypatch, 0.5, 0.8, 0.8)
    outcome = search._outcome(safe_job, study, tmp_path, [])
    assert outcome.candidates[0].folder == "trial-1/model"
    assert [p.name for p in tmp_path.glob("trial-*")] == ["trial-1"]


def test_search_in_which_nothing_finished_has_no_candidate(
    safe_job: JobSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = work(safe_job, tmp_path, monkeypatch, ValueError("odd"))
    outcome = search._outcome(safe_job, study, tmp_path, [])
    assert outcome.candidates == ()
    assert len(outcome.trials) == 1


def test_trials_of_dead_workers_are_failed_and_those_of_living_ones_left(
    safe_job: JobSpec,
) -> None:
    study = open_study(safe_job)
    for pid in (os.getpid(), 999_999):
        study.ask().set_user_attr("pid", pid)
    study.ask()  # killed before it could say who it was
    assert fail_running(study, "its worker died", alive={os.getpid()}) == 2
    states = [t.state.name for t in study.get_trials(deepcopy=False)]
    assert states[:3] == ["RUNNING", "FAIL", "FAIL"]
    record = search._record(safe_job, study, study.get_trials()[1])
    assert record.note == "search-lora-1: its worker died"


def test_known_settings_are_lined_up_once(safe_job: JobSpec) -> None:
    for _ in range(2):  # the second time is a resume
        enqueue_first(open_study(safe_job), safe_job)
    assert len(open_study(safe_job).trials) == 1


def test_workers_that_start_together_do_not_draw_the_same_points(safe_job: JobSpec) -> None:
    first, second = open_study(safe_job), open_study(safe_job, worker=1)
    drawn = {s.ask().suggest_float("dropout", 0, 0.5) for s in (first, second)}
    assert len(drawn) == 2


def test_study_is_named_by_what_determines_it(safe_job: JobSpec) -> None:
    assert study_name(safe_job) == study_name(safe_job.model_copy(update={"name": "other"}))
    what = safe_job.what.model_copy(update={"trials": 9})
    assert study_name(safe_job) != study_name(safe_job.model_copy(update={"what": what}))


@pytest.mark.parametrize(
    ("begun", "left", "usual", "room"),
    [(0, 100, [], True), (2, 100, [10], True), (3, 100, [10], False), (1, 4, [10], False)],
)
def test_another_trial_begins_while_trials_and_time_are_left(
    begun: int,
    left: float,
    usual: list[float],
    room: bool,
    safe_job: JobSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = open_study(safe_job)
    enqueue_first(study, safe_job)
    for _ in range(begun):
        study.ask()
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    assert worker.room_for_another(study, safe_job, left, usual) is room
