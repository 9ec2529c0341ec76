"""The ledger: which runs there are, what they may spend and spent, which jobs are done.

One SQLite file for all processes of a workspace. Every method is one transaction,
so a process killed at any point leaves either all of a step or nothing of it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from . import budgets, jobs, kept, trail
from .budgets import Budgets, BudgetSpent, Spent
from .database import Database, now
from .errors import StoreError
from .jobs import JobRow, Jobs, JobStatus
from .kept import Kept
from .liveness import alive, birth
from .trail import Trails

__all__ = ["BudgetSpent", "JobRow", "JobStatus", "Ledger", "RunRow", "RunStatus", "Spent"]

RunStatus = Literal["running", "waiting", "interrupted", "finished", "failed"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL UNIQUE, status TEXT NOT NULL,
    started TEXT NOT NULL, ended TEXT, spec TEXT NOT NULL, result TEXT, pid INTEGER, born REAL);
CREATE TABLE IF NOT EXISTS stops (run TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, change TEXT NOT NULL);
"""


@dataclass(frozen=True)
class RunRow:
    """One run. Times are ISO 8601, UTC; `ended` is None while it can go on by itself."""

    run: str
    status: RunStatus
    started: str
    ended: str | None
    spec: dict[str, Any]
    result: dict[str, Any] | None
    pid: int | None = None


