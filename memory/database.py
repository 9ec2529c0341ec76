"""One SQLite file, shared by processes and threads: a transaction has a connection to itself.

Connections go back to a pool, as opening one and closing the last one make SQLite
fold its log into the file each time. None is carried across a fork, or kept for a
file that another has replaced. Every row has a checksum, and a
copy is kept of the last state that was whole (copies.py).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import copies, rowsums
from .errors import DiskFull, StoreError
from .redaction import redacted

_LEAST_FREE = 1 << 20  # bytes; with less the disk counts as full
_BUSY_SECONDS = 30.0
_COUNT = "CREATE TABLE IF NOT EXISTS commits (one INTEGER PRIMARY KEY, number INTEGER NOT NULL);"


def now() -> str:
    """Return the time as the records write it: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class _Connection(sqlite3.Connection):
    """One that lets no secret into a row: keys and tokens are replaced as they come."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        return super().execute(sql, tuple(redacted(p) for p in parameters))


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
        self._idle: list[tuple[tuple[int, int], sqlite3.Connection]] = []
        weakref.finalize(self, _close, self._idle)
        with _explained(path):
            copies.ensure_whole(path)
            self._prepare(schema)

    def keep_copy(self) -> None:
        """Check every row, and copy the file for the day that it is damaged.

        Raises:
            StoreError: It is damaged now; what the message says was done about it.
        """
        with _explained(self.path):
            copies.keep(self.path)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside BEGIN IMMEDIATE: all of the block is kept, or nothing.

        Raises:
            StoreError: The database is damaged, full or locked for too long.
        """
        with _explained(self.path), self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute(
                    "INSERT INTO commits VALUES (0, 1)"
                    " ON CONFLICT DO UPDATE SET number = number + 1"
                )
            except BaseException:
                if connection.in_transaction:  # a full disk has rolled it back already
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that sees one state of the file and waits for no writer."""
        with _explained(self.path), self._connected() as connection:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection of ours alone; after a failure it is closed, not used again."""
        here = (os.getpid(), self.path.stat().st_ino if self.path.exists() else 0)
        connection = None
        while self._idle and connection is None:
            place, found = self._idle.pop()
            if place == here:
                connection = found
            elif place[0] == here[0]:
                found.close()
        connection = connection or self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._idle.append((here, connection))

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
        )
        connection.row_factory = sqlite3.Row
        # A power cut may take the last transactions along, never part of one.
        connection.execute("PRAGMA synchronous = NORMAL")
        rowsums.connect(connection)
        return connection

    def _prepare(self, schema: str) -> None:
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                with closing(self._connect()) as connection:
                    connection.execute("PRAGMA journal_mode=WAL")
                    self._make(connection, _COUNT + schema)
                return
            except sqlite3.OperationalError as error:
                # Two processes that make the file at once: the switch to WAL does
                # not honour the busy timeout, so wait for the other one here.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _make(self, connection: sqlite3.Connection, schema: str) -> None:
        """Make the tables and their checksums, once: most openings find them."""
        made = sqlite3.connect(":memory:")
        with closing(made):
            made.executescript(schema)
            wanted = set(rowsums.tables(made))
        if wanted <= rowsums.summed(connection):
            return
        connection.execute("BEGIN IMMEDIATE")
        for statement in filter(str.strip, schema.split(";")):
            connection.execute(statement)
        rowsums.install(connection)
        connection.execute("COMMIT")


def _close(idle: list[tuple[tuple[int, int], sqlite3.Connection]]) -> None:
    for (pid, _), connection in idle:
        if pid == os.getpid():
            connection.close()


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
    return (
        "The file seems damaged. Run the command again: it is then checked and, where a copy "
        "was kept, restored."
    )
