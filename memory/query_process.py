"""The child process that evaluates one query: `python -m tuneos.memory.query_process`.

A thread inside Oxigraph cannot be stopped: an abandoned one would go on burning a
core and holding the store open. A process can be, so the kernel ends this one when
its time or memory is up. It reads a request as JSON on stdin, writes the answer as
JSON on stdout, opens the store read-only and, where the system lets it, gives up
the network.
"""

from __future__ import annotations

import json
import re
import signal
import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyoxigraph import Store

_MEMORY_BYTES = 4 * 2**30  # address space, of which the store maps a good part
_CELL_LENGTH = 1000
_DAMAGE = re.compile("Corruption|IO error")  # as RocksDB words it


def main() -> None:
    """Answer the request on stdin."""
    request = json.load(sys.stdin)
    _confine()
    from pyoxigraph import Store

    if hasattr(signal, "setitimer"):  # its signal ends the process, native code or not
        signal.setitimer(signal.ITIMER_REAL, request["seconds"])
    try:
        store = Store.read_only(request["store"])
        answer = _evaluate(store, request["query"], request["prefixes"], request["limit"])
    except (OSError, SyntaxError, ValueError, RuntimeError) as error:
        damaged = isinstance(error, OSError) and _DAMAGE.match(str(error))
        answer = {"unreadable" if damaged else "error": str(error)}
    json.dump(answer, sys.stdout)


def _confine() -> None:
    """Bound the memory, and enter a network namespace with nothing in it if we may."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
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
        found = [list(row) for row in islice(result, limit + 1)]
    else:
        columns = ["subject", "predicate", "object"]
        found = [[t.subject, t.predicate, t.object] for t in islice(result, limit + 1)]
    rows = [[_cell(term, prefixes) for term in row] for row in found[:limit]]
    return {"columns": columns, "rows": rows, "truncated": len(found) > limit}


def _cell(term: Any, prefixes: dict[str, str]) -> str | int | float | bool | None:
    """Write a term as a plain value; IRIs with their prefix where it is known."""
    from pyoxigraph import Literal, NamedNode

    if term is None:
        return None
    if isinstance(term, NamedNode):
        for prefix, iri in prefixes.items():
            if term.value.startswith(iri):
                return f"{prefix}:{term.value[len(iri) :]}"
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
