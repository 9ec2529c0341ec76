"""The child process that does a job: begun, listened to, and ended in time."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Protocol

from ...memory.redaction import Lines
from ..facts import JobProgress, OnProgress
from ..guardrails.network import environment_of, standing
from .child import DISK_FULL, OUT_OF_MEMORY
from .processes import out_of_memory_kills
from .spec import JobSpec

GRACE = 2.0  # seconds beyond its limit before a job is ended from outside
OWN_CLOCK = {"fine_tune": 20.0, "search": 20.0}  # the same, of jobs that look at the clock
LOG_SECONDS = 5.0  # for the last lines of a job's log
OUT_OF_MEMORY_WORDS = "ran out of memory; use a smaller batch_size or max_length"

_live: set[subprocess.Popen[str]] = set()
_stopping = threading.Event()


class JobFailed(Exception):
    """A job ended without a result; the message is one line for the controller.

    Attributes:
        hopeless: It failed by itself: what it had saved would lead there again.
        out_of_memory: That is what it failed of.
    """

    def __init__(
        self, message: str, *, hopeless: bool = False, out_of_memory: bool = False
    ) -> None:
        super().__init__(message)
        self.hopeless = hopeless
        self.out_of_memory = out_of_memory


class Killed(Exception):
    """A job's process was ended by a signal that nobody here sent."""


class Watching(Protocol):
    """Who watches a job."""

    def __call__(self, progress: JobProgress) -> None:
        """Hear how far it is; may raise `KeyboardInterrupt`."""
        ...

    def started(self, child: subprocess.Popen[str]) -> None:
        """Hear of its process."""
        ...

    def cancelled(self) -> bool:
        """Whether a person ended the job."""
        ...


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
    return {**os.environ, **quiet, **environment_of(standing())}


def run_child(spec: JobSpec, folder: Path, log_file: Path, watch: Watching) -> None:
    """Do a job in a process of its own, which fills the folder.

    Raises:
        JobFailed: It failed, ran out of memory, or overran its time.
        Killed: Its process was killed.
        OSError: The disk is full.
        KeyboardInterrupt: The person pressed Ctrl-C, or `watch` says so; it is ended first.
    """
    description = folder / "job.json"
    description.write_text(spec.model_dump_json(indent=1), encoding="utf-8")
    words = [sys.executable, "-P", "-m", "tuneos.tools.jobs.child", str(description), str(folder)]
    memory_kills = out_of_memory_kills()
    with log_file.open("a", encoding="utf-8") as log:
        log.write(f"-- {spec.name} starts, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n")
        log.flush()
        child = subprocess.Popen(
            [*words, str(os.getpid())],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_environment(),
            text=True,
            errors="replace",
            start_new_session=True,
        )
        _live.add(child)
        writing = threading.Thread(target=_write_log, args=(child, log), daemon=True)
        writing.start()
        try:
            watch.started(child)
            error = _listen(child, spec, watch)
            child.wait()
        except BaseException:
            _end(child)
            raise
        finally:
            _live.discard(child)
            writing.join(LOG_SECONDS)  # a process it left behind may hold the pipe
            for pipe in (child.stdout, None if writing.is_alive() else child.stderr):
                if pipe is not None:
                    pipe.close()
    if _stopping.is_set():
        raise KeyboardInterrupt
    if child.returncode == DISK_FULL:
        raise OSError(errno.ENOSPC, "No space left on device", str(folder))
    if child.returncode and watch.cancelled():
        raise JobFailed(f"{spec.name}: cancelled by a person")
    if child.returncode < 0:
        if child.returncode == -signal.SIGKILL and out_of_memory_kills() > memory_kills:
            raise JobFailed(OUT_OF_MEMORY_WORDS, out_of_memory=True)
        raise Killed(signal.Signals(-child.returncode).name)
    if child.returncode:
        starved = child.returncode == OUT_OF_MEMORY
        why = error or _how_it_ended(child.returncode)
        raise JobFailed(why, hopeless=True, out_of_memory=starved)


def _write_log(child: subprocess.Popen[str], log: IO[str]) -> None:
    """Write what the child says on its standard error, without secrets, line by line."""
    plain = Lines()
    for line in child.stderr or ():
        with contextlib.suppress(ValueError, OSError):  # the log is closed, or its disk full
            log.write(plain(line))
            log.flush()


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
    if code == OUT_OF_MEMORY:
        return OUT_OF_MEMORY_WORDS
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
