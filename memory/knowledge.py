"""The knowledge graph: what is known beforehand and what every run added to it.

An Oxigraph store on disk, reached through rdflib. Oxigraph calls reading beside a
writer undefined, so a file lock lets one in at a time, and everyone opens, does
one thing and closes: some tens of milliseconds. Each change is one transaction, so
a kill at any point leaves the state before or after it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import StoreError
from .experiments import RunFacts, dataset_iri, lesson_graph, run_graph, run_iri
from .namespaces import DCTERMS, EXPERIMENTS_GRAPH, ONTOLOGY_GRAPH, PREFIXES, RECIPES_GRAPH, TUNEOS
from .recipes import Strategy, Value, read_constants, read_strategies
from .sparql import ONTOLOGY_FILE, QueryRefused, checked_query

if TYPE_CHECKING:
    from rdflib import Graph
    from rdflib.store import Store

RECIPES_FILE = Path(__file__).with_name("recipes.ttl")
MAX_ROWS = 1000
MAX_SECONDS = 30.0
_LOCK_SECONDS = 60.0
_STARTUP_SECONDS = 30.0  # for the child process to start, on a busy machine


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
        recipes: Turtle to take the recipes from, instead of the package's own.
    """

    def __init__(self, folder: Path, *, recipes: Path = RECIPES_FILE) -> None:
        self.folder = folder
        self._store_path = folder / "store"
        self._sources = {ONTOLOGY_GRAPH: ONTOLOGY_FILE, RECIPES_GRAPH: recipes}
        self._fresh = False

    def refresh(self) -> None:
        """Load ontology and recipes into their graphs, if these files have changed.

        Every other method does this once before its first access.

        Raises:
            StoreError: A file is missing or is not Turtle, or the store cannot be written.
        """
        texts = {graph: _read(path) for graph, path in self._sources.items()}
        digests = {g: hashlib.sha256(t.encode()).hexdigest() for g, t in texts.items()}
        with self._locked():
            if self._store_path.exists():
                with self._opened(read_only=True) as store:
                    stale = [g for g in texts if _stored_digest(store, g) != digests[g]]
            else:
                stale = list(texts)
            if stale:
                self._apply(
                    [_replacement(g, texts[g], digests[g], self._sources[g]) for g in stale]
                )
        self._fresh = True

    def strategies(self, task: str) -> tuple[Strategy, ...]:
        """Return what may be tried for a task, by rung, variants last; none for an unknown task.

        Raises:
            StoreError: The store cannot be read, or a strategy is incomplete.
        """
        with self._reading() as store:
            return read_strategies(store, task)

    def constants(self) -> dict[str, Value]:
        """Return the numbers that the planner goes by: patience, smallGap."""
        with self._reading() as store:
            return read_constants(store)

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
        rows = tuple(tuple(row) for row in answer["rows"])
        return QueryResult(tuple(answer["columns"]), rows, answer["truncated"])

    @contextmanager
    def _reading(self) -> Iterator[Store]:
        self._ensure_fresh()
        with self._locked(), self._opened(read_only=True) as store:
            yield store

    def _update(self, updates: list[str]) -> None:
        """Apply SPARQL updates in one transaction."""
        self._ensure_fresh()
        with self._locked():
            self._apply(updates)

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
            raise StoreError(
                f"{path} cannot be used: {error}. If the disk is not full, move the folder away: "
                "recipes are loaded anew, the record of earlier runs is lost."
            ) from error


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
    if "error" in answer:
        raise QueryRefused(f"The query cannot be answered: {answer['error']}.")
    return answer


_TOO_SLOW = (
    "The query took longer than {:g} s and was stopped; name more of the pattern, "
    "avoid unconnected patterns and open-ended paths, or ask for fewer things."
)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} cannot be read: {error}. Install TuneOS anew.") from error


def _stored_digest(store: Store, graph: str) -> str | None:
    from rdflib import Graph, URIRef

    name = URIRef(graph)
    value = Graph(store, identifier=name).value(name, URIRef(TUNEOS + "contentHash"))
    return None if value is None else str(value)


def _replacement(graph: str, turtle: str, digest: str, path: Path) -> str:
    """Write the update that replaces a whole named graph by the content of a file."""
    from rdflib import Graph, Literal, URIRef

    content = Graph()
    try:
        content.parse(data=turtle, format="turtle")
    except Exception as error:  # rdflib's parser raises whatever it stumbles over
        raise StoreError(f"{path} is not Turtle: {error}") from error
    content.add((URIRef(graph), URIRef(TUNEOS + "contentHash"), Literal(digest)))
    return f"CLEAR SILENT GRAPH <{graph}> ;\n{_insertion(graph, content)}"


def _insertion(graph: str, content: Graph) -> str:
    return f"INSERT DATA {{ GRAPH <{graph}> {{\n{content.serialize(format='nt')}}} }}"


def _tidy(store: Path) -> None:
    """Remove old RocksDB logs: each opening leaves one, of 0.1 MB, for ever."""
    for log in store.glob("LOG.old.*"):
        log.unlink(missing_ok=True)
