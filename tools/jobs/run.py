"""Run a job in a child process, once: the same description asked again returns the first result."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ...memory.artifacts import ArtifactStore
from ...memory.ledger import Ledger
from ..facts import JobProgress, OnProgress, Outcome
from .child import DISK_FULL, OUT_OF_MEMORY
from .spec import JobSpec

NOTE_EVERY = 1.0  # seconds between notes of progress in the ledger
GRACE = 2.0  # seconds beyond its limit before a job is ended from outside
OWN_CLOCK = {"fine_tune": 20.0, "search": 20.0}  # the same, of jobs that look at the clock
GPUS = {"cuda", "mps"}


_live: set[subprocess.Popen[str]] = set()
_stopping = threading.Event()


class JobFailed(Exception):
    """A job ended without a result; the message is one line for the controller."""


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

    Raises:
        JobFailed: The job failed, ran out of memory, or overran its time.
        KeyboardInterrupt: The person pressed Ctrl-C; the child is ended first.
    """
    key = store.key(spec.what.model_dump(mode="json"))
    if store.has_whole(key):
        return _reused(store.path(key), on_progress)
    while (row := ledger.claim_job(key, spec.what.kind, spec.run, os.getpid())) is None:
        time.sleep(0.5)  # another process of this workspace is at it
    if row.status == "done" and store.has_whole(key):
        return _reused(store.path(key), on_progress)
    start = time.monotonic()
    try:
        log = store.root.parent / "logs" / f"{key}.txt"
        log.parent.mkdir(exist_ok=True)
        with store.writing(key) as folder:
            _run_child(spec, folder, log, _Watch(key, spec.run, ledger, on_progress))
    except BaseException as error:
        ledger.fail_job(key, str(error) or type(error).__name__)
        raise
    seconds = time.monotonic() - start
    ledger.finish_job(key, seconds, spec.name)
    outcome = _outcome(store.path(key))
    if outcome.device in GPUS and spec.run:
        ledger.charge(spec.run, "gpu_seconds", seconds)
    return Finished(outcome, store.path(key), seconds, reused=False)


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

    def cancelled(self) -> bool:
        """Whether a person ended the job."""
        worker = self.ledger.worker(self.key)
        return worker is not None and worker.cancelled


def interrupt_jobs() -> None:
    """End all running children; their jobs raise KeyboardInterrupt and can be run again.

    A node of the graph runs in a thread, which Ctrl-C does not reach.
    """
    _stopping.set()
    for child in list(_live):
        _end(child)


def allow_jobs() -> None:
    """Let jobs run (again)."""
    _stopping.clear()


def child_environment() -> dict[str, str]:
    """The environment of computing processes.

    GOMP_SPINCOUNT=0: OpenMP threads that wait must sleep. Where another process
    wants the core, spinning made two threads four times slower than sleeping.
    """
    quiet = {
        "GOMP_SPINCOUNT": "0",
        "KMP_BLOCKTIME": "0",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONUNBUFFERED": "1",
    }
    return {**os.environ, **quiet}


def _run_child(spec: JobSpec, folder: Path, log_file: Path, watch: _Watch) -> None:
    (folder / "job.json").write_text(spec.model_dump_json(indent=1), encoding="utf-8")
    with log_file.open("w", encoding="utf-8") as log:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "tuneos.tools.jobs.child", folder / "job.json", folder],
            stdout=subprocess.PIPE,
            stderr=log,
            env=child_environment(),
            text=True,
            start_new_session=True,
        )
        _live.add(child)
        try:
            watch.started(child)
            error = _listen(child, spec, watch)
            child.wait()
        except BaseException:
            _end(child)
            raise
        finally:
            _live.discard(child)
            if child.stdout is not None:
                child.stdout.close()
    if _stopping.is_set():
        raise KeyboardInterrupt
    if child.returncode == DISK_FULL:
        raise OSError(errno.ENOSPC, "No space left on device", str(folder))
    if child.returncode and watch.cancelled():
        raise JobFailed(f"{spec.name}: cancelled by a person")
    if child.returncode:
        raise JobFailed(error or _how_it_ended(child.returncode))


def _listen(child: subprocess.Popen[str], spec: JobSpec, on_progress: OnProgress) -> str:
    """Pass progress on until the child closes its output; returns its error, if any."""
    out: IO[str] | None = child.stdout
    error = ""
    with _ended_in_time(child, _limit(spec)) as overran:
        for line in out or ():
            try:
                said = json.loads(line)
            except ValueError:  # a library printed something
                continue
            if "error" in said:
                error = str(said["error"])
            else:
                on_progress(JobProgress.model_validate(said))
    if overran.is_set():
        raise JobFailed(f"{spec.name}: did not end within its time and was stopped")
    return error


def _limit(spec: JobSpec) -> float | None:
    """Seconds after which a job is ended from outside."""
    return None if spec.seconds is None else spec.seconds + OWN_CLOCK.get(spec.what.kind, GRACE)


@contextmanager
def _ended_in_time(
    child: subprocess.Popen[str], seconds: float | None
) -> Iterator[threading.Event]:
    """End the child when its time is up, even one that says nothing; the event tells so."""
    overran = threading.Event()

    def end() -> None:
        overran.set()
        _end(child)

    if seconds is None:
        yield overran
        return
    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield overran
    finally:
        timer.cancel()


def _how_it_ended(code: int) -> str:
    if code == OUT_OF_MEMORY or code == -signal.SIGKILL:
        return "ran out of memory, or was killed; use a smaller batch_size or max_length"
    return f"ended unexpectedly (exit code {code})"


def _end(child: subprocess.Popen[str]) -> None:
    """End the child and all that it started."""
    try:
        os.killpg(child.pid, signal.SIGTERM)
        child.wait(timeout=5)
    except (ProcessLookupError, PermissionError):
        pass
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _reused(folder: Path, on_progress: OnProgress) -> Finished:
    """Take a result that is there, and tell what it had taken."""
    outcome = _outcome(folder)
    said = JobProgress(
        share=1.0, text="done before", reused_job=folder.name, reused_seconds=outcome.seconds
    )
    on_progress(said)
    return Finished(outcome, folder, 0.0, reused=True)


def _outcome(folder: Path) -> Outcome:
    """Read a result; candidate folders become absolute."""
    outcome = Outcome.model_validate_json((folder / "outcome.json").read_text(encoding="utf-8"))
    placed = tuple(
        c.model_copy(update={"folder": str(folder / c.folder)}) for c in outcome.candidates
    )
    return outcome.model_copy(update={"candidates": placed})
