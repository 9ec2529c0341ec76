"""The knowledge graph: what is known beforehand and what every run added to it.

An Oxigraph store on disk, reached through rdflib. Oxigraph calls reading beside a
writer undefined, so a file lock lets one in at a time, and everyone opens, does
one thing and closes: some tens of milliseconds. Each change is one transaction, so
a kill at any point leaves the state before or after it. Beside the store lies a
journal of what was written; a store that is damaged is set aside and made anew from it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import StoreError
from .experiments import RunFacts, dataset_iri, lesson_graph, run_graph, run_iri
from .journal import Journal
from .namespaces import DCTERMS, EXPERIMENTS_GRAPH, ONTOLOGY_GRAPH, PREFIXES, RECIPES_GRAPH, TUNEOS
from .sparql import ONTOLOGY_FILE, QueryRefused, checked_query
from .strategies import Strategy, Value, read_constants, read_strategies, turtles

if TYPE_CHECKING:
    from rdflib import Graph
    from rdflib.store import Store

RECIPES = Path(__file__).with_name("recipes")
MAX_ROWS = 1000
MAX_SECONDS = 30.0
_LOCK_SECONDS = 60.0
_STARTUP_SECONDS = 30.0  # for the child process to start, on a busy machine
_NOT_DAMAGE = ("No space", "Permission denied", "Read-only", "lock file", "Too many open")
_ENTRIES = TUNEOS + "journalEntries"
_T = TypeVar("_T")


class _Damaged(StoreError):
    """The store cannot be read; it can be made anew."""


@dataclass(frozen=True)
class QueryResult:
    """Rows of a query, at most `limit`; `truncated` says that there were more.

    ASK gives one column "answer", CONSTRUCT the columns subject, predicate, object.
    IRIs are written with their prefix where it is known.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Value | None, ...], ...]
    truncated: bool = False


