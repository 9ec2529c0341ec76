"""The process that evaluates queries: `python -m tuneos.memory.query_process`.

A thread inside Oxigraph cannot be stopped: an abandoned one would go on burning a
core and holding the store open. A process can be, so the kernel ends this one when
its time or memory is up. It reads requests, a line of JSON each, answers with a line
each, opens the store read-only, may write no file and, where the system lets it, gives
up the network. It ends when its stdin does, or after a while without a request. The
worker is forked from a process that has all imports done and never opens the store, so
the next one is there in milliseconds.

A request: id, seconds, and either judge (a query to judge, which can take long, too), or
store, query, prefixes, limit (rows) and terms (IRIs that the query names). An answer: its
id; text, terms and the seconds it took, or refused; columns, rows, truncated and unknown
(the terms that occur nowhere), or error, or unreadable, when the store is damaged. Or it
is only killed, with the worker's exit code.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyoxigraph import Store

_MEMORY_BYTES = 4 * 2**30  # address space, of which the store maps a good part
_DATA_BYTES = 2**29
_IDLE_SECONDS = 120.0
_CELL_LENGTH = 1000
_ANSWER_LENGTH = 1_000_000  # characters of all cells
_DAMAGE = re.compile("Corruption|IO error")  # as RocksDB words it


def main() -> None:
    """Keep a worker that answers; one that was ended is followed by another, made at once."""
    _confine()
    _judged("ASK { ?s ?p ?o }")  # imports, and builds the grammar, while no clock runs
    while hasattr(os, "fork"):
        worker = os.fork()
        if not worker:
            break
        code = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
        if code == 0:
            return
        _say({"killed": code})
    _serve()


def _serve() -> None:
    """Answer the requests on stdin."""
    opened = _Opened()
    for line in _requests():
        request = json.loads(line)
        try:
            answer = _answer(opened, request)
        except MemoryError:
            os._exit(1)
        except Exception:
            answer = {"bug": traceback.format_exc()}
        _say({"id": request["id"], **answer})
    os._exit(0)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _requests() -> Iterator[bytes]:
    """Yield requests as they come, until stdin ends or none comes for long."""
    waiting = b""
    while True:
        while b"\n" in waiting:
            line, _, waiting = waiting.partition(b"\n")
            yield line
        if sys.platform != "win32" and not select.select([0], [], [], _IDLE_SECONDS)[0]:
            return
        some = os.read(0, 65536)
        if not some:
            return
        waiting += some


class _Opened:
    """The store, opened again whenever its files have changed.

    Whoever asks holds the store's lock until the answer is there, so nobody writes while
    it is read.
    """

    def __init__(self) -> None:
        self._store: Store | None = None
        self._seen: Any = None

    def at(self, path: str) -> Store:
        from pyoxigraph import Store

        now = (path, sorted((e.name, e.stat().st_size, e.stat().st_mtime_ns) for e in _files(path)))
        if self._store is None or now != self._seen:
            self._store = None
            self._store, self._seen = Store.read_only(path), now
        return self._store


def _files(path: str) -> list[os.DirEntry[str]]:
    with os.scandir(path) as entries:
        return [entry for entry in entries if not entry.name.startswith("LOG")]


def _answer(opened: _Opened, request: dict[str, Any]) -> dict[str, Any]:
    timed = hasattr(signal, "setitimer")
    if timed:  # its signal ends the process, native code or not
        signal.setitimer(signal.ITIMER_REAL, request["seconds"])
    try:
        return _judged(request["judge"]) if "judge" in request else _found(opened, request)
    except (OSError, SyntaxError, ValueError, RuntimeError) as error:
        damaged = isinstance(error, OSError) and _DAMAGE.match(str(error))
        return {"unreadable" if damaged else "error": str(error)}
    finally:
        if timed:
            signal.setitimer(signal.ITIMER_REAL, 0)


def _judged(query: str) -> dict[str, Any]:
    from .sparql import QueryRefused, checked_query

    began = time.monotonic()
    try:
        checked = checked_query(query)
    except QueryRefused as error:
        return {"refused": str(error)}
    return {"text": checked.text, "terms": checked.terms, "took": time.monotonic() - began}


def _found(opened: _Opened, request: dict[str, Any]) -> dict[str, Any]:
    from pyoxigraph import NamedNode

    from .neighbours import occurs

    store = opened.at(request["store"])
    return {
        "unknown": [t for t in request.get("terms", ()) if not occurs(store, NamedNode(t))],
        **_evaluate(store, request["query"], request["prefixes"], request["limit"]),
    }


def _confine() -> None:
    """Bound memory and files, and enter a network namespace with nothing in it if we may."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_DATA, (_DATA_BYTES, _DATA_BYTES))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass
    if sys.platform == "linux":
        import ctypes

        new_user_and_network = 0x10000000 | 0x40000000
        # Best effort, the second wall: the query was judged before it came here.
        ctypes.CDLL(None).unshare(new_user_and_network)


def _evaluate(store: Store, query: str, prefixes: dict[str, str], limit: int) -> dict[str, Any]:
    from pyoxigraph import QueryBoolean, QuerySolutions

    result = store.query(query, prefixes=prefixes, use_default_graph_as_union=True)
    if isinstance(result, QueryBoolean):
        return {"columns": ["answer"], "rows": [[bool(result)]], "truncated": False}
    if isinstance(result, QuerySolutions):
        columns = [variable.value for variable in result.variables]
        found = (list(row) for row in result)
    else:
        columns = ["subject", "predicate", "object"]
        found = ([t.subject, t.predicate, t.object] for t in result)
    rows: list[list[str | int | float | bool | None]] = []
    length = 0
    for row in found:
        cells = [_cell(term, prefixes) for term in row]
        length += sum(len(str(cell)) for cell in cells)
        if len(rows) == limit or length > _ANSWER_LENGTH:
            return {"columns": columns, "rows": rows, "truncated": True}
        rows.append(cells)
    return {"columns": columns, "rows": rows, "truncated": False}


def _cell(term: Any, prefixes: dict[str, str]) -> str | int | float | bool | None:
    """Write a term as a plain value; IRIs with their prefix where it is known."""
    from pyoxigraph import Literal, NamedNode

    if term is None:
        return None
    if isinstance(term, NamedNode):
        for prefix, iri in prefixes.items():
            if term.value.startswith(iri):
                return f"{prefix}:{term.value[len(iri) :][:_CELL_LENGTH]}"
        return f"<{term.value[:_CELL_LENGTH]}>"
    if not isinstance(term, Literal):
        return str(term)[:_CELL_LENGTH]
    return _plain(term.value, term.datatype.value.rpartition("#")[2])


def _plain(text: str, datatype: str) -> str | int | float | bool:
    try:
        if datatype == "integer":
            return int(text)
        if datatype in ("decimal", "double", "float"):
            return float(text)
    except ValueError:
        pass
    if datatype == "boolean":
        return text in ("true", "1")
    return text if len(text) <= _CELL_LENGTH else text[:_CELL_LENGTH] + "…"


if __name__ == "__main__":
    main()
