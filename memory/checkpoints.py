"""The LangGraph checkpointer of a workspace, with errors that name the file."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import rowsums
from .errors import StoreError
from .redaction import find_secrets, redacted

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite import SqliteSaver

_BUSY_SECONDS = 30.0
_SUM_BYTES = 16
_SUMMED = {"checkpoint", "value"}  # columns whose values end with their own checksum
_NOT_DAMAGE = ("locked", "busy", "readonly", "unable to open", "full", "I/O")


@contextmanager
def open_checkpointer(
    path: Path,
    allowed: Sequence[type] = (),
    on_restore: Callable[[str], None] = lambda _: None,
    delta_channels: Sequence[str] = (),
) -> Iterator[SqliteSaver]:
    """Open the checkpoint file, made when it is not there, and close it at the end.

    Only LangGraph's own safe types and `allowed` are rebuilt from the file; other
    types in it come back as plain data, so a planted file cannot run code. Every
    value and every row carries a checksum: a flipped bit is found, and where an earlier
    checkpoint of the thread is whole, the thread goes on from there. A file that is
    damaged beyond that is set aside, and all threads begin anew.

    Args:
        path: The SQLite file; its folder must exist.
        allowed: Classes of the graph's state that checkpoints may hold.
        on_restore: Told in a line when damaged checkpoints were dropped.
        delta_channels: Channels of the graph whose value is spread over checkpoints.

    Raises:
        StoreError: The file is no database, is damaged or cannot be written; also
            when a checkpoint cannot be read back while it is in use.
    """
    # Read once, when langgraph is first imported; the serializer below is strict anyway.
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    serde = _Summed(JsonPlusSerializer(allowed_msgpack_modules=tuple(allowed) or None))
    try:
        with closing(_connect(path, on_restore)) as connection:
            saver = _checked_saver_class()(connection, serde=serde, path=path, tell=on_restore)
            saver.delta_channels = tuple(delta_channels)
            saver.setup()
            connection.execute("BEGIN IMMEDIATE")  # others may be making the file just now
            rowsums.install(connection, _SUMMED)
            connection.commit()
            yield saver
    except sqlite3.Error as error:
        raise StoreError(_damaged(path, error)) from error


class _Summed:
    """A serializer that ends every value with its checksum, and refuses one that differs.

    Secrets are replaced before anything is written.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def dumps_typed(self, value: Any) -> tuple[str, bytes]:
        kind, data = self._inner.dumps_typed(value)
        if find_secrets(data.decode("latin-1")):
            kind, data = self._inner.dumps_typed(redacted(value))
        return kind, data + checksum(kind, data)

    def loads_typed(self, stored: tuple[str, bytes]) -> Any:
        kind, data = stored[0], bytes(stored[1])
        body, end = data[:-_SUM_BYTES], data[-_SUM_BYTES:]
        if checksum(kind, body) != end:
            raise ValueError("a value's checksum differs")
        return self._inner.loads_typed((kind, body))


def checksum(kind: str, data: bytes) -> bytes:
    """What a stored value ends with."""
    return hashlib.blake2b(kind.encode() + b":" + data, digest_size=_SUM_BYTES).digest()


def _connect(path: Path, tell: Callable[[str], None]) -> sqlite3.Connection:
    """Open the file and look it over before anybody relies on it."""
    try:
        return _checked(path)
    except sqlite3.DatabaseError as error:
        if any(word in str(error) for word in _NOT_DAMAGE):
            raise
        aside = f"{path}.damaged-{datetime.now():%Y%m%d-%H%M%S}"
        for ending in ("", "-wal"):
            if Path(f"{path}{ending}").exists():
                shutil.move(f"{path}{ending}", f"{aside}{ending}")
        Path(f"{path}-shm").unlink(missing_ok=True)
        tell(
            f"{path} was damaged ({error}) and set aside as {Path(aside).name}: the run begins "
            "anew; finished jobs are kept, so nothing is trained again."
        )
        return _checked(path)


def _checked(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
    try:
        rowsums.connect(connection)
        if rowsums.summed(connection):
            found = next(rowsums.faults(connection, _SUMMED), "ok")
        else:  # new, or made before rows had checksums
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)
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
        def __init__(
            self,
            connection: sqlite3.Connection,
            *,
            serde: Any,
            path: Path,
            tell: Callable[[str], None],
        ) -> None:
            super().__init__(connection, serde=serde)
            self.path, self.tell = path, tell
            self.delta_channels: tuple[str, ...] = ()

        def with_allowlist(self, extra_allowlist: Any) -> Any:
            """The serializer has its list already, and is strict."""
            return self

        def get_tuple(self, config: Any) -> Any:
            try:
                return self._with_history(super().get_tuple(config))
            except Exception as error:
                earlier = self._last_whole(config)
                if earlier is None:
                    raise StoreError(_damaged(self.path, error)) from error
                return earlier

        def _with_history(self, found: Any) -> Any:
            """Make sure that what a checkpoint leaves to the ones before it can be read there."""
            if found is not None and self.delta_channels:
                self.get_delta_channel_history(
                    config=found.config, channels=list(self.delta_channels)
                )
            return found

        def _last_whole(self, config: Any) -> Any:
            """Drop damaged checkpoints at the end of a thread; None where no other is whole."""
            said = config["configurable"]
            if said.get("checkpoint_id"):
                return None
            at = (said["thread_id"], said.get("checkpoint_ns", ""))
            where = "WHERE thread_id = ? AND checkpoint_ns = ?"
            with suppress(sqlite3.Error):
                ids = [
                    row[0]
                    for row in self.conn.execute(
                        f"SELECT checkpoint_id FROM checkpoints {where} ORDER BY 1 DESC", at
                    )
                ]
                for dropped, name in enumerate(ids[1:], 1):
                    with suppress(Exception):
                        exact = {"configurable": {**said, "checkpoint_id": name}}
                        found = self._with_history(super().get_tuple(exact))
                        for table in ("checkpoints", "writes"):
                            self.conn.execute(
                                f"DELETE FROM {table} {where} AND checkpoint_id > ?", (*at, name)
                            )
                        self.conn.commit()
                        self.tell(
                            f"{self.path}: the last {dropped} checkpoint(s) of {at[0]} were "
                            "damaged; going on from the one before"
                        )
                        return found
            return None

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
        f"{path} is damaged ({reason}). Move it away, then go on with: tuneos resume RUN; "
        "finished jobs are kept, so nothing is trained again."
    )
