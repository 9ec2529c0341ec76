"""Jobs: long work, known by the hash of what it does, so that nothing is done twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .budgets import charge
from .database import Database, now
from .errors import StoreError
from .liveness import alive, birth

JobStatus = Literal["running", "done", "failed"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, run TEXT NOT NULL, status TEXT NOT NULL,
    pid INTEGER NOT NULL, born REAL, started TEXT NOT NULL, seconds REAL,
    note TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS jobs_of_run ON jobs (run);
CREATE TABLE IF NOT EXISTS workers (
    key TEXT PRIMARY KEY, pid INTEGER NOT NULL, born REAL, share REAL NOT NULL DEFAULT 0,
    text TEXT NOT NULL DEFAULT '', cancelled INTEGER NOT NULL DEFAULT 0);
"""


@dataclass(frozen=True)
class JobRow:
    """One job. `seconds` is None until it is done; `note` is the error of a failed one."""

    key: str
    kind: str
    run: str
    status: JobStatus
    pid: int
    started: str
    seconds: float | None
    note: str


@dataclass(frozen=True)
class Worker:
    """The process that does a job: how far it is (0..1), at what, and whether to stop."""

    pid: int
    born: float | None
    share: float
    text: str
    cancelled: bool


class Jobs:
    """The job part of the ledger."""

    _database: Database

    def claim_job(self, key: str, kind: str, run: str, pid: int) -> JobRow | None:
        """Take a job for the process `pid`, unless it is done or in other hands.

        Returns:
            The row to act on: status "done" means use its result; "running" means
            it is now yours, to end with `finish_job` or `fail_job` (a failed job,
            or one whose process has died, is handed out again). None: a live
            process, this one included, is at it; look again later with `job`.
        """
        with self._database.transaction() as db:
            row = db.execute("SELECT * FROM jobs WHERE key = ?", (key,)).fetchone()
            if row is not None and row["status"] == "done":
                return _job_row(row)
            if row is not None and row["status"] == "running" and alive(row["pid"], row["born"]):
                return None
            started = now()
            db.execute(
                "INSERT OR REPLACE INTO jobs (key, kind, run, status, pid, born, started)"
                " VALUES (?, ?, ?, 'running', ?, ?, ?)",
                (key, kind, run, pid, birth(pid), started),
            )
        return JobRow(key, kind, run, "running", pid, started, None, "")

    def finish_job(
        self, key: str, seconds: float, note: str = "", costs: Mapping[str, float] | None = None
    ) -> None:
        """Note that the job is done, and charge its run for it; a done job stays as it is.

        Args:
            key: Of the job.
            seconds: That it took.
            note: For people.
            costs: By resource; noted and charged together, or neither, so that no kill
                makes a run pay twice or not at all.

        Raises:
            StoreError: Nobody claimed it.
        """
        self._end_job(key, "done", seconds, note, costs or {})

    def fail_job(self, key: str, error: str) -> None:
        """Note that the job failed and why, so that it can be claimed again.

        Raises:
            StoreError: Nobody claimed it.
        """
        self._end_job(key, "failed", None, error, {})

    def note_worker(self, key: str, pid: int) -> None:
        """Note the process that now does the job."""
        with self._database.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO workers (key, pid, born) VALUES (?, ?, ?)",
                (key, pid, birth(pid)),
            )

    def note_progress(self, key: str, share: float, text: str) -> None:
        """Note how far the job is."""
        with self._database.transaction() as db:
            db.execute("UPDATE workers SET share = ?, text = ? WHERE key = ?", (share, text, key))

    def ask_cancel(self, key: str) -> None:
        """Note that a person wants the job ended."""
        with self._database.transaction() as db:
            db.execute("UPDATE workers SET cancelled = 1 WHERE key = ?", (key,))

    def worker(self, key: str) -> Worker | None:
        """Return the process that did or does the job; None before one was started."""
        with self._database.reading() as db:
            row = db.execute("SELECT * FROM workers WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        return Worker(row["pid"], row["born"], row["share"], row["text"], bool(row["cancelled"]))

    def jobs_like(self, beginning: str) -> tuple[JobRow, ...]:
        """Return the jobs whose key begins so, newest first."""
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT * FROM jobs WHERE substr(key, 1, ?) = ? ORDER BY rowid DESC",
                (len(beginning), beginning),
            ).fetchall()
        return tuple(_job_row(row) for row in rows)

    def job(self, key: str) -> JobRow | None:
        """Return the job with this key, or None when nobody claimed it yet."""
        with self._database.reading() as db:
            row = db.execute("SELECT * FROM jobs WHERE key = ?", (key,)).fetchone()
        return None if row is None else _job_row(row)

    def jobs(self, run: str) -> tuple[JobRow, ...]:
        """Return the jobs that the run claimed, in the order of claiming."""
        with self._database.reading() as db:
            rows = db.execute("SELECT * FROM jobs WHERE run = ? ORDER BY rowid", (run,)).fetchall()
        return tuple(_job_row(row) for row in rows)

    def _end_job(
        self,
        key: str,
        status: JobStatus,
        seconds: float | None,
        note: str,
        costs: Mapping[str, float],
    ) -> None:
        with self._database.transaction() as db:
            known = db.execute("SELECT run FROM jobs WHERE key = ?", (key,)).fetchone()
            if known is None:
                raise StoreError(f"{self._database.path}: nobody claimed the job {key}.")
            ended = db.execute(
                "UPDATE jobs SET status = ?, seconds = ?, note = ?"
                " WHERE key = ? AND status <> 'done'",
                (status, seconds, note, key),
            ).rowcount
            for resource, amount in costs.items() if ended else ():
                charge(db, known["run"], resource, amount)


def _job_row(row: sqlite3.Row) -> JobRow:
    return JobRow(
        row["key"], row["kind"], row["run"], row["status"], row["pid"], row["started"],
        row["seconds"], row["note"],
    )  # fmt: skip
