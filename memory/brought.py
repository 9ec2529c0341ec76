"""Recipes and rules that a user brings in Turtle: read as untrusted text, judged before use."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import StoreError
from .namespaces import PREFIXES, SHACL, TUNEOS
from .sources import as_native, turtles
from .sparql import QueryRefused, checked_query

if TYPE_CHECKING:
    from rdflib import Graph

MOST_BYTES = 1_000_000
MOST_SHAPES = 200
TRY_SECONDS = 5.0
_ALLOWED = frozenset(
    """
    targetClass targetNode targetSubjectsOf targetObjectsOf property path message severity
    deactivated sparql select prefixes declare prefix namespace name description order
    minCount maxCount minInclusive maxInclusive minExclusive maxExclusive minLength maxLength
    in hasValue class datatype nodeKind node not and or xone equals disjoint lessThan
    lessThanOrEquals inversePath alternativePath closed ignoredProperties languageIn uniqueLang
    group defaultValue flags pattern
    """.split()  # noqa: SIM905 a list of thirty words is no easier to read
)


class BroughtError(StoreError):
    """A user's recipe or rule that cannot be used."""


def read_brought(paths: Iterable[Path]) -> Graph:
    """Read Turtle files, or folders of them, into one graph, judged.

    Raises:
        BroughtError: One cannot be read, is not Turtle, or holds a rule that may not be.
    """
    from rdflib import Graph

    whole = Graph()
    for path in paths:
        files = turtles(path)
        if not files:
            raise BroughtError(f"{path}: holds no .ttl file")
        for file in files:
            graph = _parsed(file)
            check_rules(graph, str(file))
            _check_recipes(graph, str(file))
            whole += graph
    return whole


def check_brought(triples: bytes, where: str) -> None:
    """Refuse N-Triples of which recipes or rules cannot be used; see `read_brought`.

    Raises:
        BroughtError: The message says what is wrong.
    """
    from rdflib import Graph

    graph = Graph().parse(data=triples.decode(), format="nt")
    check_rules(graph, where)
    _check_recipes(graph, where)


def check_rules(graph: Graph, where: str) -> None:
    """Refuse shapes that could do more than look, or that cannot be evaluated.

    Raises:
        BroughtError: A shape uses what is not allowed, or its SPARQL is not a plain SELECT.
    """
    from rdflib import URIRef

    for predicate in sorted({str(p) for p in graph.predicates()}):
        if predicate.startswith(SHACL) and predicate[len(SHACL) :] not in _ALLOWED:
            raise BroughtError(f"{where}: sh:{predicate[len(SHACL) :]} is not allowed in a rule")
    select = URIRef(SHACL + "select")
    queries = list(graph.subject_objects(select))
    if len(queries) > MOST_SHAPES:
        raise BroughtError(f"{where}: has {len(queries)} SPARQL rules; {MOST_SHAPES} are allowed")
    for node, text in queries:
        rule = next(graph.subjects(URIRef(SHACL + "sparql"), node), node)
        name = str(rule).rpartition("#")[2].rpartition("/")[2]
        try:
            checked_query(_declared(graph) + str(text))
        except QueryRefused as error:
            raise BroughtError(f"{where}: rule {name}: {error}") from error
    if has_rules(graph):
        _try(graph, where)


def has_rules(graph: Graph) -> bool:
    """Whether a graph holds shapes."""
    from rdflib import RDF, URIRef

    kinds = ("NodeShape", "PropertyShape")
    return any((None, RDF.type, URIRef(SHACL + kind)) in graph for kind in kinds)


def _parsed(file: Path) -> Graph:
    from rdflib import Graph

    try:
        if file.stat().st_size > MOST_BYTES:
            raise BroughtError(f"{file}: is larger than {MOST_BYTES:,} bytes")
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BroughtError(f"{file}: cannot be read: {error}") from error
    graph = Graph()
    for prefix, iri in PREFIXES.items():
        graph.bind(prefix, iri)
    try:
        graph.parse(data=text, format="turtle", publicID=TUNEOS)
    except RecursionError:
        raise BroughtError(f"{file}: is nested too deeply") from None
    except Exception as error:  # rdflib's parser raises whatever it stumbles over
        raise BroughtError(f"{file}: is not Turtle: {_first_line(error)}") from error
    return graph


def _check_recipes(graph: Graph, where: str) -> None:
    """Refuse an incomplete strategy here rather than in the middle of a run."""
    from rdflib import RDF, URIRef

    from .strategies import read_strategies, store_of

    named = [*graph.subjects(RDF.type, URIRef(TUNEOS + "Strategy"))]
    tasks = {
        str(task).rpartition("#")[2]
        for strategy in named
        for task in graph.objects(strategy, URIRef(TUNEOS + "forTask"))
    }
    homeless = [s for s in named if (s, URIRef(TUNEOS + "forTask"), None) not in graph]
    if homeless:
        raise BroughtError(f"{where}: the strategy {homeless[0]} lacks t:forTask")
    alone = store_of(as_native([*graph, *_named_tasks(tasks)]))
    for task in sorted(tasks):
        try:
            read_strategies(alone, task)
        except StoreError as error:
            raise BroughtError(f"{where}: {error}") from error


def _named_tasks(tasks: Iterable[str]) -> Graph:
    from rdflib import Graph, Literal, URIRef

    graph = Graph()
    for task in tasks:
        graph.add((URIRef(TUNEOS + task), URIRef(TUNEOS + "name"), Literal(task)))
    return graph


def _try(graph: Graph, where: str) -> None:
    """Judge a made-up action by the rules, so that one that cannot be evaluated is known now."""
    from .actions import Action, BaseFacts, describe
    from .judging import UNJUDGED, GuardedRules
    from .rulebook import compiled

    try:
        compiled(graph)
    except Exception as error:  # pyshacl raises whatever it stumbles over
        raise BroughtError(f"{where}: its shapes are not SHACL: {_first_line(error)}") from error
    action = Action("try", 0, "fine_tune", "text-classification", "none", BaseFacts("none", ""))
    for said in GuardedRules(as_native(graph), [], seconds=TRY_SECONDS).check(describe(action)):
        if said.source == UNJUDGED:
            raise BroughtError(f"{where}: rule {said.name}: {said.message}")


def _declared(graph: Graph) -> str:
    """The file's own sh:declare prefixes; those of queries are known anyway."""
    from rdflib import URIRef

    prefix, namespace = URIRef(SHACL + "prefix"), URIRef(SHACL + "namespace")
    said = {str(p): str(graph.value(node, namespace)) for node, p in graph.subject_objects(prefix)}
    ours = {p: iri for p, iri in said.items() if PREFIXES.get(p) != iri}
    return "".join(f"PREFIX {p}: <{iri}> " for p, iri in ours.items())


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
