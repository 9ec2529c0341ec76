"""Texts and notes that a run keeps in the ledger, where every row is checked and copied."""

from __future__ import annotations

import zlib

from .database import Database, now
from .errors import StoreError

SCHEMA = """
CREATE TABLE IF NOT EXISTS kept (
    run TEXT NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL, PRIMARY KEY (run, name));
CREATE TABLE IF NOT EXISTS notes (
    run TEXT NOT NULL, note TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (run, note));
CREATE TABLE IF NOT EXISTS restored (at TEXT NOT NULL, copied TEXT NOT NULL);
"""


class Kept:
    """The part of the ledger that holds what a run must find again word by word."""

    _database: Database

    def keep(self, run: str, name: str, text: str) -> None:
        """Keep a text under a name; the last one counts."""
        packed = zlib.compress(text.encode(), 1)
        with self._database.transaction() as db:
            db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (run, name, packed))

    def kept(self, run: str, name: str) -> str | None:
        """Return a text, or None when none was kept under this name."""
        with self._database.reading() as db:
            row = db.execute(
                "SELECT content FROM kept WHERE run = ? AND name = ?", (run, name)
            ).fetchone()
        if row is None:
            return None
        try:
            return zlib.decompress(row["content"]).decode()
        except (zlib.error, UnicodeDecodeError) as error:
            raise StoreError(
                f"{self._database.path}: {name} of run {run} is damaged. Run the command again: "
                "the file is then checked and, where a copy was kept, restored."
            ) from error

    def note(self, run: str, text: str) -> None:
        """Note something that the report must say; saying it twice keeps one."""
        with self._database.transaction() as db:
            db.execute("INSERT OR IGNORE INTO notes VALUES (?, ?, ?)", (run, text, now()))

    def notes(self, run: str) -> tuple[str, ...]:
        """Return the notes on a run, oldest first, and when the ledger was restored meanwhile."""
        with self._database.reading() as db:
            said = [
                row["note"]
                for row in db.execute("SELECT note FROM notes WHERE run = ? ORDER BY rowid", (run,))
            ]
            said += [
                f"The ledger was damaged and restored from its copy of {row['copied']}; what was "
                "spent between then and the damage is not counted."
                for row in db.execute(
                    "SELECT DISTINCT copied FROM restored, runs WHERE run = ? AND"
                    " datetime(at) >= datetime(started)",
                    (run,),
                )
            ]
        return tuple(said)

    def keep_copy(self) -> None:
        """Check the ledger and copy it, so that this state can be restored.

        Raises:
            StoreError: It is damaged now; what the message says was done about it.
        """
        self._database.keep_copy()