class KnowledgeGraph:
    """The knowledge graph of a workspace; making one touches no file.

    Args:
        folder: Where the store lies.
        recipes: Turtle, a file or a folder of files, to take the recipes from instead of the
            package's own.
        on_restore: Told in a line when the store was damaged and made anew.
    """

    def __init__(
        self,
        folder: Path,
        *,
        recipes: Path = RECIPES,
        on_restore: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder
        self._journal = Journal(folder / "journal.txt")
        self._tell = on_restore
        self._store_path = folder / "store"
        self._sources = {ONTOLOGY_GRAPH: ONTOLOGY_FILE, RECIPES_GRAPH: recipes}
        self._fresh = False

    def refresh(self) -> None:
        """Load ontology and recipes into their graphs, if these files have changed.

        Every other method does this once before its first access.

        Raises:
            StoreError: A file is missing or is not Turtle, or the store cannot be written.
        """
        with self._locked():
            try:
                self._refresh()
            except _Damaged as error:
                self._rebuild(str(error))
        self._fresh = True

    def _refresh(self) -> None:
        """Bring the store up to its sources; the lock must be held."""
        texts = {graph: _read(path) for graph, path in self._sources.items()}
        digests = {g: hashlib.sha256(t.encode()).hexdigest() for g, t in texts.items()}
        stale, stored, found = list(texts), 0, ""
        written, torn = self._journal.entries()
        if self._store_path.exists():
            with self._opened(read_only=True) as store:
                stale = [g for g in texts if _stored_digest(store, g) != digests[g]]
                stored = _stored_entries(store)
                if torn or stored > len(written) or (not stored and not written):
                    found = _experiments(store)
        if found:  # the journal is damaged, or older than this code: the store knows all
            self._journal.replace([found])
            written = [found]
        updates = [_replacement(g, digests[g], self._sources[g]) for g in stale]
        if stored < len(written) or found:
            updates += [*written[stored:], _counted(len(written))]
        if updates:
            self._apply(updates)

    def _rebuild(self, why: str) -> None:
        """Set the damaged store aside and make it anew; the lock must be held."""
        aside = self._store_path.with_name(f"store.damaged-{datetime.now():%Y%m%d-%H%M%S}")
        self._store_path.rename(aside)
        written, torn = self._journal.entries()
        self._refresh()
        lost = f"; {torn} entries could not be read and are lost" if torn else ""
        self._tell(
            f"The knowledge graph {self._store_path} was damaged ({why}), set aside as "
            f"{aside.name} and made anew from the recipes and {len(written)} entries of its "
            f"journal{lost}."
        )

    def strategies(self, task: str) -> tuple[Strategy, ...]:
        """Return what may be tried for a task, by rung, variants last; none for an unknown task.

        Raises:
            StoreError: The store cannot be read, or a strategy is incomplete.
        """
        return self._reading(lambda store: read_strategies(store, task))

    def constants(self) -> dict[str, Value]:
        """Return the numbers that the planner goes by: patience, smallGap."""
        return self._reading(read_constants)

    def record_run(self, facts: RunFacts) -> None:
        """Write a run with all its parts; the same run again replaces the first account.

        Lessons recorded before stay.
        """
        run, data = run_iri(facts.run), dataset_iri(facts.dataset.data_hash)
        forget = [
            f"DELETE {{ GRAPH <{EXPERIMENTS_GRAPH}> {{ ?s ?p ?o }} }} WHERE {{ GRAPH "
            f"<{EXPERIMENTS_GRAPH}> {{ {{ ?s <{DCTERMS}isPartOf> <{whole}> }} UNION "
            f"{{ VALUES ?s {{ <{whole}> }} }} ?s ?p ?o }} }}"
            for whole in (run, data)
        ]
        self._update([*forget, _insertion(EXPERIMENTS_GRAPH, run_graph(facts))])

    def record_lesson(self, run: str, text: str, about: str) -> None:
        """Write something learnt in a run; saying it twice keeps one.

        Args:
            about: What it concerns: a strategy, a setting, a dataset, a task.
        """
        self._update([_insertion(EXPERIMENTS_GRAPH, lesson_graph(run, text, about))])

    def query(self, sparql: str, limit: int = 50, seconds: float = 2.0) -> QueryResult:
        """Answer a SELECT, ASK or CONSTRUCT query over all graphs together.

        It is evaluated in a child process, which the kernel ends when `seconds` are
        over; see query_process.py for why not in a thread.

        Args:
            limit: Rows at most, 1 to 1000.
            seconds: Time for opening the store and evaluating, 0.1 to 30.

        Raises:
            QueryRefused: The query may not be run, is wrong, or took too long.
        """
        text = checked_query(sparql)
        self._ensure_fresh()
        request = {
            "store": str(self._store_path),
            "query": text,
            "prefixes": PREFIXES,
            "limit": min(max(limit, 1), MAX_ROWS),
            "seconds": min(max(seconds, 0.1), MAX_SECONDS),
        }
        with self._locked():
            answer = _ask_child(request)
            if "unreadable" in answer:
                self._rebuild(answer["unreadable"])
                answer = _ask_child(request)
        if "error" in answer or "unreadable" in answer:
            why = answer.get("error") or answer["unreadable"]
            raise QueryRefused(f"The query cannot be answered: {why}.")
        rows = tuple(tuple(row) for row in answer["rows"])
        return QueryResult(tuple(answer["columns"]), rows, answer["truncated"])

    def _reading(self, read: Callable[[Store], _T]) -> _T:
        """Read from the store, made anew first where it is damaged."""
        self._ensure_fresh()
        with self._locked():
            try:
                with self._opened(read_only=True) as store:
                    return read(store)
            except _Damaged as error:
                self._rebuild(str(error))
            with self._opened(read_only=True) as store:
                return read(store)

    def _update(self, updates: list[str]) -> None:
        """Write SPARQL updates into the journal, and apply them in one transaction."""
        self._ensure_fresh()
        whole = " ;\n".join(updates)
        with self._locked():
            try:
                self._journal.append(whole)
            except OSError as error:
                raise StoreError(f"{self._journal.path} cannot be written: {error}.") from error
            written, _ = self._journal.entries()
            try:
                self._apply([whole, _counted(len(written))])
            except _Damaged as error:
                self._rebuild(str(error))

    def _apply(self, updates: list[str]) -> None:
        """Apply SPARQL updates in one transaction; the lock must be held."""
        from rdflib import Graph
        from rdflib.graph import DATASET_DEFAULT_GRAPH_ID

        with self._opened(read_only=False) as store:
            Graph(store, identifier=DATASET_DEFAULT_GRAPH_ID).update(" ;\n".join(updates))

    def _ensure_fresh(self) -> None:
        if not self._fresh or not self._store_path.exists():
            self.refresh()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Wait for our turn; the system frees the lock of a process that dies."""
        from filelock import FileLock, Timeout

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / "store.lock", timeout=_LOCK_SECONDS)
            lock.acquire(poll_interval=0.02)
        except Timeout:
            raise StoreError(
                f"{self.folder} has been in use by another process for {_LOCK_SECONDS:.0f} s; "
                "wait for it to end, or stop it, and try again."
            ) from None
        except OSError as error:
            raise StoreError(f"{self.folder} cannot be used: {error}.") from error
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _opened(self, *, read_only: bool) -> Iterator[Store]:
        """Open the store for a moment; the lock must be held."""
        import pyoxigraph
        from oxrdflib import OxigraphStore

        path = str(self._store_path)
        try:
            inner = pyoxigraph.Store.read_only(path) if read_only else pyoxigraph.Store(path)
            store = OxigraphStore(store=inner)
            del inner
            try:
                yield store
            finally:
                store.close()  # drops the last reference, which closes the files
                if not read_only:
                    _tidy(self._store_path)
        except (OSError, SyntaxError, RuntimeError) as error:  # as pyoxigraph words damage
            if any(words in str(error) for words in _NOT_DAMAGE):
                raise StoreError(
                    f"{path} cannot be used: {error}. Mend that and run the command again."
                ) from error
            raise _Damaged(str(error)) from error


def _ask_child(request: dict[str, Any]) -> dict[str, Any]:
    """Run query_process.py on a request; the caller holds the store's lock."""
    command = [sys.executable, "-P", "-m", "tuneos.memory.query_process"]
    seconds = request["seconds"]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(request),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=seconds + _STARTUP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise QueryRefused(_TOO_SLOW.format(seconds)) from None
    if done.returncode == -14:  # SIGALRM
        raise QueryRefused(_TOO_SLOW.format(seconds))
    if done.returncode:
        raise QueryRefused(
            "The query failed, probably for want of memory; ask for less at once "
            f"(exit {done.returncode}: {done.stderr.strip()[-200:]})."
        )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


_TOO_SLOW = (
    "The query took longer than {:g} s and was stopped; name more of the pattern, "
    "avoid unconnected patterns and open-ended paths, or ask for fewer things."
)


def _read(path: Path) -> str:
    """The Turtle of a file, or of all files of a folder, one after the other."""
    try:
        return "\n".join(f.read_text(encoding="utf-8") for f in turtles(path))
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} cannot be read: {error}. Install TuneOS anew.") from error


