"""The last whole state of a SQLite file: kept as a copy, put back when the file is damaged."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from . import rowsums
from .errors import StoreError

_BUSY_SECONDS = 30.0
_OLD_SECONDS = 3600.0
_NOT_DAMAGE = ("locked", "busy", "readonly", "unable to open", "full", "I/O")
_whole: dict[Path, int] = {}  # files that this process has found whole, by inode


def copy_of(path: Path) -> Path:
    """Where the copy of a file lies."""
    return path.with_name(f"{path.name}.copy")


def ensure_whole(path: Path) -> None:
    """Check a file once in this process; a damaged one is set aside and its copy put in place.

    Raises:
        StoreError: It was damaged; the message says what was done about it.
        sqlite3.Error: It cannot be read for other reasons.
    """
    inode = path.stat().st_ino if path.is_file() else None
    if inode is None and not copy_of(path).is_file():
        return
    if inode is None or _whole.get(path) != inode:
        why = _fault(path, least=_commits(copy_of(path)))
        if why is not None:
            _restore(path, why)
        _whole[path] = path.stat().st_ino


def keep(path: Path) -> None:
    """Copy a file, if all of it is whole; the copy before stays until then.

    Raises:
        StoreError: It is damaged; the message says what was done about it.
        sqlite3.Error: It cannot be read for other reasons.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.{time.time_ns()}")
    for left in path.parent.glob(f".{path.name}.*"):  # by a process that was killed
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _OLD_SECONDS:
                left.unlink()
    try:
        with closing(_open(path)) as source, closing(sqlite3.connect(draft)) as target:
            try:
                source.backup(target)
            except sqlite3.DatabaseError as error:
                _raise_unless_damaged(error)
                _restore(path, str(error))
        why = _fault(draft)
        if why is not None:
            _restore(path, why)
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(copy_of(path))
    finally:
        for ending in ("", "-journal", "-wal", "-shm"):
            Path(f"{draft}{ending}").unlink(missing_ok=True)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    rowsums.connect(connection)
    return connection


def _fault(path: Path, least: int = 0) -> str | None:
    """Say what is wrong with a file; None when all of it is whole.

    Args:
        least: Transactions that it must have seen: a torn log loses the last ones unnoticed.
    """
    if not path.is_file():
        return "it is gone"
    try:
        with closing(_open(path)) as connection:
            connection.execute("BEGIN")
            if rowsums.summed(connection):
                found = next(rowsums.faults(connection), None)
            else:  # new, or made before rows had checksums
                found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                found = None if found == "ok" else found
    except sqlite3.DatabaseError as error:
        _raise_unless_damaged(error)
        return str(error)
    if found is None and _commits(path) < least:
        return "its last changes are gone"
    return found


def _commits(path: Path) -> int:
    """Count the transactions that a file has seen; 0 where it cannot be told."""
    if not path.is_file():
        return 0
    try:
        with closing(_open(path)) as connection:
            row = connection.execute("SELECT number FROM commits").fetchone()
    except sqlite3.Error:
        return 0
    return row[0] if row else 0


def _raise_unless_damaged(error: sqlite3.DatabaseError) -> None:
    if any(word in str(error) for word in _NOT_DAMAGE):
        raise error


def _restore(path: Path, why: str) -> None:
    """Set the file aside, put its copy in place, and say so."""
    from filelock import FileLock

    copy = copy_of(path)
    with FileLock(f"{path}.lock"):  # held for a moment; the system frees that of a dead process
        least = _commits(copy)
        if path.is_file() and _fault(path, least) is None:
            return  # another process was first
        now = datetime.now().astimezone()
        there = path.is_file()
        aside = path.with_name(f"{path.name}.damaged-{now:%Y%m%d-%H%M%S}")
        for ending in ("", "-wal", "-shm"):
            part = Path(f"{path}{ending}")
            if part.exists():
                part.rename(f"{aside}{ending}")
        if not copy.is_file() or _fault(copy) is not None:
            raise StoreError(
                f"{path} was damaged ({why}) and set aside as {aside.name}; there is no whole copy "
                "of it, so the list of runs begins anew. Models and reports that were written "
                f"are still in {path.parent / 'runs'}. Start the run again with: tuneos run"
            )
        when = datetime.fromtimestamp(copy.stat().st_mtime).astimezone()
        _place(copy, path, now, when)
    raise StoreError(
        f"{path} was damaged ({why}). "
        f"{f'It was set aside as {aside.name}, and its' if there else 'Its'} copy of "
        f"{when:%Y-%m-%d %H:%M:%S} was put in its place: run the command again. What was spent "
        "after that time is not in it."
    )


def _place(copy: Path, path: Path, now: datetime, when: datetime) -> None:
    """Put the copy in the file's place in one move, with a line on it for the reports."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.restored")
    try:
        with closing(sqlite3.connect(copy)) as source, closing(_open(draft)) as target:
            source.backup(target)
            if "restored" in rowsums.tables(target):
                target.execute(
                    "INSERT INTO restored (at, copied) VALUES (?, ?)",
                    (now.isoformat(timespec="seconds"), when.isoformat(timespec="seconds")),
                )
        draft.replace(path)
    finally:
        for ending in ("", "-journal", "-wal", "-shm"):
            Path(f"{draft}{ending}").unlink(missing_ok=True)
