"""The knowledge graph: what is known beforehand and what every run added to it.

An Oxigraph store on disk, reached through rdflib. Oxigraph calls reading beside a
writer undefined, so a file lock lets one in at a time, and everyone opens, does
one thing and closes: some tens of milliseconds. Each change is one transaction, so
a kill at any point leaves the state before or after it. Beside the store lies a
journal of what was written; a store that is damaged is set aside and made anew from it.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import unquote

from .actions import Action, Failure, describe, failure_graph
from .errors import StoreError
from .experiments import RunFacts, dataset_iri, lesson_graph, run_graph, run_iri
from .journal import Journal
from .judging import Judge, judge_of
from .namespaces import (
    DCTERMS,
    DOMAIN_GRAPH,
    EXPERIMENTS_GRAPH,
    ONTOLOGY_GRAPH,
    PREFIXES,
    RECIPES_GRAPH,
    RULES_GRAPH,
    TUNEOS,
)
from .neighbours import Neighbourhood, around, find_node
from .provenance import Account, account_digest, account_graph
from .query_child import QueryChild
from .recall import PastRun, read_similar
from .redaction import redact_rdf
from .rulebook import MOST_INFERRED, Violation, listed
from .sources import Source, as_native, ntriples_of, parsed
from .sparql import ONTOLOGY_FILE, QueryRefused, refuse_long, refuse_unknown
from .strategies import (
    Strategy,
    Value,
    read_constants,
    read_strategies,
    select_rows,
    store_of,
)
from .user_files import UserFile, UserFiles

if TYPE_CHECKING:
    from oxrdflib import OxigraphStore
    from pyoxigraph import Triple
    from rdflib import Graph
    from rdflib.store import Store

    from .ledger import Ledger

RECIPES = Path(__file__).with_name("recipes")
RULES = Path(__file__).with_name("rules")
UserGraph = Literal["domain", "rules", "recipes"]
MAX_ROWS = 1000
MOST_FAILURES = 12  # that an action is held against: softening leaves few different ones
MAX_SECONDS = 30.0
_LOCK_SECONDS = 60.0
_NOT_DAMAGE = ("No space", "Permission denied", "Read-only", "lock file", "Too many open")
_ENTRIES = TUNEOS + "journalEntries"
_DIGEST = TUNEOS + "contentHash"
_ACCOUNT, _LESSONS = "knowledge", "lessons"  # as the ledger keeps them
_BULK_BYTES = 2_000_000  # of N-Triples; more is loaded past the transaction log
_T = TypeVar("_T")


_NAMED = {"domain": DOMAIN_GRAPH, "rules": RULES_GRAPH, "recipes": RECIPES_GRAPH}


_FAILURES = """
SELECT ?failure ?run ?strategy ?technique ?reason ?machine ?base ?setting ?value WHERE {
  ?failure a t:Failure ; prov:wasGeneratedBy ?run ; t:strategyName ?strategy ;
    t:technique ?technique ; t:reason ?reason ; t:onMachine/t:name ?machine ; t:tunes ?base ;
    t:sets ?part . ?part t:setting ?setting ; t:value ?value }
ORDER BY ?failure ?setting"""
_DOMAIN_SIZE = f"SELECT (COUNT(*) AS ?size) WHERE {{ GRAPH <{DOMAIN_GRAPH}> {{ ?s ?p ?o }} }}"
# Of the package's own recipes and rules, which are the same in every workspace.
_PRIORS: dict[str, Store] = {}
_JUDGES: dict[tuple[str, ...], Judge] = {}


class _Damaged(StoreError):
    """The store cannot be read; it can be made anew."""


@dataclass(frozen=True)
class QueryResult:
    """Rows of a query, at most `limit`; `truncated` says that there were more.

    ASK gives one column "answer", CONSTRUCT the columns subject, predicate, object.
    IRIs are written with their prefix where it is known. `remark` names properties and
    classes of the query that occur nowhere in the graph.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Value | None, ...], ...]
    truncated: bool = False
    remark: str = ""