class Ledger(Budgets, Jobs, Kept, Trails):
    """Runs, budgets and jobs of a workspace; cheap to open, safe across processes.

    Raises:
        StoreError: From every method, when the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        schemas = (budgets.SCHEMA, jobs.SCHEMA, kept.SCHEMA, trail.SCHEMA)
        self._database = Database(path, _SCHEMA + "".join(schemas))

    def start_run(self, run: str, spec: Mapping[str, Any]) -> None:
        """Enter a run as running in this process; saying it twice changes nothing.

        Raises:
            StoreError: The run is there with another spec.
        """
        text = json.dumps(spec, sort_keys=True, ensure_ascii=False)
        with self._database.transaction() as db:
            known = db.execute("SELECT spec FROM runs WHERE run = ?", (run,)).fetchone()
            if known is not None and known["spec"] != text:
                raise StoreError(f"Run {run} exists with other settings; give the new one a name.")
            db.execute(
                "INSERT OR IGNORE INTO runs (run, status, started, spec, pid, born)"
                " VALUES (?, 'running', ?, ?, ?, ?)",
                (run, now(), text, os.getpid(), birth(os.getpid())),
            )

    def take_run(self, run: str) -> None:
        """Make this process the one that drives the run; a finished one stays as it is.

        Raises:
            StoreError: A live process drives it; the message says which, since when.
        """
        with self._database.transaction() as db:
            row = db.execute("SELECT * FROM runs WHERE run = ?", (run,)).fetchone()
            if row is None:
                raise StoreError(f"{self._database.path}: there is no run {run!r}.")
            _refuse_held(row)
            db.execute("DELETE FROM stops WHERE run = ?", (run,))
            if row["status"] == "finished" and row["result"] is not None:
                return  # another process has ended it meanwhile
            db.execute(
                "UPDATE runs SET status = 'running', ended = NULL, pid = ?, born = ? WHERE run = ?",
                (os.getpid(), birth(os.getpid()), run),
            )

    def change_run(
        self,
        run: str,
        spec: Mapping[str, Any],
        limits: Mapping[str, float | None],
        changes: Sequence[Mapping[str, Any]],
    ) -> None:
        """Give an unfinished run another spec and limits, and keep a note of each change.

        Args:
            spec: In full.
            limits: By resource; None lifts the limit.
            changes: What `changes` gives back.

        Raises:
            StoreError: There is no such run, it is finished, or a live process drives it.
        """
        text = json.dumps(spec, sort_keys=True, ensure_ascii=False)
        with self._database.transaction() as db:
            row = db.execute("SELECT * FROM runs WHERE run = ?", (run,)).fetchone()
            if row is None:
                raise StoreError(f"{self._database.path}: there is no run {run!r}.")
            if row["status"] == "finished":
                raise StoreError(f"Run {run} is finished and stays as it is; start a new one.")
            _refuse_held(row)
            db.execute("UPDATE runs SET spec = ? WHERE run = ?", (text, run))
            for resource, limit in limits.items():
                budgets.put_limit(db, run, resource, limit)
            for change in changes:
                said = json.dumps(change, ensure_ascii=False)
                db.execute("INSERT INTO changes (run, change) VALUES (?, ?)", (run, said))

    def refuse_held(self, run: str) -> None:
        """Raise where another live process drives the run.

        Raises:
            StoreError: One does, or there is no such run.
        """
        with self._database.reading() as db:
            row = db.execute("SELECT * FROM runs WHERE run = ?", (run,)).fetchone()
        if row is None:
            raise StoreError(f"{self._database.path}: there is no run {run!r}.")
        _refuse_held(row)

    def changes(self, run: str) -> tuple[dict[str, Any], ...]:
        """Return what was changed since the run began, in order."""
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT change FROM changes WHERE run = ? ORDER BY number", (run,)
            ).fetchall()
        return tuple(json.loads(row["change"]) for row in rows)

    def ask_stop(self, run: str) -> None:
        """Ask whoever drives the run to stop; it can be resumed."""
        with self._database.transaction() as db:
            db.execute("INSERT OR IGNORE INTO stops (run) VALUES (?)", (run,))

    def stop_asked(self, run: str) -> bool:
        """Whether the run was asked to stop since it was taken."""
        with self._database.reading() as db:
            row = db.execute("SELECT 1 FROM stops WHERE run = ?", (run,)).fetchone()
        return row is not None

    def set_status(
        self, run: str, status: RunStatus, result: Mapping[str, Any] | None = None
    ) -> None:
        """Note how the run stands; a `result` of None keeps the one there is.

        "running" makes this process its owner.

        Raises:
            StoreError: There is no such run.
        """
        ended = now() if status in ("finished", "failed", "interrupted") else None
        text = None if result is None else json.dumps(result, ensure_ascii=False)
        with self._database.transaction() as db:
            changed = db.execute(
                "UPDATE runs SET status = ?, ended = ?, result = COALESCE(?, result),"
                " pid = ?, born = ? WHERE run = ?",
                (status, ended, text, os.getpid(), birth(os.getpid()), run),
            ).rowcount
            if not changed:
                raise StoreError(f"{self._database.path}: there is no run {run!r}.")

    def run(self, run: str) -> RunRow:
        """Return one run.

        Raises:
            StoreError: There is no such run.
        """
        with self._database.reading() as db:
            row = db.execute("SELECT * FROM runs WHERE run = ?", (run,)).fetchone()
        if row is None:
            raise StoreError(f"{self._database.path}: there is no run {run!r}.")
        return _run_row(row)

    def runs(self) -> tuple[RunRow, ...]:
        """Return all runs, newest first."""
        with self._database.reading() as db:
            rows = db.execute("SELECT * FROM runs ORDER BY number DESC").fetchall()
        return tuple(_run_row(row) for row in rows)


def _refuse_held(row: sqlite3.Row) -> None:
    """Raise where another live process drives the run."""
    other = row["pid"] != os.getpid() and alive(row["pid"], row["born"])
    if row["status"] == "running" and other:
        since = datetime.fromtimestamp(row["born"]).strftime("%Y-%m-%d %H:%M:%S")
        raise StoreError(
            f"Run {row['run']} is held by process {row['pid']}, which began {since}; wait for it, "
            f"or end it with: tuneos cancel {row['run']}"
        )


def _run_row(row: sqlite3.Row) -> RunRow:
    """Read a run; one that says "running" but whose process has died was interrupted."""
    died = row["status"] == "running" and not alive(row["pid"], row["born"])
    result = None if row["result"] is None else json.loads(row["result"])
    status: RunStatus = "interrupted" if died else row["status"]
    return RunRow(
        row["run"],
        status,
        row["started"],
        row["ended"],
        json.loads(row["spec"]),
        result,
        row["pid"],
    )
