"""`tuneos ps`, `logs` and `cancel`: what runs, what it says, and ending it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..memory.errors import StoreError
from ..memory.jobs import JobRow
from ..memory.ledger import Ledger, RunRow
from ..memory.liveness import alive
from ..memory.workspace import Workspace

if TYPE_CHECKING:
    from rich.console import Console

WAIT = 30.0  # seconds that a run gets to stop by itself
LOOK = 0.2  # seconds between looks


def list_live(workspace: Path) -> list[dict[str, Any]]:
    """Runs that a process drives now, newest first, each with its job and what it has cost."""
    path = Workspace(workspace).ledger
    if not path.is_file():
        return []
    ledger = Ledger(path)
    return [_live(ledger, row) for row in ledger.runs() if row.status == "running"]


def _live(ledger: Ledger, row: RunRow) -> dict[str, Any]:
    spent = {name: s.spent for name, s in ledger.spending(row.run).items()}
    jobs = [j for j in ledger.jobs(row.run) if j.status == "running"]
    return {
        "run": row.run,
        "pid": row.pid,
        "started": row.started,
        "seconds": round(spent.get("seconds", 0.0), 1),
        "tokens": int(spent.get("tokens", 0)),
        "usd": round(spent.get("usd", 0.0), 4),
        "jobs": [_job(ledger, job) for job in jobs],
    }


def _job(ledger: Ledger, job: JobRow) -> dict[str, Any]:
    worker = ledger.worker(job.key)
    return {
        "job": job.key,
        "kind": job.kind,
        "pid": worker.pid if worker else None,
        "started": job.started,
        "share": round(worker.share, 3) if worker else 0.0,
        "text": worker.text if worker else "",
    }


def print_live(console: Console, rows: list[dict[str, Any]]) -> None:
    """A table for people."""
    from rich.markup import escape
    from rich.table import Table

    if not rows:
        console.print("Nothing runs in this workspace.")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("run / job", "since", "how far", "cost"):
        table.add_column(name)
    for row in rows:
        cost = f"{row['seconds']:.0f} s"
        cost += f", {row['tokens']:,} tokens" if row["tokens"] else ""
        cost += f", ${row['usd']:.4f}" if row["usd"] else ""
        table.add_row(row["run"], _clock(row["started"]), f"process {row['pid']}", cost)
        for job in row["jobs"]:
            far = f"{job['share']:.0%} {escape(job['text'])}"
            table.add_row(f"  {job['kind']} {job['job'][:8]}", _clock(job["started"]), far, "")
    console.print(table)


def read_log(workspace: Path, name: str, *, follow: bool = False) -> Iterator[str]:
    """Yield what a job, or every job of a run, has written, piece by piece.

    Args:
        workspace: Its folder.
        name: A job's key or the beginning of it, or a run's.
        follow: Go on until the job ends.

    Raises:
        StoreError: There is neither.
    """
    ledger, jobs = _named(workspace, name)
    for job in jobs:
        yield f"== {job.kind} {job.key} ({job.status})\n"
        path = workspace / "logs" / f"{job.key}.txt"
        if not path.is_file():
            continue
        with path.open(encoding="utf-8", errors="replace") as log:
            yield log.read()
            while follow and (now := ledger.job(job.key)) and now.status == "running":
                time.sleep(LOOK)
                yield log.read()
            yield log.read()


def cancel(workspace: Path, name: str) -> str:
    """End a job, or pause a run; what is finished is kept. Says in a line what came of it.

    Raises:
        StoreError: There is no such run or job, or it does not run.
    """
    ledger, jobs = _named(workspace, name)
    runs = {r.run: r for r in ledger.runs()}
    run = _run_named(runs, name)
    if run is not None:
        return _stop_run(ledger, runs[run])
    (job,) = jobs
    worker = ledger.worker(job.key)
    if job.status != "running" or worker is None or not alive(worker.pid, worker.born):
        raise StoreError(f"Job {job.key} does not run; it is {job.status}.")
    ledger.ask_cancel(job.key)
    _end_group(worker.pid, worker.born)
    return f"{job.kind} {job.key} is cancelled; its run goes on without it."


def _stop_run(ledger: Ledger, row: RunRow) -> str:
    if row.status != "running":
        raise StoreError(f"Run {row.run} does not run; it is {row.status}.")
    ledger.ask_stop(row.run)
    until = time.monotonic() + WAIT
    while ledger.run(row.run).status == "running":
        if time.monotonic() > until:
            return f"{row.run} was asked to stop and will, at the end of its step."
        time.sleep(LOOK)
    return f"{row.run} is paused; finished steps are kept. Go on with: tuneos resume {row.run}"


def _end_group(pid: int, born: float | None) -> None:
    """End a worker and all it started, by force if need be."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, number)
        until = time.monotonic() + 5
        while alive(pid, born) and time.monotonic() < until:
            time.sleep(LOOK)
        if not alive(pid, born):
            return


def _named(workspace: Path, name: str) -> tuple[Ledger, list[JobRow]]:
    """The ledger, and the jobs that a name means: one job, or all of a run.

    Raises:
        StoreError: Nothing, or more than one thing, has that name.
    """
    path = Workspace(workspace).ledger
    if not path.is_file():
        raise StoreError(f"There is no workspace {workspace}; name it with --workspace.")
    ledger = Ledger(path)
    run = _run_named({r.run: r for r in ledger.runs()}, name)
    if run is not None:
        return ledger, list(ledger.jobs(run))
    jobs = list(ledger.jobs_like(name)) if name else []
    if len(jobs) != 1:
        found = f"{len(jobs)} jobs begin with" if jobs else "There is no run or job"
        raise StoreError(f"{found} {name!r}; see: tuneos runs, tuneos ps")
    return ledger, jobs


def _run_named(runs: dict[str, RunRow], name: str) -> str | None:
    fitting = [r for r in runs if r == name] or [r for r in runs if name and r.startswith(name)]
    return fitting[0] if len(fitting) == 1 else None


def _clock(when: str) -> str:
    return f"{datetime.fromisoformat(when).astimezone():%H:%M:%S}"
