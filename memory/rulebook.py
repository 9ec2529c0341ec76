"""Rules over a proposed action: SHACL shapes, evaluated on a graph that describes it.

The background (ontology, recipes, rules, what the user brought) is closed under OWL-RL
once; each action is put beside it, closed under its vocabulary, judged, and taken away.
pyshacl validates and hands each SPARQL constraint to Oxigraph, which is some fifty times
faster at it than rdflib; shapes are compiled once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .namespaces import DCTERMS, PREFIXES, SHACL, TUNEOS
from .sources import as_rdflib

if TYPE_CHECKING:
    from pyoxigraph import Triple
    from rdflib import Graph
    from rdflib.term import Node

Severity = Literal["veto", "ask", "note"]
MOST_INFERRED = 20_000  # triples of the background; a larger one is taken as it is
MOST_FOUND = 20  # violations of one action
_PREFIXES = TUNEOS + "prefixes"
_TBOX = ("http://www.w3.org/2000/01/rdf-schema#", "http://www.w3.org/2002/07/owl#")
_SEVERITIES: dict[str, Severity] = {
    SHACL + "Info": "note",
    SHACL + "Warning": "note",
    TUNEOS + "Approval": "ask",
}


@dataclass(frozen=True)
class Violation:
    """What a rule says of an action.

    Attributes:
        rule: IRI of the shape.
        name: Its label, or the end of its IRI.
        message: In the rule's own words.
        severity: "veto" forbids, "ask" wants a person's yes, "note" is only said.
        evidence: IRIs and values that it rests on.
        source: Where the rule comes from; "" where it does not say.
    """

    rule: str
    name: str
    message: str
    severity: Severity = "veto"
    evidence: tuple[str, ...] = ()
    source: str = ""

    def __str__(self) -> str:
        """The rule's words with its name and evidence, in a line."""
        shown = "; ".join(self.evidence[:3])
        return f"{self.message} (rule {self.name}{f'; {shown}' if shown else ''})"


class RuleBook:
    """Rules ready to judge actions.

    Args:
        rules: The shapes, and facts that they go by.
        background: What is known besides: ontology, recipes, domain.
    """

    def __init__(self, rules: Iterable[Triple], background: Iterable[Triple]) -> None:
        import pyoxigraph
        from pyshacl.graph_abstraction import DataGraph
        from pyshacl.validator import Validator

        shapes = as_rdflib(rules)
        self._rules, compiled_shapes = compiled(shapes)
        known = {*as_rdflib(background), *shapes}
        self._store = pyoxigraph.Store()
        self._add(_closed(known) if len(known) <= MOST_INFERRED else known)
        self._vocabulary = _vocabulary(known)
        self._follows = _closed(self._vocabulary)  # from the vocabulary alone
        self._data = _unmeasured(DataGraph.from_oxigraph_store(self._store))
        options = {"inplace": True}
        self._validator = Validator(self._data, shacl_graph=self._rules, options=options)
        self._validator.shacl_graph = compiled_shapes
        self._shapes = compiled_shapes.shapes
        self._lock = threading.Lock()

    def check(
        self, action: Graph, at: Callable[[str], None] = lambda _: None
    ) -> tuple[Violation, ...]:
        """Judge an action.

        Args:
            action: Its description; only shapes that target something in it count.
            at: Told the IRI of each rule before it is evaluated.

        Returns:
            What rules say of it, vetoes first; at most `MOST_FOUND`.
        """
        subjects = set(action.subjects())
        with self._lock:
            added = self._add(_closed([*action, *self._vocabulary]) - self._follows)
            try:
                found = [v for shape in self._shapes for v in self._judged(shape, subjects, at)]
            finally:
                for quad in added:
                    self._store.remove(quad)
        order = ("veto", "ask", "note")
        return tuple(sorted(dict.fromkeys(found), key=lambda v: order.index(v.severity)))[
            :MOST_FOUND
        ]

    def _judged(
        self, shape: Any, subjects: set[Node], at: Callable[[str], None]
    ) -> list[Violation]:
        focus = [node for node in shape.focus_nodes(self._data) if node in subjects]
        if not focus:
            return []
        at(str(shape.node))
        executor = self._validator.make_executor()
        _, reports = shape.validate(executor, self._data, focus=focus)
        return [
            self._violation(shape.node, dict(_plain(t) for t in said)) for _, _, said in reports
        ]

    def _violation(self, shape: Node, said: dict[str, Node]) -> Violation:
        from rdflib import RDFS, Literal, URIRef

        label = self._rules.value(shape, RDFS.label)
        source = self._rules.value(shape, URIRef(DCTERMS + "source"))
        own = self._rules.value(shape, URIRef(SHACL + "severity"))  # else that of its part
        severity = str(own or said.get(SHACL + "resultSeverity") or "")
        value, message = said.get(SHACL + "value"), said.get(SHACL + "resultMessage")
        shown = [value] if isinstance(value, (URIRef, Literal)) else []
        return Violation(
            rule=str(shape),
            name=str(label or str(shape).rpartition("#")[2].rpartition("/")[2]),
            message=str(message or label or shape)[:400],
            severity=_SEVERITIES.get(severity, "veto"),
            evidence=tuple(short(str(v))[:200] for v in shown),
            source=str(source or ""),
        )

    def _add(self, triples: set[tuple[Node, Node, Node]]) -> list[Any]:
        """Put triples into the store; return those that were not there."""
        import pyoxigraph
        from oxrdflib._converter import to_ox

        where = pyoxigraph.DefaultGraph()
        quads = [pyoxigraph.Quad(to_ox(s), to_ox(p), to_ox(o), where) for s, p, o in triples]
        new = [quad for quad in quads if quad not in self._store]
        self._store.extend(new)
        return new


