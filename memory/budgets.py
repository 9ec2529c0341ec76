"""Budgets: an amount is reserved before it is spent, and settled at what it cost."""

from __future__ import annotations

import math
import os
import sqlite3
from dataclasses import dataclass

from .database import Database
from .errors import StoreError
from .liveness import alive, birth

SCHEMA = """
CREATE TABLE IF NOT EXISTS budgets (
    run TEXT NOT NULL, resource TEXT NOT NULL, most REAL, spent REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (run, resource));
CREATE TABLE IF NOT EXISTS reservations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, resource TEXT NOT NULL,
    amount REAL NOT NULL, known REAL NOT NULL DEFAULT 0, pid INTEGER NOT NULL, born REAL);
CREATE INDEX IF NOT EXISTS reservations_of_run ON reservations (run, resource);
"""
_ROUNDING = 1e-9  # sums of floats may miss the limit by this much


class BudgetSpent(StoreError):
    """What is left of a budget does not cover what was asked.

    Attributes:
        resource: "seconds", "trials", …
        limit: What the run may spend in all.
        left: What is neither spent nor reserved; can be negative.
        asked: The amount that was to be reserved.
    """

    def __init__(self, run: str, resource: str, limit: float, left: float, asked: float) -> None:
        self.resource, self.limit, self.left, self.asked = resource, limit, left, asked
        super().__init__(
            f"The budget of run {run} does not cover this step: {asked:g} {resource} asked, "
            f"{max(left, 0):g} of {limit:g} left. Ask for less, or resume with a larger budget."
        )


@dataclass(frozen=True)
class Spent:
    """One kind of budget; limit None means no limit."""

    limit: float | None
    spent: float
    reserved: float


class Budgets:
    """The budget part of the ledger."""

    _database: Database

    def set_limit(self, run: str, resource: str, limit: float | None) -> None:
        """Allow the run this much of a resource in all; None lifts the limit."""
        with self._database.transaction() as db:
            put_limit(db, run, resource, limit)

    def reserve(self, run: str, resource: str, amount: float) -> int:
        """Set an amount aside before it is spent; return the reservation's number.

        Raises:
            BudgetSpent: limit - spent - reserved is less than `amount`.
        """
        _check_amount(amount)
        with self._database.transaction() as db:
            state = _spending(db, run).get(resource, Spent(None, 0.0, 0.0))
            if state.limit is not None:
                left = state.limit - state.spent - state.reserved
                if left < amount - _ROUNDING:
                    raise BudgetSpent(run, resource, state.limit, left, amount)
            return _insert(db, run, resource, amount)

    def hold(self, run: str, resource: str, amount: float) -> int:
        """Open a reservation that is never refused: for what is being spent already."""
        _check_amount(amount)
        with self._database.transaction() as db:
            return _insert(db, run, resource, amount)

    def holds(self, run: str, reservation: int) -> bool:
        """Whether a reservation of the run is open, made by this process."""
        with self._database.reading() as db:
            row = db.execute(
                "SELECT 1 FROM reservations WHERE id = ? AND run = ? AND pid = ?",
                (reservation, run, os.getpid()),
            ).fetchone()
        return row is not None

    def note_spent(self, reservation: int, spent: float) -> None:
        """Note what an open reservation has cost so far, for `release_open` to go by."""
        _check_amount(spent)
        with self._database.transaction() as db:
            db.execute("UPDATE reservations SET known = ? WHERE id = ?", (spent, reservation))

    def settle(self, reservation: int, spent: float) -> None:
        """Close a reservation at what was really spent, which may exceed it.

        A reservation that is closed already stays as it was settled first.
        """
        _check_amount(spent)
        with self._database.transaction() as db:
            _settle(db, reservation, spent)

    def charge(self, run: str, resource: str, amount: float) -> None:
        """Book what was spent without a reservation; it is never refused."""
        _check_amount(amount)
        with self._database.transaction() as db:
            charge(db, run, resource, amount)

    def spending(self, run: str) -> dict[str, Spent]:
        """Return limit, spent and reserved of every resource that the run has met."""
        with self._database.reading() as db:
            return _spending(db, run)

    def left(self, run: str, resource: str) -> float | None:
        """What is neither spent nor reserved; None without a limit."""
        spent = self.spending(run).get(resource)
        if spent is None or spent.limit is None:
            return None
        return max(0.0, spent.limit - spent.spent - spent.reserved)

    def release_open(self, run: str, *, include_own: bool = False) -> int:
        """Settle the reservations whose process has died, at what was last noted; count them.

        Args:
            include_own: Also those of this process: right when it resumes a run
                whose earlier attempt in the same process was broken off.
        """
        with self._database.transaction() as db:
            rows = db.execute("SELECT * FROM reservations WHERE run = ?", (run,)).fetchall()
            over = [
                row
                for row in rows
                if (include_own and row["pid"] == os.getpid()) or not alive(row["pid"], row["born"])
            ]
            for row in over:
                _settle(db, row["id"], row["known"])
        return len(over)


def put_limit(db: sqlite3.Connection, run: str, resource: str, limit: float | None) -> None:
    """Set a limit inside a transaction that does more than this."""
    if limit is not None:
        _check_amount(limit)
    db.execute(
        "INSERT INTO budgets (run, resource, most) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET most = excluded.most",
        (run, resource, limit),
    )


def _check_amount(amount: float) -> None:
    if not (math.isfinite(amount) and amount >= 0):
        raise ValueError(f"an amount must be finite and not negative but got {amount}")


def charge(db: sqlite3.Connection, run: str, resource: str, amount: float) -> None:
    """Book what was spent, within a transaction of the ledger."""
    db.execute(
        "INSERT INTO budgets (run, resource, spent) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET spent = spent + excluded.spent",
        (run, resource, amount),
    )


def _insert(db: sqlite3.Connection, run: str, resource: str, amount: float) -> int:
    number = db.execute(
        "INSERT INTO reservations (run, resource, amount, pid, born) VALUES (?, ?, ?, ?, ?)",
        (run, resource, amount, os.getpid(), birth(os.getpid())),
    ).lastrowid
    assert number is not None
    return number


def _settle(db: sqlite3.Connection, reservation: int, spent: float) -> None:
    row = db.execute(
        "DELETE FROM reservations WHERE id = ? RETURNING run, resource", (reservation,)
    ).fetchone()
    if row is not None:
        charge(db, row["run"], row["resource"], spent)


def _spending(db: sqlite3.Connection, run: str) -> dict[str, Spent]:
    reserved = {
        row["resource"]: row["total"]
        for row in db.execute(
            "SELECT resource, SUM(amount) AS total FROM reservations WHERE run = ?"
            " GROUP BY resource",
            (run,),
        )
    }
    budgets = {
        row["resource"]: (row["most"], row["spent"])
        for row in db.execute("SELECT * FROM budgets WHERE run = ?", (run,))
    }
    names = sorted(reserved.keys() | budgets.keys())
    return {n: Spent(*budgets.get(n, (None, 0.0)), reserved.get(n, 0.0)) for n in names}
