"""What a user brings is held against shapes before it is loaded; problems carry their line."""

from __future__ import annotations

import graphlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .errors import FileRefused
from .namespaces import SHACL, SKOS
from .rdf_files import RdfFile, read_rdf
from .sparql_terms import short_name

if TYPE_CHECKING:
    from rdflib import Graph

SHAPES = Path(__file__).with_name("shapes")
UserGraph = Literal["domain", "rules", "recipes"]
_ASKED = ("select", "ask", "construct", "update")
_SCRIPTS = ("jsLibrary", "jsFunctionName", "jsLibraryURL", "js", "SPARQLTarget")


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong with a file; `line` is 0 where it cannot be told."""

    line: int
    node: str
    said: str

    def __str__(self) -> str:
        return f"{self.node}: {self.said}"


class FileInvalid(FileRefused):
    """A file that reads well but says what it must not; all problems by line."""

    def __init__(self, path: Path, problems: tuple[Problem, ...]) -> None:
        self.path, self.problems = path, problems
        first = problems[0]
        place = f"{path}:{first.line}" if first.line else str(path)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{place}: {first}.{more} Nothing was loaded.")


def check_file(path: Path, graph: UserGraph = "domain") -> RdfFile:
    """Read a file and hold it against the shapes of the graph it is meant for.

    Raises:
        FileRefused: It cannot be read, or is hostile.
        FileInvalid: It breaks shapes.
    """
    file = read_rdf(path)
    if not file.count:
        raise FileRefused(f"{path} says nothing: it holds no triple.")
    problems = sorted(set(problems_of(file, graph)))
    if problems:
        raise FileInvalid(path, tuple(problems))
    return file


def problems_of(file: RdfFile, graph: UserGraph) -> Iterator[Problem]:
    """Yield what is wrong with a file that was read."""
    data = _graph(file)
    yield from _broken_shapes(file, data, SHAPES / f"{graph}.ttl")
    yield from _circles(file, data)
    yield from _unsafe_rules(file, data)


def _graph(file: RdfFile) -> Graph:
    """Put the triples where shapes are checked fast: Oxigraph, in memory."""
    import pyoxigraph
    from oxrdflib import OxigraphStore
    from rdflib import Graph
    from rdflib.graph import DATASET_DEFAULT_GRAPH_ID

    class Counted(OxigraphStore):  # type: ignore[misc]
        def __len__(self, context: Graph | None = None) -> int:
            return file.count  # pyshacl asks three times, and counting takes a second each

    store = pyoxigraph.Store()
    store.bulk_load(file.triples, pyoxigraph.RdfFormat.N_TRIPLES)
    return Graph(Counted(store=store), identifier=DATASET_DEFAULT_GRAPH_ID)


def _broken_shapes(file: RdfFile, data: Graph, shapes: Path) -> Iterator[Problem]:
    import pyshacl
    from rdflib import RDF, SH, Graph

    _, results, said = pyshacl.validate(
        data, shacl_graph=Graph().parse(shapes), inplace=True, inference="none"
    )
    if not isinstance(results, Graph):
        raise FileRefused(f"{file.path} cannot be checked: {said}")
    for result in results.subjects(RDF.type, SH.ValidationResult):
        focus, value = results.value(result, SH.focusNode), results.value(result, SH.value)
        message = str(results.value(result, SH.resultMessage))
        yield _problem(file, data, focus, message, value, results.value(result, SH.resultPath))


def _circles(file: RdfFile, data: Graph) -> Iterator[Problem]:
    """A taxonomy in which something is, in the end, broader than itself."""
    from rdflib import URIRef

    above: dict[Any, set[Any]] = defaultdict(set)
    for concept, broader in data.subject_objects(URIRef(SKOS + "broader")):
        above[concept].add(broader)
    for broader, concept in data.subject_objects(URIRef(SKOS + "narrower")):
        above[concept].add(broader)
    try:
        graphlib.TopologicalSorter(above).prepare()
    except graphlib.CycleError as error:
        circle = error.args[1]
        names = " → ".join(short_name(str(node)) for node in reversed(circle[:6]))
        more = " → …" if len(circle) > 6 else ""
        yield _problem(file, data, circle[-1], f"skos:broader leads in a circle: {names}{more}")


def _unsafe_rules(file: RdfFile, data: Graph) -> Iterator[Problem]:
    """Queries inside rules that would reach outside, and scripts."""
    from rdflib import URIRef

    for form in _ASKED:
        for node, text in data.subject_objects(URIRef(SHACL + form)):
            why = _refused(str(text), form)
            if why:
                yield _problem(file, data, node, f"sh:{form}: {why}", text)
    for name in _SCRIPTS:
        for node in data.subjects(URIRef(SHACL + name)):
            yield _problem(file, data, node, f"sh:{name} would run a program; it is not taken")


def _refused(text: str, form: str) -> str:
    from .sparql import QueryRefused, check_rule_query

    if form == "update":
        return "rules may ask, not change data"
    try:
        check_rule_query(text)
    except QueryRefused as error:
        return str(error).removesuffix(".")
    return ""


def _problem(
    file: RdfFile, data: Graph, node: Any, said: str, value: Any = None, path: Any = None
) -> Problem:
    """Say where: the line of the node, or further down that of the wrong value."""
    from rdflib import BNode, Literal, URIRef

    named = _named(data, node)
    line, shown = 0, "a node without a name"
    if isinstance(named, URIRef):
        line = file.text.line_of(str(named), file.prefixes) or 0
        shown = short_name(str(named))
    if value is None or isinstance(value, BNode) or value == node:
        return Problem(line, shown, said)
    words = next(iter(str(value).splitlines()), "")
    if isinstance(value, Literal) and len(words) <= 60:
        said = f"{said}: {words!r}"
    further = file.text.line_of_value(str(path or ""), words[:80], file.prefixes, max(line, 1))
    return Problem(further or line, shown, said)


def _named(data: Graph, node: Any) -> Any:
    """Climb from a node without a name to the one that leads to it."""
    from rdflib import BNode

    for _ in range(50):
        if not isinstance(node, BNode):
            return node
        above = next(iter(data.subjects(None, node)), None)
        if above is None:
            return node
        node = above
    return node
