"""One SQLite file, shared by processes and threads: a short connection per transaction.

A connection per transaction costs well under a millisecond and in return nothing
is shared between threads or carried across a fork.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from .errors import DiskFull, StoreError

_LEAST_FREE = 1 << 20  # bytes; with less the disk counts as full
_BUSY_SECONDS = 30.0


def now() -> str:
    """Return the time as the records write it: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Database:
    """A WAL-mode SQLite file with its schema, made when it is not there.

    Args:
        path: The file; its folder must exist.
        schema: `CREATE … IF NOT EXISTS` statements, each ending in a semicolon.

    Raises:
        StoreError: The file is not a database, is damaged or cannot be written.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        with _explained(path):
            self._prepare(schema)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside BEGIN IMMEDIATE: all of the block is kept, or nothing.

        Raises:
            StoreError: The database is damaged, full or locked for too long.
        """
        with _explained(self.path), closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:  # a full disk has rolled it back already
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that sees one state of the file and waits for no writer."""
        with _explained(self.path), closing(self._connect()) as connection:
            connection.execute("BEGIN")
            yield connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
        connection.row_factory = sqlite3.Row
        return connection

    def _prepare(self, schema: str) -> None:
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                with closing(self._connect()) as connection:
                    connection.execute("PRAGMA journal_mode=WAL")
                    connection.executescript(schema)
                return
            except sqlite3.OperationalError as error:
                # Two processes that make the file at once: the switch to WAL does
                # not honour the busy timeout, so wait for the other one here.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn raw SQLite errors into a StoreError that names the file and the mend."""
    try:
        yield
    except sqlite3.Error as error:
        if "full" in str(error) or ("I/O" in str(error) and _no_space(path)):
            raise DiskFull(
                f"{path}: the disk is full. Free some space, then go on with: tuneos resume RUN"
            ) from error
        raise StoreError(f"{path}: {error}. {_mend(str(error))}") from error


def _no_space(path: Path) -> bool:
    """SQLite calls a full disk an I/O error where it fails in the log beside the file."""
    return shutil.disk_usage(path.parent).free < _LEAST_FREE


def _mend(reason: str) -> str:
    if "locked" in reason:
        return "Another process holds it; wait until it ends and try again."
    if "readonly" in reason or "unable to open" in reason:
        return "Check that the folder exists and may be written, or choose another --workspace."
    return "The file seems damaged; move it away to start a new one (its records are lost)."
