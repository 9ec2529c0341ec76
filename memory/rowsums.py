"""A checksum for every row of a SQLite file, kept by triggers: a flipped bit is found.

SQLite's own check finds damaged pages, not a value that turned into another one. Here
each table gets triggers that note a row's checksum in one more table, in the same
transaction, so that rows which changed or vanished by other means are told apart.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Iterator

_SUM_BYTES = 12
_OWN = "row_sums"


def connect(connection: sqlite3.Connection) -> None:
    """Teach a connection to reckon checksums; without, it cannot write to such a file."""
    connection.create_function("row_sum", -1, _row_sum, deterministic=True)
    connection.execute("PRAGMA recursive_triggers = ON")  # so that REPLACE is seen as well


def install(connection: sqlite3.Connection, skip: Collection[str] = ()) -> None:
    """Give each table that has none its triggers; rows that are there count as whole.

    Args:
        connection: That `connect` has taught.
        skip: Columns left out, as what they hold has a checksum of its own.
    """
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {_OWN} (place TEXT NOT NULL, id INTEGER NOT NULL,"
        " sum BLOB NOT NULL, PRIMARY KEY (place, id)) WITHOUT ROWID"
    )
    known = summed(connection)
    for table in tables(connection):
        if table in known:
            continue
        columns = _columns(connection, table, skip)
        forget = f"DELETE FROM {_OWN} WHERE place = '{table}' AND id ="
        note = (
            f"INSERT INTO {_OWN} SELECT '{table}', rowid, row_sum({columns}) FROM {table}"
            " WHERE rowid = NEW.rowid"
        )
        for event in ("INSERT", "UPDATE"):
            connection.execute(
                f"CREATE TRIGGER {table}_{event} AFTER {event} ON {table}"
                f" BEGIN {forget} NEW.rowid; {note}; END"
            )
        connection.execute(
            f"CREATE TRIGGER {table}_DELETE AFTER DELETE ON {table} BEGIN {forget} OLD.rowid; END"
        )
        connection.execute(
            f"INSERT OR REPLACE INTO {_OWN} SELECT '{table}', rowid, row_sum({columns})"
            f" FROM {table}"
        )


def faults(connection: sqlite3.Connection, skip: Collection[str] = ()) -> Iterator[str]:
    """Name what is damaged: broken pages first, then rows that changed or are gone."""
    for (said,) in connection.execute("PRAGMA quick_check(3)"):
        if said != "ok":
            yield str(said)
    for table in tables(connection):
        columns = _columns(connection, table, skip)
        for (row,) in connection.execute(
            f"SELECT {table}.rowid FROM {table} LEFT JOIN {_OWN} s ON s.place = '{table}'"
            f" AND s.id = {table}.rowid WHERE s.sum IS NOT row_sum({columns})"
        ):
            yield f"row {row} of {table} was changed"
    there = tables(connection)
    for (place,) in connection.execute(f"SELECT DISTINCT place FROM {_OWN}"):
        if place not in there:
            yield f"the table {place} is gone"
    for table in there:
        for (row,) in connection.execute(
            f"SELECT id FROM {_OWN} WHERE place = '{table}'"
            f" AND id NOT IN (SELECT rowid FROM {table})"
        ):
            yield f"row {row} of {table} is gone"


def summed(connection: sqlite3.Connection) -> set[str]:
    """Return the tables whose rows have checksums."""
    rows = connection.execute("SELECT tbl_name FROM sqlite_schema WHERE type = 'trigger'")
    return {row[0] for row in rows}


def tables(connection: sqlite3.Connection) -> list[str]:
    """Return the tables there are, without SQLite's own and that of the checksums."""
    return [
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            " AND name <> ? ORDER BY name",
            (_OWN,),
        )
    ]


def _columns(connection: sqlite3.Connection, table: str, skip: Collection[str]) -> str:
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    return ", ".join(f'{table}."{name}"' for name in names if name not in skip)


def _row_sum(*values: object) -> bytes:
    """Digest of a row's values, each with its type and length."""
    digest = hashlib.blake2b(digest_size=_SUM_BYTES)
    for value in values:
        data = value if isinstance(value, bytes) else repr(value).encode("utf-8", "replace")
        digest.update(f"{type(value).__name__}{len(data)}:".encode())
        digest.update(data)
    return digest.digest()
