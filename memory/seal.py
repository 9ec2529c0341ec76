"""The sealed test split: closed at prepare, opened by exactly one opener."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

from .database import Database
from .errors import StoreError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS seals (
    run TEXT PRIMARY KEY, digest TEXT NOT NULL, content BLOB NOT NULL, opened_by TEXT);
"""


class SealBroken(StoreError):
    """Someone other than the first opener asks for a sealed content, or it was changed."""


class Seals:
    """Sealed contents by run, in a table of their own in any SQLite file."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)

    def seal(self, run: str, content: bytes) -> str:
        """Put the content under seal and return its sha256; the same again is fine.

        Raises:
            SealBroken: Another content is under this seal already.
        """
        digest = hashlib.sha256(content).hexdigest()
        with self._database.transaction() as db:
            known = db.execute("SELECT digest FROM seals WHERE run = ?", (run,)).fetchone()
            if known is not None and known["digest"] != digest:
                raise SealBroken(
                    f"The test split of run {run} is sealed and cannot be replaced; "
                    "start a new run for other data."
                )
            if known is None:
                db.execute(
                    "INSERT INTO seals (run, digest, content) VALUES (?, ?, ?)",
                    (run, digest, zlib.compress(content)),
                )
        return digest

    def open(self, run: str, opener: str) -> bytes:
        """Return the content; the first call records who opened it.

        Args:
            run: Whose test split.
            opener: Who asks and for what, as "confirm:<candidate>". The same opener
                may ask again, so that a confirm killed half-way can be repeated.

        Raises:
            SealBroken: Another opener was here first, or the content was changed.
            StoreError: Nothing was sealed for this run.
        """
        with self._database.transaction() as db:
            row = db.execute("SELECT * FROM seals WHERE run = ?", (run,)).fetchone()
            if row is None:
                raise StoreError(f"{self._database.path}: run {run} has no sealed test split.")
            if row["opened_by"] not in (None, opener):
                raise SealBroken(
                    f"The test split of run {run} was opened by {row['opened_by']!r} and not again "
                    f"for {opener!r}: a second look would bias the score. Start a new run."
                )
            content = _unpacked(row["content"], row["digest"], run, self._database.path)
            db.execute("UPDATE seals SET opened_by = ? WHERE run = ?", (opener, run))
        return content

    def opened_by(self, run: str) -> str | None:
        """Return who opened the seal, or None while it is closed or there is none."""
        with self._database.reading() as db:
            row = db.execute("SELECT opened_by FROM seals WHERE run = ?", (run,)).fetchone()
        return None if row is None else row["opened_by"]


def _unpacked(packed: bytes, digest: str, run: str, path: Path) -> bytes:
    try:
        content = zlib.decompress(packed)
    except zlib.error:
        content = b""
    if hashlib.sha256(content).hexdigest() != digest:
        raise SealBroken(
            f"{path}: the sealed test split of run {run} was changed; start a new run."
        )
    return content