def _stored_digest(store: Store, graph: str) -> str | None:
    from rdflib import Graph, URIRef

    name = URIRef(graph)
    value = Graph(store, identifier=name).value(name, URIRef(TUNEOS + "contentHash"))
    return None if value is None else str(value)


def _stored_entries(store: Store) -> int:
    """Count the entries of the journal that the store holds."""
    from rdflib import Graph, URIRef

    name = URIRef(EXPERIMENTS_GRAPH)
    value = Graph(store, identifier=name).value(name, URIRef(_ENTRIES))
    return 0 if value is None else int(str(value))


def _counted(entries: int) -> str:
    """Write the update that notes how many entries of the journal the store holds."""
    graph = f"GRAPH <{EXPERIMENTS_GRAPH}>"
    said = f"<{EXPERIMENTS_GRAPH}> <{_ENTRIES}>"
    return (
        f"DELETE {{ {graph} {{ {said} ?n }} }} WHERE {{ {graph} {{ {said} ?n }} }} ;\n"
        f"INSERT DATA {{ {graph} {{ {said} {entries} }} }}"
    )


def _experiments(store: Store) -> str:
    """Write the update that gives all recorded runs again; empty when there are none."""
    from rdflib import Graph, URIRef

    content = Graph()
    for triple in Graph(store, identifier=URIRef(EXPERIMENTS_GRAPH)):
        if str(triple[1]) != _ENTRIES:
            content.add(triple)
    return _insertion(EXPERIMENTS_GRAPH, content) if len(content) else ""


def _replacement(graph: str, digest: str, path: Path) -> str:
    """Write the update that replaces a whole named graph by the content of files."""
    from rdflib import Graph, Literal, URIRef

    content = Graph()
    for file in turtles(path):
        try:
            content.parse(data=file.read_text(encoding="utf-8"), format="turtle")
        except Exception as error:  # rdflib's parser raises whatever it stumbles over
            raise StoreError(f"{file} is not Turtle: {error}") from error
    content.add((URIRef(graph), URIRef(TUNEOS + "contentHash"), Literal(digest)))
    return f"CLEAR SILENT GRAPH <{graph}> ;\n{_insertion(graph, content)}"


def _insertion(graph: str, content: Graph) -> str:
    return f"INSERT DATA {{ GRAPH <{graph}> {{\n{content.serialize(format='nt')}}} }}"


def _tidy(store: Path) -> None:
    """Remove old RocksDB logs: each opening leaves one, of 0.1 MB, for ever."""
    for log in store.glob("LOG.old.*"):
        log.unlink(missing_ok=True)
