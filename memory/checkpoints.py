"""The LangGraph checkpointer of a workspace, with errors that name the file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import StoreError

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite import SqliteSaver

_BUSY_SECONDS = 30.0


@contextmanager
def open_checkpointer(path: Path, allowed: Sequence[type] = ()) -> Iterator[SqliteSaver]:
    """Open the checkpoint file, made when it is not there, and close it at the end.

    Only LangGraph's own safe types and `allowed` are rebuilt from the file; other
    types in it come back as plain data, so a planted file cannot run code.

    Args:
        path: The SQLite file; its folder must exist.
        allowed: Classes of the graph's state that checkpoints may hold.

    Raises:
        StoreError: The file is no database, is damaged or cannot be written; also
            when a checkpoint cannot be read back while it is in use.
    """
    # Read once, when langgraph is first imported; the serializer below is strict anyway.
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    serde = JsonPlusSerializer(allowed_msgpack_modules=tuple(allowed) or None)
    try:
        with closing(_connect(path)) as connection:
            saver = _checked_saver_class()(connection, serde=serde, path=path)
            saver.setup()
            yield saver
    except sqlite3.Error as error:
        raise StoreError(_damaged(path, error)) from error


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file and let SQLite look it over before anybody relies on it."""
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
    try:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
    except BaseException:
        connection.close()
        raise
    return connection


def _checked_saver_class() -> Any:
    """Make a saver that says which file is damaged when a checkpoint cannot be read.

    Damaged files raise a dozen different raw errors, from SQLite, msgpack and
    the rebuilding of objects, so anything raised by a read counts.
    """
    from langgraph.checkpoint.sqlite import SqliteSaver

    class CheckedSaver(SqliteSaver):  # type: ignore[misc]
        def __init__(self, connection: sqlite3.Connection, *, serde: Any, path: Path) -> None:
            super().__init__(connection, serde=serde)
            self.path = path

        def get_tuple(self, config: Any) -> Any:
            try:
                return super().get_tuple(config)
            except Exception as error:
                raise StoreError(_damaged(self.path, error)) from error

        def list(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                yield from super().list(*args, **kwargs)
            except Exception as error:
                raise StoreError(_damaged(self.path, error)) from error

    return CheckedSaver


def _damaged(path: Path, error: Exception) -> str:
    reason = str(error) or type(error).__name__
    if "full" in reason:
        return f"{path}: the disk is full. Free some space, then resume the run."
    if "locked" in reason:
        return f"{path}: another process holds it; wait until it ends, then resume the run."
    if "unable to open" in reason or "readonly" in reason:
        return f"{path} cannot be written ({reason}). Mend its folder or choose --workspace DIR."
    return (
        f"{path} is damaged ({reason}). Move it away and start the run anew; finished jobs and "
        "artifacts are kept, so only the conversation is lost."
    )
