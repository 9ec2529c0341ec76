"""The knowledge graph: what is known beforehand and what every run added to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .actions import FAILURES, Action, Failure, describe, failure_graph, read_failures
from .errors import StoreError
from .experiments import RunFacts, dataset_iri, lesson_graph, run_graph, run_iri
from .judging import Judge, judge_of
from .namespaces import (
    DOMAIN_GRAPH,
    EXPERIMENTS_GRAPH,
    ONTOLOGY_GRAPH,
    PREFIXES,
    RECIPES_GRAPH,
    RULES_GRAPH,
)
from .neighbours import Neighbourhood, around, find_node
from .oxigraph import locked
from .provenance import Account, account_digest, account_graph
from .query_child import QueryChild
from .recall import PastRun, Profile, read_similar
from .rulebook import MOST_INFERRED, Violation, listed
from .sources import Source, as_native, parsed
from .sparql import ONTOLOGY_FILE, QueryRefused, refuse_long, refuse_unknown
from .stored_graphs import ACCOUNT, LESSONS, StoredGraphs
from .strategies import (
    Strategy,
    Value,
    read_constants,
    read_strategies,
    store_of,
)
from .updates import forgetting, insertion, ntriples
from .user_files import UserFiles

if TYPE_CHECKING:
    from pyoxigraph import Triple
    from rdflib import Graph
    from rdflib.store import Store

    from .ledger import Ledger

RECIPES = Path(__file__).with_name("recipes")
RULES = Path(__file__).with_name("rules")
MAX_ROWS = 1000
MOST_FAILURES = 12  # that an action is held against: softening leaves few different ones
MAX_SECONDS = 30.0

_DOMAIN_SIZE = f"SELECT (COUNT(*) AS ?size) WHERE {{ GRAPH <{DOMAIN_GRAPH}> {{ ?s ?p ?o }} }}"
# Of the package's own recipes and rules, which are the same in every workspace.
_PRIORS: dict[str, Store] = {}
_JUDGES: dict[tuple[str, ...], Judge] = {}


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


class KnowledgeGraph(StoredGraphs):
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
        loaded = folder / "loaded"
        sources = {
            ONTOLOGY_GRAPH: Source(ONTOLOGY_FILE),
            RECIPES_GRAPH: Source(recipes, UserFiles(loaded / "recipes")),
            RULES_GRAPH: Source(rules, UserFiles(loaded / "rules")),
            DOMAIN_GRAPH: Source(None, UserFiles(loaded / "domain")),
        }
        super().__init__(folder, sources, ledger=ledger, on_restore=on_restore)
        self._brought, self._own_domain = brought, domain
        self._priors: Store | None = None
        self._judge: Judge | None = None
        self._failures: tuple[Failure, ...] | None = None
        self._making = threading.Lock()
        self._child = QueryChild()

    def _forget(self) -> None:
        self._priors, self._judge = None, None

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
        profile: Profile,
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
        forget = [forgetting(whole) for whole in (run, data)]
        content = run_graph(facts)
        if account is not None:
            content += account_graph(account)
        if self._ledger is not None:
            self._ledger.keep(facts.run, ACCOUNT, ntriples(content).decode())
        self._update([*forget, insertion(EXPERIMENTS_GRAPH, content)])

    def record_account(self, account: Account) -> None:
        """Write how a run went that has not ended; what is known of its dataset stays.

        Nothing is written where the graph has this very account.
        """
        iri = run_iri(account.run)
        query = "SELECT ?digest WHERE { VALUES ?r { <%s> } ?r t:accountDigest ?digest }"
        known = self.select(query % iri)
        if [row["digest"] for row in known] == [account_digest(account)]:
            return
        content = insertion(EXPERIMENTS_GRAPH, account_graph(account))
        self._update([forgetting(iri), content])

    def record_lesson(self, run: str, text: str, about: str) -> None:
        """Write something learnt in a run; saying it twice keeps one.

        Args:
            about: What it concerns: a strategy, a setting, a dataset, a task.
        """
        lesson = lesson_graph(run, text, about)
        if self._ledger is not None:
            before = self._ledger.kept(run, LESSONS) or ""
            self._ledger.keep(run, LESSONS, before + ntriples(lesson).decode())
        self._update([insertion(EXPERIMENTS_GRAPH, lesson)])

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
        with locked(self.folder):
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

    def domain(self) -> Graph:
        """Return a copy of what the user has loaded; empty when nothing was."""
        return self.graph(DOMAIN_GRAPH)

    def rules(self) -> Graph:
        """Return a copy of the rules: those of the package and those the user has added."""
        return self.graph(RULES_GRAPH)

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
            self._failures = read_failures(self.select(FAILURES))
        return self._failures

    def record_failure(self, failure: Failure) -> None:
        """Write what failed, for rules to hold against what is proposed later."""
        self._update([insertion(EXPERIMENTS_GRAPH, failure_graph(failure))])
        self._failures = None


def _empty() -> Graph:
    from rdflib import Graph

    return Graph()