class KnowledgeGraph:
    """The knowledge graph of a workspace; making one touches no file.

    Args:
        folder: Where the store lies.
        recipes: Turtle, a file or a folder of files, to take the recipes from instead of the
            package's own.
        rules: The same for the rules; what the user adds comes on top.
        brought: Recipes, rules and facts for this one user of the graph, beside what is stored.
        domain: N-Triples of what one run knows of its domain; a user's rules see it.
        ledger: Where each run's account is kept once more, for a graph that is lost as a whole.
        on_restore: Told in a line when the store was damaged and made anew.
    """

    def __init__(
        self,
        folder: Path,
        *,
        recipes: Path = RECIPES,
        rules: Path = RULES,
        brought: Graph | None = None,
        domain: Path | None = None,
        ledger: Ledger | None = None,
        on_restore: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder
        self._journal = Journal(folder / "journal.txt")
        self._tell = on_restore
        self._ledger = ledger
        self._store_path = folder / "store"
        self._loading = folder / "loading"
        loaded = folder / "loaded"
        self._sources = {
            ONTOLOGY_GRAPH: Source(ONTOLOGY_FILE),
            RECIPES_GRAPH: Source(recipes, UserFiles(loaded / "recipes")),
            RULES_GRAPH: Source(rules, UserFiles(loaded / "rules")),
            DOMAIN_GRAPH: Source(None, UserFiles(loaded / "domain")),
        }
        self._brought, self._own_domain = brought, domain
        self._priors: Store | None = None
        self._judge: Judge | None = None
        self._failures: tuple[Failure, ...] | None = None
        self._making = threading.Lock()
        self._fresh = False
        self._child = QueryChild()

    def refresh(self) -> None:
        """Load ontology, recipes, rules and the user's files, if they have changed.

        Every other method does this once before its first access.

        Raises:
            StoreError: A file is missing or is not Turtle, or the store cannot be written.
        """
        with self._locked():
            try:
                self._refresh()
            except _Damaged as error:
                self._rebuild(str(error))
        self._fresh, self._priors, self._judge = True, None, None

    def _refresh(self) -> None:
        """Bring the store up to its sources; the lock must be held."""
        digests = {graph: source.digest() for graph, source in self._sources.items()}
        stale, stored, found = list(digests), 0, ""
        if not self._store_path.exists():
            self._take_from_ledger()
        written, torn = self._journal.entries()
        if self._store_path.exists():
            with self._opened(read_only=True) as store:
                stale = [g for g in digests if _stored_digest(store, g) != digests[g]]
                stored = _stored_entries(store)
                if torn or stored > len(written) or (not stored and not written):
                    found = _experiments(store)
        if found:  # the journal is damaged, or older than this code: the store knows all
            self._journal.replace([found])
            written = [found]
        small = [g for g in stale if not self._files(g)]
        updates = [_replacement(g, self._sources[g], digests[g]) for g in small]
        if stored < len(written) or found:
            updates += [*written[stored:], _counted(len(written))]
        if updates:
            self._apply(updates, flushed=bool(small))
        for graph in stale:
            if graph not in small:
                self._replace_with_files(graph)

    def _take_from_ledger(self) -> None:
        """Write runs of the ledger that the journal lacks into it; the lock must be held."""
        if self._ledger is None:
            return
        known = "\n".join(self._journal.entries()[0])
        missing = []
        for row in reversed(self._ledger.runs()):
            accounts = [self._ledger.kept(row.run, name) for name in (_ACCOUNT, _LESSONS)]
            if f"<{run_iri(row.run)}>" not in known:
                missing += [account for account in accounts if account]
        for account in missing:
            self._journal.append(_inserted(EXPERIMENTS_GRAPH, account))
        if missing:
            self._tell("The knowledge graph was lost; the runs of the ledger are in it again.")

    def _files(self, graph: str) -> tuple[UserFile, ...]:
        return self._sources[graph].files()

    def _replace_with_files(self, graph: str) -> None:
        """Replace a graph that the user has added files to; the lock must be held.

        Large files go past the transaction log, so a mark says until the end that the
        graph is to be loaded again.
        """
        from pyoxigraph import NamedNode, RdfFormat

        self._loading.touch()
        self._apply([_replacement(graph, self._sources[graph], None)])
        with self._opened(read_only=False) as store:
            for file in self._files(graph):
                if not file.is_whole:
                    file.path.rename(file.path.with_suffix(".damaged"))
                    self._tell(
                        f"{file.path} is damaged and was set aside as {file.path.stem}.damaged; "
                        f"load {file.name} into the knowledge graph again."
                    )
                    continue
                large = file.path.stat().st_size > _BULK_BYTES
                # No name may hold the inner store: the last reference closes it.
                load = store._inner.bulk_load if large else store._inner.load
                load(path=file.path, format=RdfFormat.N_TRIPLES, to_graph=NamedNode(graph))
                del load
        self._apply([_noted(graph, self._sources[graph].digest())])
        self._loading.unlink()

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
        return read_strategies(self._recipes(), task)

    def constants(self) -> dict[str, Value]:
        """Return the numbers that the planner goes by: patience, smallGap."""
        return read_constants(self._recipes())

    def _recipes(self) -> Store:
        """The recipes with what was brought, in memory: they are asked for at every step."""
        if self._priors is None:
            source, brought = self._sources[RECIPES_GRAPH], self._brought
            if brought is None and not source.files():
                key = source.digest()
                _PRIORS[key] = _PRIORS.get(key) or store_of(source.triples())
                self._priors = _PRIORS[key]
            else:
                self._priors = store_of([*self._native(RECIPES_GRAPH), *as_native(brought or ())])
        return self._priors

    def _native(self, graph: str) -> list[Triple]:
        """The triples of a graph, without the store where all that it holds is the package's."""
        source = self._sources[graph]
        return as_native(self.graph(graph)) if source.files() else source.triples()

    def similar_runs(
        self,
        *,
        task: str,
        base_model: str,
        profile: Mapping[str, float],
        metric: str,
        within: float,
        but: str,
    ) -> tuple[PastRun, ...]:
        """Return earlier runs on similar data, the nearest first; see `recall.read_similar`."""
        return self._reading(
            lambda store: read_similar(
                store,
                task=task,
                base_model=base_model,
                profile=profile,
                metric=metric,
                within=within,
                but=but,
            )
        )

    def record_run(self, facts: RunFacts, account: Account | None = None) -> None:
        """Write a run with all its parts; the same run again replaces the first account.

        Lessons recorded before stay.

        Args:
            account: How it went: steps, decisions, who decided.
        """
        run, data = run_iri(facts.run), dataset_iri(facts.dataset.data_hash)
        forget = [_forgetting(whole) for whole in (run, data)]
        content = run_graph(facts)
        if account is not None:
            content += account_graph(account)
        if self._ledger is not None:
            self._ledger.keep(facts.run, _ACCOUNT, _ntriples(content).decode())
        self._update([*forget, _insertion(EXPERIMENTS_GRAPH, content)])

    def record_account(self, account: Account) -> None:
        """Write how a run went that has not ended; what is known of its dataset stays.

        Nothing is written where the graph has this very account.
        """
        iri = run_iri(account.run)
        query = "SELECT ?digest WHERE { VALUES ?r { <%s> } ?r t:accountDigest ?digest }"
        known = self.select(query % iri)
        if [row["digest"] for row in known] == [account_digest(account)]:
            return
        content = _insertion(EXPERIMENTS_GRAPH, account_graph(account))
        self._update([_forgetting(iri), content])

    def record_lesson(self, run: str, text: str, about: str) -> None:
        """Write something learnt in a run; saying it twice keeps one.

        Args:
            about: What it concerns: a strategy, a setting, a dataset, a task.
        """
        lesson = lesson_graph(run, text, about)
        if self._ledger is not None:
            before = self._ledger.kept(run, _LESSONS) or ""
            self._ledger.keep(run, _LESSONS, before + _ntriples(lesson).decode())
        self._update([_insertion(EXPERIMENTS_GRAPH, lesson)])

    def query(self, sparql: str, limit: int = 50, seconds: float = 1.2) -> QueryResult:
        """Answer a SELECT, ASK or CONSTRUCT query over all graphs together.

        It is judged and evaluated in a child process, kept for the next query, which the
        kernel ends when `seconds` are over; see query_process.py for why not in a thread.

        Args:
            limit: Rows at most, 1 to 1000.
            seconds: Time for judging and evaluating, 0.1 to 30.

        Raises:
            QueryRefused: The query may not be run, is wrong, or took too long.
        """
        seconds = min(max(seconds, 0.1), MAX_SECONDS)
        refuse_long(sparql)
        checked = self._child.ask({"judge": sparql, "seconds": seconds})
        if "text" not in checked:
            raise QueryRefused(checked.get("refused") or checked["error"])
        self._ensure_fresh()
        request = {
            "store": str(self._store_path),
            "query": checked["text"],
            "terms": checked["terms"],
            "prefixes": PREFIXES,
            "limit": min(max(limit, 1), MAX_ROWS),
            "seconds": max(0.1, seconds - checked["took"]),
            "of": seconds,  # for the words
        }
        with self._locked():
            answer = self._child.ask(request)
            if "unreadable" in answer:
                self._rebuild(answer["unreadable"])
                answer = self._child.ask(request)
        if "error" in answer or "unreadable" in answer:
            why = answer.get("error") or answer["unreadable"]
            raise QueryRefused(f"The query cannot be answered: {why}.")
        remark = refuse_unknown(answer["unknown"])
        rows = tuple(tuple(row) for row in answer["rows"])
        return QueryResult(tuple(answer["columns"]), rows, answer["truncated"], remark)

    def select_each(self, queries: Mapping[str, str], **bound: Any) -> dict[str, list[Any]]:
        """Answer several SELECTs of our own on one state of the store; see `select`."""
        return self._reading(
            lambda store: {n: select_rows(store, q, **bound) for n, q in queries.items()}
        )

    def put(self, name: str, content: Graph | bytes, graph: UserGraph = "domain") -> None:
        """Keep what a user brings in the graph `domain`, `rules` or `recipes`, under a name.

        It replaces what was put under this name before. The rest of the graph stays.

        Args:
            content: An rdflib graph, or N-Triples as bytes. It is not judged here.

        Raises:
            StoreError: It cannot be written.
        """
        triples = content if isinstance(content, bytes) else _ntriples(content)
        with self._changing(graph) as files:
            files.put(name, triples)

    def remove(self, name: str, graph: UserGraph = "domain") -> bool:
        """Forget what was put under a name; False when nothing was."""
        with self._changing(graph) as files:
            return files.remove(name)

    def loaded(self, graph: UserGraph = "domain") -> tuple[str, ...]:
        """Return the names under which something was put."""
        return tuple(file.name for file in self._files(_NAMED[graph]))

    def domain(self) -> Graph:
        """Return a copy of what the user has loaded; empty when nothing was."""
        return self.graph(DOMAIN_GRAPH)

    def rules(self) -> Graph:
        """Return a copy of the rules: those of the package and those the user has added."""
        return self.graph(RULES_GRAPH)

    def graph(self, iri: str) -> Graph:
        """Return a copy of a named graph, in memory; see namespaces.py for the names.

        The store's own notes (checksum, journal count) are left out.
        """
        return self._reading(lambda store: _copy(store, iri))

    def around(self, node: str, depth: int = 1, most: int = 40) -> Neighbourhood:
        """Collect what stands around a node.

        Args:
            node: Its IRI, a name with a prefix, or its label.
            depth: Steps from it, 1 to 4.
            most: Nodes at most.

        Raises:
            StoreError: There is no such node; the message offers near names.
        """

        def read(store: Store) -> Neighbourhood | list[str]:
            inner = store._inner  # type: ignore[attr-defined]
            found, close = find_node(inner, node, PREFIXES)
            return around(inner, found, min(max(depth, 1), 4), most) if found else close

        found = self._reading(read)
        if isinstance(found, Neighbourhood):
            return found
        near = f"Near: {', '.join(found)}." if found else "Find one with: tuneos kg query."
        raise StoreError(f"There is no one node {node!r} in the knowledge graph. {near}")

    def written(self, graph: str | None, form: str) -> tuple[bytes, int]:
        """Return a named graph, or all of them, as text in an RDF format, and its triples.

        Args:
            form: As in pyoxigraph.RdfFormat, such as TURTLE; all graphs need TRIG or N_QUADS.
        """
        return self._reading(lambda store: _written(store, graph, form))

    def select(self, sparql: str, **bound: Any) -> list[dict[str, Any]]:
        """Answer a SELECT of our own over all graphs together, in this process.

        For queries that stand in the code: they are not judged, and have no limits. What
        comes from outside goes through `query`.

        Args:
            bound: Values of selected variables: rdflib terms, or plain values for literals.

        Returns:
            A row each: literals as plain values, IRIs as `rdflib.URIRef`, None where unbound.
        """
        return self._reading(lambda store: select_rows(store, sparql, **bound))

    def check(self, action: Action) -> tuple[Violation, ...]:
        """Say what the rules have against an action, vetoes first.

        Args:
            action: What is proposed; what failed before is added to it.
        """
        here = (action.machine, action.base.digest, action.technique)
        failures = {
            tuple(f.settings.items()): f
            for f in self.failures()
            if (f.machine, f.base, f.technique) == here
        }
        known = tuple(failures.values())[-MOST_FAILURES:]
        return self.judge().check(describe(replace(action, failures=known)))

    def known_rules(self) -> tuple[Violation, ...]:
        """Return every rule with the words that it would use, by name."""
        brought = self._brought if self._brought is not None else _empty()
        return listed(self.rules() + brought)

    def judge(self) -> Judge:
        """Return who judges actions, ready to: made once, which takes about a second."""
        with self._making:
            if self._judge is None:
                self._judge = self._made_judge()
            return self._judge

    def _made_judge(self) -> Judge:
        """Compile the rules; in a process of their own where a user has brought any."""
        brought = self._brought if self._brought is not None else _empty()
        reasoned = self._reasoned()
        added = any(self._files(g) for g in (RULES_GRAPH, RECIPES_GRAPH))
        trusted = not (reasoned or len(brought) or added)
        known = (ONTOLOGY_GRAPH, RECIPES_GRAPH, RULES_GRAPH)
        key = tuple(self._sources[graph].digest() for graph in known)
        if trusted and key in _JUDGES:
            return _JUDGES[key]
        ontology, recipes, rules = (self._native(graph) for graph in known)
        if trusted:
            _JUDGES[key] = judge_of(rules, [*ontology, *recipes], trusted=True)
            return _JUDGES[key]
        own, domain = as_native(brought), self._native(DOMAIN_GRAPH) if reasoned else []
        if self._own_domain is not None and self._own_domain.is_file():
            told = parsed(self._own_domain)
            domain += told if len(told) <= MOST_INFERRED else []
        return judge_of([*rules, *own], [*ontology, *recipes, *own, *domain], trusted=False)

    def _reasoned(self) -> bool:
        """Whether a user's domain is small enough to be reasoned over: bulk is no vocabulary."""
        if not self._files(DOMAIN_GRAPH):
            return False
        (row,) = self.select(_DOMAIN_SIZE)
        return bool(row["size"] <= MOST_INFERRED)

    def failures(self) -> tuple[Failure, ...]:
        """Return what ran out of memory, on whatever machine; read once."""
        if self._failures is None:
            rows = self.select(_FAILURES)
            said: dict[str, tuple[dict[str, Any], dict[str, Value]]] = {}
            for row in rows:
                _, settings = said.setdefault(str(row["failure"]), (row, {}))
                settings[row["setting"]] = row["value"]
            self._failures = tuple(
                Failure(
                    run=unquote(str(row["run"]).rpartition("/")[2]),
                    strategy=row["strategy"],
                    technique=row["technique"],
                    reason=row["reason"],
                    settings=settings,
                    machine=row["machine"],
                    base=unquote(str(row["base"]).rpartition("/")[2]),
                )
                for row, settings in said.values()
            )
        return self._failures

    def record_failure(self, failure: Failure) -> None:
        """Write what failed, for rules to hold against what is proposed later."""
        self._update([_insertion(EXPERIMENTS_GRAPH, failure_graph(failure))])
        self._failures = None

    @contextmanager
    def _changing(self, graph: UserGraph) -> Iterator[UserFiles]:
        """Change the user's files of a graph, and load the graph again."""
        self._ensure_fresh()
        self._priors, self._judge = None, None
        with self._locked():
            files = self._sources[_NAMED[graph]].user
            assert files is not None
            yield files
            try:
                self._refresh()
            except _Damaged as error:
                self._rebuild(str(error))

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
        whole = redact_rdf(" ;\n".join(updates))
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

    def _apply(self, updates: list[str], *, flushed: bool = False) -> None:
        """Apply SPARQL updates in one transaction; the lock must be held.

        Args:
            flushed: Write them into sorted files at once: what is only in the transaction log
                is read again by whoever opens the store.
        """
        with self._opened(read_only=False) as store:
            store._inner.update(" ;\n".join(updates))
            if flushed:
                store._inner.flush()

    def _ensure_fresh(self) -> None:
        if not self._fresh or not self._store_path.exists() or self._loading.exists():
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
    def _opened(self, *, read_only: bool) -> Iterator[OxigraphStore]:
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


def _empty() -> Graph:
    from rdflib import Graph

    return Graph()


def _forgetting(whole: str) -> str:
    """Write the update that removes a thing and its parts from the experiments."""
    return (
        f"DELETE {{ GRAPH <{EXPERIMENTS_GRAPH}> {{ ?s ?p ?o }} }} WHERE {{ GRAPH "
        f"<{EXPERIMENTS_GRAPH}> {{ {{ ?s <{DCTERMS}isPartOf> <{whole}> }} UNION "
        f"{{ VALUES ?s {{ <{whole}> }} }} ?s ?p ?o }} }}"
    )


def _stored_digest(store: Store, graph: str) -> str | None:
    from rdflib import Graph, URIRef

    name = URIRef(graph)
    value = Graph(store, identifier=name).value(name, URIRef(_DIGEST))
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
    content = _copy(store, EXPERIMENTS_GRAPH)
    return _insertion(EXPERIMENTS_GRAPH, content) if len(content) else ""


def _copy(store: Store, graph: str) -> Graph:
    """Copy a named graph into memory, without what the store notes for itself."""
    from rdflib import Graph, URIRef

    content = Graph()
    for prefix, iri in PREFIXES.items():
        content.bind(prefix, iri, replace=True)
    for triple in Graph(store, identifier=URIRef(graph)):
        if str(triple[1]) not in (_ENTRIES, _DIGEST):
            content.add(triple)
    return content


def _written(store: Store, graph: str | None, form: str) -> tuple[bytes, int]:
    from pyoxigraph import NamedNode, RdfFormat, serialize

    count = 0

    def kept() -> Iterator[Any]:
        nonlocal count
        where = NamedNode(graph) if graph else None
        for quad in store._inner.quads_for_pattern(None, None, None, where):  # type: ignore[attr-defined]
            if quad.predicate.value not in (_ENTRIES, _DIGEST):
                count += 1
                yield quad.triple if graph else quad

    output = io.BytesIO()
    serialize(kept(), output, getattr(RdfFormat, form), prefixes=PREFIXES)
    return output.getvalue(), count


def _replacement(graph: str, source: Source, digest: str | None) -> str:
    """Write the update that replaces a whole named graph by the package's part of its source."""
    noted = f" ;\n{_noted(graph, digest)}" if digest else ""
    content = _inserted(graph, ntriples_of(source.triples()))
    return f"CLEAR SILENT GRAPH <{graph}> ;\n{content}{noted}"


def _noted(graph: str, digest: str) -> str:
    """Write the update that notes what a graph was loaded from."""
    return f'INSERT DATA {{ GRAPH <{graph}> {{ <{graph}> <{_DIGEST}> "{digest}" }} }}'


def _insertion(graph: str, content: Graph) -> str:
    return _inserted(graph, _ntriples(content).decode())


def _inserted(graph: str, triples: str) -> str:
    return f"INSERT DATA {{ GRAPH <{graph}> {{\n{triples}}} }}"


def _ntriples(content: Graph) -> bytes:
    return content.serialize(format="nt", encoding="utf-8")


def _tidy(store: Path) -> None:
    """Remove old RocksDB logs: each opening leaves one, of 0.1 MB, for ever."""
    for log in store.glob("LOG.old.*"):
        log.unlink(missing_ok=True)