def _unmeasured(graph: Any) -> Any:
    """Spare a graph that pyshacl asks again and again whether it is empty the counting."""
    kind = type(graph)
    graph.__class__ = type(kind.__name__, (kind,), {"__bool__": lambda _: True})
    return graph


def listed(rules: Graph) -> tuple[Violation, ...]:
    """Every rule with the words that it would use, by name."""
    from rdflib import RDF, RDFS, URIRef

    found = []
    for shape in rules.subjects(RDF.type, URIRef(SHACL + "NodeShape")):
        if not isinstance(shape, URIRef):
            continue
        inner = [URIRef(SHACL + part) for part in ("sparql", "property")]
        nodes = [shape, *(node for part in inner for node in rules.objects(shape, part))]
        words = [rules.value(node, URIRef(SHACL + "message")) for node in nodes]
        severity = rules.value(shape, URIRef(SHACL + "severity"))
        label = rules.value(shape, RDFS.label)
        found.append(
            Violation(
                rule=str(shape),
                name=str(label or str(shape).rpartition("#")[2].rpartition("/")[2]),
                message=" / ".join(sorted(str(w) for w in words if w is not None))[:120],
                severity=_SEVERITIES.get(str(severity), "veto"),
                source=str(rules.value(shape, URIRef(DCTERMS + "source")) or ""),
            )
        )
    return tuple(sorted(found, key=lambda v: v.name))


def compiled(rules: Iterable[tuple[Any, Any, Any]]) -> tuple[Graph, Any]:
    """A copy of the shapes with the prefixes of queries declared, and pyshacl's reading of it.

    Raises:
        Exception: Of pyshacl's many kinds: they are not SHACL.
    """
    from pyshacl.shapes_graph import ShapesGraph
    from rdflib import Graph

    shapes = Graph()
    for triple in rules:
        shapes.add(_typed(triple))
    _declare_prefixes(shapes)
    read = ShapesGraph(shapes)
    for shape in read.shapes:
        shape.target()
    return shapes, read


def _typed(triple: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    """Give strings that values are compared with the type that the store gives to all strings."""
    from rdflib import RDF, XSD, Literal, URIRef

    s, p, o = triple
    plain = isinstance(o, Literal) and o.datatype is None and o.language is None
    if plain and p in (RDF.first, URIRef(SHACL + "hasValue")):
        return s, p, Literal(str(o), datatype=XSD.string)
    return triple


def short(iri: str) -> str:
    """Write an IRI with its prefix where it has one."""
    for prefix, start in PREFIXES.items():
        if iri.startswith(start):
            return f"{prefix}:{iri[len(start) :]}"
    return iri


def _plain(triple: tuple[Any, Any, Any]) -> tuple[str, Any]:
    """A report's predicate and object; pyshacl pairs some objects with where they are from."""
    _, predicate, found = triple
    return str(predicate), found[1] if isinstance(found, tuple) else found


def _declare_prefixes(shapes: Graph) -> None:
    """Let every SPARQL constraint use the prefixes that queries may use.

    They are written into the query; pyshacl would collect declared ones for each action anew.
    A constraint with declarations of its own gets ours as declarations, so that its own count.
    """
    from rdflib import RDF, XSD, BNode, Literal, URIRef

    names = ("select", "prefixes", "declare", "prefix", "namespace")
    sh = {name: URIRef(SHACL + name) for name in names}
    home = URIRef(_PREFIXES)
    known = "".join(f"PREFIX {prefix}: <{iri}>\n" for prefix, iri in PREFIXES.items())
    for node, query in [*shapes.subject_objects(sh["select"])]:
        if (node, sh["prefixes"], None) in shapes:
            shapes.add((node, sh["prefixes"], home))
        else:
            shapes.set((node, sh["select"], Literal(known + str(query))))
    shapes.add((home, RDF.type, URIRef("http://www.w3.org/2002/07/owl#Ontology")))
    for prefix, iri in PREFIXES.items():
        node = BNode()
        shapes.add((home, sh["declare"], node))
        shapes.add((node, sh["prefix"], Literal(prefix)))
        shapes.add((node, sh["namespace"], Literal(iri, datatype=XSD.anyURI)))


def _closed(triples: Iterable[tuple[Any, Any, Any]]) -> set[tuple[Any, Any, Any]]:
    """The triples with what follows from it by OWL-RL."""
    import reasonable
    from rdflib import Literal

    reasoner = reasonable.PyReasoner()
    given = list(triples)
    reasoner.from_graph(given)
    inferred = {t for t in reasoner.reason() if not isinstance(t[0], Literal)}
    return inferred | set(given)


def _vocabulary(triples: Iterable[tuple[Any, Any, Any]]) -> set[tuple[Any, Any, Any]]:
    """The part that says what follows from what: subclasses, subproperties, domains, ranges."""
    from rdflib import RDF

    found = set()
    for triple in triples:
        about = str(triple[2] if triple[1] == RDF.type else triple[1])
        telling = about.startswith(_TBOX) and not about.endswith(("#label", "#comment"))
        if telling:
            found.add(triple)
    return found
