"""Read what a domain graph says of a dataset's labels.

Labels are matched to nodes by skos:notation, skos:prefLabel, rdfs:label, t:name,
skos:altLabel and skos:hiddenLabel, in this order, whatever their case and gaps; labels
without a node are told, and knowledge of the others holds without them.

| said in the graph | what it means here |
|---|---|
| skos:broader (skos:narrower), rdfs:subClassOf, rdf:type of an individual | what stands above |
| skos:definition, skos:scopeNote, rdfs:comment, dcterms:description, other names | descriptions |
| owl:disjointWith, owl:AllDisjointClasses, t:excludes | mutual exclusion, also of all below |
| skos:broader, rdfs:subClassOf, t:implies between labels | implication |
| rdfs:domain, rdfs:range (owl:unionOf), schema:domainIncludes, schema:rangeIncludes | types |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from ...evals.measures.relations import relation
from ...memory.namespaces import TUNEOS
from .facts import MOST_ENTRIES, DomainFacts, Entry, Node, Pair, Signature, folded, phrase_key

if TYPE_CHECKING:
    from rdflib import Graph

DEEPEST = 30
LONGEST_TEXT = 600  # characters of a description
LONGEST_PHRASE = 8  # words
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_SKOS = "http://www.w3.org/2004/02/skos/core#"
_OWL = "http://www.w3.org/2002/07/owl#"
_DCTERMS = "http://purl.org/dc/terms/"
_SCHEMA = "https://schema.org/"
_NAMES = (
    _SKOS + "notation",
    _SKOS + "prefLabel",
    _RDFS + "label",
    TUNEOS + "name",
    _SKOS + "altLabel",
    _SKOS + "hiddenLabel",
)
_TEXTS = (
    _SKOS + "definition",
    _SKOS + "scopeNote",
    _RDFS + "comment",
    _DCTERMS + "description",
)
_ABOVE = (_SKOS + "broader", _RDFS + "subClassOf")
_SCHEME = {  # types that say what a node is in the vocabulary, not in the world
    _SKOS + "Concept",
    _SKOS + "ConceptScheme",
    _OWL + "Class",
    _OWL + "NamedIndividual",
    _OWL + "Thing",
    _OWL + "ObjectProperty",
    _RDFS + "Class",
    _RDF + "Property",
}


def read_domain(graph: Graph, task: str, labels: Sequence[str]) -> DomainFacts:
    """Gather what speaks of the labels.

    Args:
        graph: The user's; not modified.
        task: One of `datasets.types.TASKS`.
        labels: Of the training rows; entity types for token-classification, directed relations
            for relation-extraction.
    """
    if not len(graph):
        return DomainFacts(unmatched=tuple(labels))
    return _Reader(graph, task, labels).facts()


class _Reader:
    """The graph with its indices, built once."""

    def __init__(self, graph: Graph, task: str, labels: Sequence[str]) -> None:
        self.graph, self.task = graph, task
        self.wanted = {label: _bare(label, task) for label in labels}
        self.nodes = _by_name(graph)
        self.up = _upward(graph)
        self.matched = {
            label: node
            for label, name in self.wanted.items()
            if (node := self.nodes.get(folded(name))) is not None
        }

    def facts(self) -> DomainFacts:
        matched, graph = self.matched, self.graph
        above = {label: self.ancestors(node) for label, node in matched.items()}
        more: dict[str, Any] = {}
        if self.task == "multi-label-classification":
            more = {
                "exclusions": tuple(self.exclusions(above)),
                "implications": tuple(self.implications(above)),
            }
        elif self.task == "relation-extraction":
            signatures = {_bare(x, self.task): self.signature(n) for x, n in matched.items()}
            signatures = {x: s for x, s in signatures.items() if s.domain or s.range}
            more = {"signatures": signatures}
            if signatures:
                more |= {"entries": self.entries(None), "types": self.types()}
        elif self.task == "token-classification":
            more = {"entries": self.entries({node: label for label, node in matched.items()})}
        if self.task in {"text-classification", "multi-label-classification"}:
            more["ancestors"] = {
                label: tuple(Node(iri=str(n), name=_name(graph, n)) for n in nodes)
                for label, nodes in above.items()
                if nodes
            }
            more["descriptions"] = {
                label: tuple(_said(graph, node, self.wanted[label]))
                for label, node in matched.items()
            }
        return DomainFacts(
            labels={label: str(node) for label, node in matched.items()},
            unmatched=tuple(x for x in self.wanted if x not in matched),
            **more,
        )

    def ancestors(self, node: Any) -> list[Any]:
        """Everything above a node, the nearest first; circles end where they close."""
        found: dict[Any, None] = {}
        edge = [node]
        for _ in range(DEEPEST):
            edge = sorted({up for n in edge for up in self.up.get(n, ())} - {node, *found})
            if not edge:
                break
            found |= dict.fromkeys(edge)
        return list(found)

    def exclusions(self, above: dict[str, list[Any]]) -> Iterator[Pair]:
        """Pairs of labels that are disjoint themselves or below disjoint nodes."""
        disjoint = _disjoint(self.graph)
        chains = {label: [self.matched[label], *above[label]] for label in above}
        for first, second in combinations(sorted(chains), 2):
            if any(n in chains[second] for n in chains[first][:1]) or any(
                n in chains[first] for n in chains[second][:1]
            ):
                continue  # one stands above the other
            said = next(
                ((a, b) for a in chains[first] for b in chains[second] if (a, b) in disjoint), None
            )
            if said is not None:
                yield Pair(first=first, second=second, iris=(str(said[0]), str(said[1])))

    def implications(self, above: dict[str, list[Any]]) -> Iterator[Pair]:
        """Pairs of labels of which the first is a kind of the second, or is said to imply it."""
        from rdflib import URIRef

        label_of = {node: label for label, node in self.matched.items()}
        for label, node in sorted(self.matched.items()):
            said = [*above[label], *self.graph.objects(node, URIRef(TUNEOS + "implies"))]
            for other in dict.fromkeys(said):
                if label_of.get(other, label) != label:
                    iris = (str(node), str(other))
                    yield Pair(first=label, second=label_of[other], iris=iris)

    def signature(self, node: Any) -> Signature:
        """The types a relation joins; with each all that may stand for it."""
        ends = {
            "domain": (_RDFS + "domain", _SCHEMA + "domainIncludes"),
            "range": (_RDFS + "range", _SCHEMA + "rangeIncludes"),
        }
        found = {
            end: tuple(sorted({str(t) for t in _classes(self.graph, node, said)}))
            for end, said in ends.items()
        }
        return Signature(iri=str(node), **found)

    def types(self) -> dict[str, tuple[str, ...]]:
        """Types by name, each with what stands above it."""
        used = {up for ups in self.up.values() for up in ups}
        return {
            name: tuple(str(n) for n in (node, *self.ancestors(node)))
            for name, node in self.nodes.items()
            if node in used
        }

    def entries(self, label_of: dict[Any, str] | None) -> dict[str, Entry]:
        """Phrases that name something below a type.

        Args:
            label_of: Type -> label; None takes the IRIs of all types.
        """
        found: dict[str, Entry] = {}
        kinds: dict[Any, tuple[str, ...]] = {}
        for node, names in _names(self.graph):
            if node not in kinds:
                above = self.ancestors(node)
                kinds[node] = (
                    tuple(str(n) for n in above)
                    if label_of is None
                    else tuple(dict.fromkeys(label_of[n] for n in above if n in label_of))
                )
            types = kinds[node]
            if not types or (label_of is not None and node in label_of):
                continue
            for name in names:
                key = phrase_key(name)
                if len(key) < 2 or key.count(" ") >= LONGEST_PHRASE:
                    continue
                cased, before = name[:1].isupper(), found.get(key)
                if before is not None:
                    both = tuple(dict.fromkeys((*before.types, *types)))
                    cased = cased and before.cased
                    found[key] = Entry(types=both, iri=before.iri, cased=cased)
                elif len(found) < MOST_ENTRIES:
                    found[key] = Entry(types=types, iri=str(node), cased=cased)
        return found


def _bare(label: str, task: str) -> str:
    return relation(label) or label if task == "relation-extraction" else label


def _by_name(graph: Graph) -> dict[str, Any]:
    """Folded name -> node; of several nodes the one that says it more plainly, then by IRI."""
    from rdflib import URIRef

    found: dict[str, Any] = {}
    for predicate in _NAMES:
        here: dict[str, Any] = {}
        for node, name in graph.subject_objects(URIRef(predicate)):
            key = folded(str(name))
            if isinstance(node, URIRef) and (key not in here or str(node) < str(here[key])):
                here[key] = node
        found = {**here, **found}
    return found


def _names(graph: Graph) -> Iterator[tuple[Any, list[str]]]:
    from rdflib import URIRef

    found: dict[Any, list[str]] = defaultdict(list)
    for predicate in _NAMES[1:]:
        for node, name in graph.subject_objects(URIRef(predicate)):
            found[node].append(str(name))
    for node in sorted(found, key=str):
        yield node, sorted(set(found[node]))


def _upward(graph: Graph) -> dict[Any, set[Any]]:
    """Node -> the nodes right above it."""
    from rdflib import URIRef

    found: dict[Any, set[Any]] = defaultdict(set)
    for predicate in _ABOVE:
        for low, high in graph.subject_objects(URIRef(predicate)):
            if isinstance(high, URIRef):
                found[low].add(high)
    for high, low in graph.subject_objects(URIRef(_SKOS + "narrower")):
        if isinstance(high, URIRef):
            found[low].add(high)
    for low, kind in graph.subject_objects(URIRef(_RDF + "type")):
        if isinstance(kind, URIRef) and str(kind) not in _SCHEME:
            found[low].add(kind)
    return found


def _disjoint(graph: Graph) -> set[tuple[Any, Any]]:
    """Pairs of nodes, both ways round."""
    from rdflib import URIRef
    from rdflib.collection import Collection

    found: set[tuple[Any, Any]] = set()
    for predicate in (_OWL + "disjointWith", TUNEOS + "excludes"):
        found |= set(graph.subject_objects(URIRef(predicate)))
    for whole in graph.subjects(URIRef(_RDF + "type"), URIRef(_OWL + "AllDisjointClasses")):
        for members in graph.objects(whole, URIRef(_OWL + "members")):
            found |= set(combinations(list(Collection(graph, members)), 2))
    return found | {(b, a) for a, b in found}


def _classes(graph: Graph, node: Any, predicates: Iterable[str]) -> Iterator[Any]:
    """The classes that a property's end names, unions taken apart."""
    from rdflib import BNode, URIRef
    from rdflib.collection import Collection

    for predicate in predicates:
        for found in graph.objects(node, URIRef(predicate)):
            if isinstance(found, BNode):
                for union in graph.objects(found, URIRef(_OWL + "unionOf")):
                    yield from (m for m in Collection(graph, union) if isinstance(m, URIRef))
            elif isinstance(found, URIRef):
                yield found


def _said(graph: Graph, node: Any, label: str) -> Iterator[str]:
    """Names other than the label's own, and definitions; each cut where it runs on."""
    from rdflib import URIRef

    for predicate in (*_NAMES[1:], *_TEXTS):
        for text in sorted(str(t) for t in graph.objects(node, URIRef(predicate))):
            plain = " ".join(text.split())[:LONGEST_TEXT]
            if plain and folded(plain) != folded(label):
                yield plain


def _name(graph: Graph, node: Any) -> str:
    """What people call a node: its own name, or the end of its IRI."""
    from rdflib import URIRef

    for predicate in (_SKOS + "prefLabel", _RDFS + "label", TUNEOS + "name", _SKOS + "notation"):
        names = sorted(str(n) for n in graph.objects(node, URIRef(predicate)))
        if names:
            return " ".join(names[0].split())[:120]
    return str(node).rstrip("/#").rsplit("/", 1)[-1].rsplit("#", 1)[-1][:120]
