"""A hyperparameter search as a job: Optuna owns the study, workers train, the best is kept."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import optuna

from ...evals.result import Curve, TrialRecord
from ..facts import Candidate, JobProgress, OnProgress, Outcome
from ..jobs.run import child_environment
from ..jobs.spec import JobSpec
from .storage import enqueue_first, fail_running, forget_study, open_study
from .worker import ENDED

LOOK_EVERY = 0.5  # seconds
OVERTIME = 15.0  # seconds that a worker may take to end its trial after the time is up
MOST_DEATHS = 3  # workers that may die before the search ends with what it has
NO_LIMIT = 24 * 3600.0
_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}


def run(spec: JobSpec, folder: Path, on_progress: OnProgress) -> Outcome:
    """Search until the trials or the time are used up; return the best trial as a candidate.

    A worker that dies (killed for memory, say) costs its trial, which is recorded
    as failed, and another worker takes its place. A search that was cut off begins
    anew: the models of its trials went with its unfinished artifact.
    """
    forget_study(spec)
    study = open_study(spec)
    enqueue_first(study, spec)
    deadline = time.monotonic() + (spec.seconds or NO_LIMIT)
    notes = _work(spec, folder, deadline, on_progress)
    study = open_study(spec)
    fail_running(study, "its worker ended", alive=set())
    return _outcome(spec, study, folder, notes)


def _work(spec: JobSpec, folder: Path, deadline: float, on_progress: OnProgress) -> list[str]:
    """Keep the workers going; returns notes on those that died."""
    study = open_study(spec)
    latest: dict[int, JobProgress] = {}
    numbers = itertools.count()
    workers = [_start(spec, folder, deadline, latest, next(numbers)) for _ in range(spec.workers)]
    notes: list[str] = []
    try:
        while workers:
            time.sleep(LOOK_EVERY)
            ended = [w for w in workers if w.poll() is not None]
            workers = [w for w in workers if w.poll() is None]
            died = [w for w in ended if w.returncode]
            if time.monotonic() > deadline + OVERTIME:
                notes.append("the time was up; unfinished trials were given up")
                break
            if died:
                notes += [f"a search worker died (exit code {w.returncode})" for w in died]
                fail_running(study, "its worker died", alive={w.pid for w in workers})
                if len(notes) <= MOST_DEATHS and time.monotonic() < deadline:
                    workers += [_start(spec, folder, deadline, latest, next(numbers)) for _ in died]
            _tell(spec, study, latest, on_progress)
    finally:
        for worker in workers:
            worker.kill()
    return notes


def _start(
    spec: JobSpec, folder: Path, deadline: float, latest: dict[int, JobProgress], number: int
) -> subprocess.Popen[str]:
    """Start a worker and read its progress in a thread."""
    left = max(1.0, deadline - time.monotonic())
    worker = subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-m",
            "tuneos.tools.search.worker",
            folder / "job.json",
            folder,
            str(left),
            str(number),
        ],
        stdout=subprocess.PIPE,
        env=child_environment(),
        text=True,
    )

    def read() -> None:
        for line in worker.stdout or ():
            try:
                said = json.loads(line)
                latest[said.pop("trial")] = JobProgress.model_validate(said)
            except (ValueError, KeyError):
                continue

    threading.Thread(target=read, daemon=True).start()
    return worker


def _tell(
    spec: JobSpec, study: optuna.Study, latest: dict[int, JobProgress], on_progress: OnProgress
) -> None:
    trials = study.get_trials(deepcopy=False)
    ended = [t for t in trials if t.state in ENDED]
    running = [t.number for t in trials if t.state.name == "RUNNING"]
    part = sum(latest[n].share for n in running if n in latest)
    values = [t.value for t in ended if t.value is not None]
    on_progress(
        JobProgress(
            share=min(1.0, (len(ended) + part) / max(1, spec.what.trials)),
            text=f"trial {min(len(ended) + 1, spec.what.trials)} of {spec.what.trials}",
            best=max(values, default=None),
            rate=sum(latest[n].rate or 0 for n in running if n in latest) or None,
        )
    )


def _outcome(spec: JobSpec, study: optuna.Study, folder: Path, notes: list[str]) -> Outcome:
    trials = [t for t in study.get_trials(deepcopy=False) if t.state.name in _STATES]
    records = tuple(_record(spec, study, t) for t in trials)
    finished = [
        t for t in trials if t.value is not None and (folder / f"trial-{t.number}").is_dir()
    ]
    failed = sum(r.state == "failed" for r in records)
    if failed:
        notes.append(f"{failed} of {len(records)} trials failed; the search went on without them")
    if not finished:
        return Outcome(trials=records, notes=tuple(notes))
    best = max(finished, key=lambda t: (t.value, -t.number))
    for trial in trials:
        if trial.number != best.number:
            shutil.rmtree(folder / f"trial-{trial.number}", ignore_errors=True)
    place = folder / f"trial-{best.number}"
    found = json.loads((place / "scores.json").read_text(encoding="utf-8"))
    settings = best.user_attrs["settings"]
    candidate = Candidate(
        name=spec.name,
        strategy=str(settings["strategy"]),
        settings=settings,
        validation=found["scores"],
        seconds=sum(r.seconds for r in records),
        folder=f"trial-{best.number}/model",
        data=spec.data_name,
    )
    curve = Curve.model_validate({**found["curve"], "candidate": spec.name})
    return Outcome(candidates=(candidate,), curves=(curve,), trials=records, notes=tuple(notes))


def _record(spec: JobSpec, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> TrialRecord:
    note = trial.user_attrs.get("note") or study.user_attrs.get(f"note:{trial.number}", "")
    return TrialRecord.model_validate(
        {
            "number": trial.number,
            "state": _STATES[trial.state.name],
            "value": trial.value,
            "settings": trial.user_attrs.get("settings", {}),
            "seconds": trial.user_attrs.get("seconds", 0.0),
            "note": f"{spec.name}: {note}" if note else "",
        }
    )
