"""Run a job in a child process, once: the same description asked again returns the first result."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from ...memory.artifacts import ArtifactStore
from ...memory.ledger import Ledger
from ..datasets.versions import verify_rows
from ..facts import JobProgress, OnProgress, Outcome
from . import running
from .processes import end_group
from .running import JobFailed, Killed
from .spec import JobSpec

NOTE_EVERY = 1.0  # seconds between notes of progress in the ledger
GPUS = {"cuda", "mps"}
STARTUP = "startup"  # as the ledger keeps what a run's last job took beside its own work
RESTARTS = 2  # of a job whose process was killed


@dataclass(frozen=True)
class Finished:
    """A job's result and where its files are; `reused` when nothing had to be done."""

    outcome: Outcome
    folder: Path
    seconds: float
    reused: bool


def run_job(
    spec: JobSpec, store: ArtifactStore, ledger: Ledger, on_progress: OnProgress
) -> Finished:
    """Do what the description says, unless its result is there already.

    A job that was cut off, here or in another process, goes on from what it had
    saved; one whose process is killed is started again RESTARTS times.

    Raises:
        JobFailed: The job failed, ran out of memory, or overran its time.
        KeyboardInterrupt: The person pressed Ctrl-C; the child is ended first.
    """
    key = store.key(spec.what.model_dump(mode="json"))
    saved = store.root.parent / "training" / key
    if store.has_whole(key):
        return _reused(key, store, ledger, saved, on_progress)
    _verify_inputs(spec, store)
    while ledger.claim_job(key, spec.what.kind, spec.run, os.getpid()) is None:
        time.sleep(0.5)  # another process of this workspace is at it
    if store.has_whole(key):
        return _reused(key, store, ledger, saved, on_progress)
    start = time.monotonic()
    spec = spec.model_copy(update={"checkpoints": str(saved)})
    try:
        _attempts(spec, store, _Watch(key, spec.run, ledger, on_progress))
    except BaseException as error:
        ledger.fail_job(key, str(error) or type(error).__name__)
        if isinstance(error, JobFailed) and error.hopeless:
            shutil.rmtree(saved, ignore_errors=True)
        raise
    seconds = time.monotonic() - start
    outcome = _outcome(store.path(key))
    ledger.finish_job(key, seconds, spec.name, _costs(spec, outcome, seconds))
    if spec.run:
        ledger.keep(spec.run, STARTUP, f"{max(0.0, seconds - outcome.seconds):.2f}")
    shutil.rmtree(saved, ignore_errors=True)
    return Finished(outcome, store.path(key), seconds, reused=False)


def startup_seconds(ledger: Ledger, run: str) -> float:
    """What the last job of a run took beside its own work; 0 before the first."""
    return float(ledger.kept(run, STARTUP) or 0.0)


def _verify_inputs(spec: JobSpec, store: ArtifactStore) -> None:
    """Refuse to work on rows or models that are not as they were written.

    Raises:
        StoreError: They are not; `DataDamaged` where it is the rows.
    """
    rows = Path(spec.data_folder)
    if rows.is_relative_to(store.root):
        verify_rows(store, store.key_of(rows))
    for _, folder in spec.what.models:
        if Path(folder).is_relative_to(store.root):
            store.verify(store.key_of(Path(folder)))


def _reused(
    key: str, store: ArtifactStore, ledger: Ledger, saved: Path, on_progress: OnProgress
) -> Finished:
    """A result that is there, and what it had taken.

    Where a kill kept its job from being noted as done, it is noted now.
    """
    outcome = _outcome(store.path(key))
    said = JobProgress(
        share=1.0, text="done before", reused_job=key, reused_seconds=outcome.seconds
    )
    on_progress(said)
    row = ledger.job(key)
    if row is not None and row.status != "done":
        spec = JobSpec.model_validate_json((store.path(key) / "job.json").read_text("utf-8"))
        costs = _costs(spec, outcome, outcome.seconds)
        ledger.finish_job(key, outcome.seconds, spec.name, costs)
    shutil.rmtree(saved, ignore_errors=True)
    return Finished(outcome, store.path(key), 0.0, reused=True)


def _costs(spec: JobSpec, outcome: Outcome, seconds: float) -> dict[str, float]:
    """What a job costs its run beside time."""
    if not spec.run:
        return {}
    costs = {"trials": float(len(outcome.trials))} if outcome.trials else {}
    return costs | ({"gpu_seconds": seconds} if outcome.device in GPUS else {})


def _attempts(spec: JobSpec, store: ArtifactStore, watch: _Watch) -> None:
    """Run the child until it ends by itself, or has been killed too often."""
    deadline = None if spec.seconds is None else time.monotonic() + spec.seconds
    for restart in range(RESTARTS + 1):
        if deadline is not None:
            left = max(0.0, deadline - time.monotonic())
            spec = spec.model_copy(update={"seconds": left})
        watch.end_orphans()
        log = store.root.parent / "logs" / f"{watch.key}.txt"
        log.parent.mkdir(exist_ok=True)
        try:
            with store.writing(watch.key) as folder:
                running.run_child(spec, folder, log, watch)
            return
        except Killed as killed:
            if restart == RESTARTS:
                raise JobFailed(
                    f"{spec.name}: its process was killed {restart + 1} times ({killed})"
                ) from killed


@dataclass
class _Watch:
    """Notes a job's process and progress in the ledger, and ends it when a person says so."""

    key: str
    run: str
    ledger: Ledger
    on_progress: OnProgress
    noted: float = -math.inf

    def started(self, child: subprocess.Popen[str]) -> None:
        self.ledger.note_worker(self.key, child.pid)

    def __call__(self, progress: JobProgress) -> None:
        self.on_progress(progress)
        if time.monotonic() - self.noted < NOTE_EVERY:
            return
        self.noted = time.monotonic()
        self.ledger.note_progress(self.key, progress.share, progress.text)
        if self.run and self.ledger.stop_asked(self.run):
            raise KeyboardInterrupt

    def end_orphans(self) -> None:
        """End what an agent that is no more has left running of this job."""
        worker = self.ledger.worker(self.key)
        if worker is not None:
            end_group(worker.pid, worker.born)

    def cancelled(self) -> bool:
        """Whether a person ended the job."""
        worker = self.ledger.worker(self.key)
        return worker is not None and worker.cancelled


def _outcome(folder: Path) -> Outcome:
    """Read a result; candidate folders become absolute."""
    outcome = Outcome.model_validate_json((folder / "outcome.json").read_text(encoding="utf-8"))
    placed = tuple(
        c.model_copy(update={"folder": str(folder / c.folder)}) for c in outcome.candidates
    )
    return outcome.model_copy(update={"candidates": placed})
