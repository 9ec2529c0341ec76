"""Faults that a scenario injects: what it does to the processes of a run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...memory.jobs import Worker
from ...memory.ledger import Ledger
from ..runs import Run
from ..session import OnEvent
from .scenario import Fault

HEADROOM = 2**20 * 16  # bytes that a worker may still take when its memory is to run out
FIRST_JOB = 120.0  # seconds that a run may take to reach its first job
INTO_THE_JOB = 1.0  # seconds: the job has begun to compute by then


@dataclass
class Striker:
    """Passes events on, and strikes the worker of the first job that computes.

    Attributes:
        done: The fault was injected.
    """

    run: Run
    fault: Fault
    tell: OnEvent
    done: bool = False

    def __call__(self, event: dict[str, Any]) -> None:
        self.tell(event)
        if self.done or event["kind"] != "step_progress":
            return
        strike = STRIKES[self.fault]
        ledger = Ledger(self.run.workspace.ledger)
        for job in ledger.jobs(self.run.name):
            worker = ledger.worker(job.key)
            if job.status == "running" and worker is not None:
                self.done = strike(worker)


def kill_worker(worker: Worker) -> bool:
    """Kill a job's process and all that it started; whether it was there to be killed."""
    try:
        os.killpg(worker.pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def starve_worker(worker: Worker) -> bool:
    """Let the process have hardly more memory than it has: its next allocation fails."""
    import psutil

    try:
        process = psutil.Process(worker.pid)
        limit = process.memory_info().vms + HEADROOM
        process.rlimit(psutil.RLIMIT_AS, (limit, limit))
    except psutil.Error:
        return False
    return True


STRIKES: dict[Fault, Callable[[Worker], bool]] = {
    "kill_worker": kill_worker,
    "out_of_memory": starve_worker,
}


def kill_agent(run: Run) -> bool:
    """Drive a run in another process and kill that, workers and all, in its first job.

    Returns:
        Whether it was in a job when it was killed.
    """
    code = (
        "import sys; from pathlib import Path; from tuneos.agent.runs import find_run; "
        "from tuneos.agent.session import go_on; "
        "go_on(find_run(sys.argv[1], Path(sys.argv[2])))"
    )
    words = [sys.executable, "-P", "-c", code, run.name, str(run.workspace.root)]
    quiet = subprocess.DEVNULL
    ledger = Ledger(run.workspace.ledger)
    # The run is entered as this process's own; let go of it first.
    ledger.set_status(run.name, "interrupted")
    agent = subprocess.Popen(words, stdout=quiet, stderr=quiet, start_new_session=True)
    workers: list[Worker] = []
    try:
        until = time.monotonic() + FIRST_JOB
        while agent.poll() is None and time.monotonic() < until and not workers:
            time.sleep(0.1)
            found = [ledger.worker(job.key) for job in ledger.jobs(run.name)]
            workers = [worker for worker in found if worker is not None]
        if workers:
            time.sleep(INTO_THE_JOB)
        killed = bool(workers) and agent.poll() is None
    finally:
        with contextlib.suppress(ProcessLookupError):
            agent.kill()
        agent.wait()
        for worker in workers:
            kill_worker(worker)
    return killed
