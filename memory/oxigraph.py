"""A store of named graphs on disk, opened for a moment, and what it holds."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import StoreError
from .namespaces import EXPERIMENTS_GRAPH, PREFIXES
from .updates import DIGEST, ENTRIES, insertion

if TYPE_CHECKING:
    from oxrdflib import OxigraphStore
    from rdflib import Graph
    from rdflib.store import Store

_LOCK_SECONDS = 60.0
_NOT_DAMAGE = ("No space", "Permission denied", "Read-only", "lock file", "Too many open")


class Damaged(StoreError):
    """The store cannot be read; it can be made anew."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Wait for our turn at the store of a folder; the system frees the lock of a dead process.

    Raises:
        StoreError: Our turn does not come, or the folder cannot be used.
    """
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "store.lock", timeout=_LOCK_SECONDS)
        lock.acquire(poll_interval=0.02)
    except Timeout:
        raise StoreError(
            f"{folder} has been in use by another process for {_LOCK_SECONDS:.0f} s; "
            "wait for it to end, or stop it, and try again."
        ) from None
    except OSError as error:
        raise StoreError(f"{folder} cannot be used: {error}.") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def opened(store_path: Path, *, read_only: bool) -> Iterator[OxigraphStore]:
    """Open a store for a moment; the lock must be held.

    Raises:
        Damaged: It cannot be read.
        StoreError: It cannot be used.
    """
    import pyoxigraph
    from oxrdflib import OxigraphStore

    path = str(store_path)
    try:
        inner = pyoxigraph.Store.read_only(path) if read_only else pyoxigraph.Store(path)
        store = OxigraphStore(store=inner)
        del inner
        try:
            yield store
        finally:
            store.close()  # drops the last reference, which closes the files
            if not read_only:
                _tidy(store_path)
    except (OSError, SyntaxError, RuntimeError) as error:  # as pyoxigraph words damage
        if any(words in str(error) for words in _NOT_DAMAGE):
            raise StoreError(
                f"{path} cannot be used: {error}. Mend that and run the command again."
            ) from error
        raise Damaged(str(error)) from error


def stored_digest(store: Store, graph: str) -> str | None:
    """The checksum of what a graph was loaded from; None where it was not."""
    from rdflib import Graph, URIRef

    name = URIRef(graph)
    value = Graph(store, identifier=name).value(name, URIRef(DIGEST))
    return None if value is None else str(value)


def stored_entries(store: Store) -> int:
    """Count the entries of the journal that the store holds."""
    from rdflib import Graph, URIRef

    name = URIRef(EXPERIMENTS_GRAPH)
    value = Graph(store, identifier=name).value(name, URIRef(ENTRIES))
    return 0 if value is None else int(str(value))


def experiments(store: Store) -> str:
    """Write the update that gives all recorded runs again; empty when there are none."""
    content = copied(store, EXPERIMENTS_GRAPH)
    return insertion(EXPERIMENTS_GRAPH, content) if len(content) else ""


def copied(store: Store, graph: str) -> Graph:
    """Copy a named graph into memory, without what the store notes for itself."""
    from rdflib import Graph, URIRef

    content = Graph()
    for prefix, iri in PREFIXES.items():
        content.bind(prefix, iri, replace=True)
    for triple in Graph(store, identifier=URIRef(graph)):
        if str(triple[1]) not in (ENTRIES, DIGEST):
            content.add(triple)
    return content


def serialised(store: Store, graph: str | None, form: str) -> tuple[bytes, int]:
    """Write a named graph, or all of them, in an RDF format; and count the triples."""
    from pyoxigraph import NamedNode, RdfFormat, serialize

    count = 0

    def kept() -> Iterator[Any]:
        nonlocal count
        where = NamedNode(graph) if graph else None
        for quad in store._inner.quads_for_pattern(None, None, None, where):  # type: ignore[attr-defined]
            if quad.predicate.value not in (ENTRIES, DIGEST):
                count += 1
                yield quad.triple if graph else quad

    output = io.BytesIO()
    serialize(kept(), output, getattr(RdfFormat, form), prefixes=PREFIXES)
    return output.getvalue(), count


def _tidy(store: Path) -> None:
    """Remove old RocksDB logs: each opening leaves one, of 0.1 MB, for ever."""
    for log in store.glob("LOG.old.*"):
        log.unlink(missing_ok=True)
