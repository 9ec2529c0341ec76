"""What stands around a node of the graph: its links both ways, so far and so many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from .namespaces import SKOS, TUNEOS
from .sparql_terms import near, short_name

if TYPE_CHECKING:
    from pyoxigraph import NamedNode, Store

RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
_NAMING = (SKOS + "prefLabel", LABEL, TUNEOS + "name", TUNEOS + "setting", TUNEOS + "metric")
_FAN = 12  # links of one property and direction that are shown
_VALUE_LENGTH = 200


@dataclass(frozen=True)
class Link:
    """A triple; `target` is an IRI, a blank node or, where `literal`, a text."""

    source: str
    predicate: str
    target: str
    literal: bool = False


@dataclass(frozen=True)
class Neighbourhood:
    """The links around `centre`, nearest first; `left_off` links are not shown.

    Attributes:
        names: What nodes are called, by IRI.
        kinds: Their classes, by IRI.
    """

    centre: str
    links: tuple[Link, ...]
    names: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    left_off: int = 0


def around(store: Store, centre: str, depth: int, most: int) -> Neighbourhood:
    """Collect the links up to `depth` steps from a node, `most` nodes at most."""
    seen, ring = {centre: None}, [centre]
    links: dict[Link, None] = {}
    left_off = 0
    for _ in range(depth):
        following: list[str] = []
        for node in ring:
            found, more = _links(store, node)
            left_off += more
            for link in found:
                other = link.target if link.source == node else link.source
                if not link.literal and other not in seen:
                    if len(seen) >= most:
                        left_off += 1
                        continue
                    seen[other] = None
                    following.append(other)
                links[link] = None
        ring = following
    for node in ring:  # what is said of the outermost, for a setting without its value is none
        links |= dict.fromkeys(link for link in _links(store, node)[0] if link.literal)
    names = {node: name for node in seen if (name := _name(store, node))}
    kinds = {node: kind for node in seen if (kind := _kind(store, node))}
    return Neighbourhood(centre, tuple(links), names, kinds, left_off)


def find_node(store: Store, said: str, prefixes: dict[str, str]) -> tuple[str | None, list[str]]:
    """Find the node that is meant by an IRI, a name with prefix, or a label.

    Returns:
        Its IRI, or None with names that are near.
    """
    from pyoxigraph import Literal, NamedNode

    plain = said.removeprefix("<").removesuffix(">")
    prefix, colon, local = plain.partition(":")
    if colon and prefix in prefixes:
        plain = prefixes[prefix] + local
    try:
        node = NamedNode(plain)
        if occurs(store, node):
            return plain, []
    except ValueError:
        pass  # no IRI: a label, then
    labels: dict[str, list[str]] = {}
    for predicate in (*_NAMING, SKOS + "notation"):
        for quad in islice(store.quads_for_pattern(None, NamedNode(predicate), None, None), 20_000):
            if isinstance(quad.object, Literal) and isinstance(quad.subject, NamedNode):
                labels.setdefault(quad.object.value, []).append(quad.subject.value)
    meant = sorted(set(labels.get(said, ())))
    if len(meant) == 1:
        return meant[0], []
    if meant:
        return None, [short_name(iri) for iri in meant[:8]]
    return None, [f"{name} ({short_name(labels[name][0])})" for name in near(said, labels, 5)]


def occurs(store: Store, node: NamedNode) -> bool:
    """Whether anything is said with or about a term."""
    said = (
        store.quads_for_pattern(None, node, None, None),
        store.quads_for_pattern(None, None, node, None),
        store.quads_for_pattern(node, None, None, None),
    )
    return any(next(found, None) is not None for found in said)


def _links(store: Store, node: str) -> tuple[list[Link], int]:
    """The links of one node, `_FAN` of a kind, and how many there are beyond."""
    from pyoxigraph import Literal

    term = _term(node)
    out: dict[str, list[Link]] = {}
    for quad in store.quads_for_pattern(term, None, None, None):
        if quad.predicate.value != RDF_TYPE:
            target, literal = _text(quad.object), isinstance(quad.object, Literal)
            link = Link(node, quad.predicate.value, target, literal)
            out.setdefault(quad.predicate.value, []).append(link)
    back: dict[str, list[Link]] = {}
    for quad in islice(store.quads_for_pattern(None, None, term, None), 2000):
        if quad.predicate.value != RDF_TYPE:
            link = Link(_text(quad.subject), quad.predicate.value, node)
            back.setdefault(quad.predicate.value, []).append(link)
    groups = [list(dict.fromkeys(group)) for group in (*out.values(), *back.values())]
    shown = [link for group in groups for link in group[:_FAN]]
    return shown, sum(len(group) for group in groups) - len(shown)


def _name(store: Store, node: str) -> str | None:
    from pyoxigraph import Literal, NamedNode

    for predicate in _NAMING:
        found = store.quads_for_pattern(_term(node), NamedNode(predicate), None, None)
        quad = next(found, None)
        if quad is not None and isinstance(quad.object, Literal):
            return quad.object.value[:_VALUE_LENGTH]
    return None


def _kind(store: Store, node: str) -> str | None:
    from pyoxigraph import NamedNode

    quads = store.quads_for_pattern(_term(node), NamedNode(RDF_TYPE), None, None)
    names = sorted({short_name(_text(quad.object)) for quad in quads}, key=_ours_first)
    return names[0] if names else None


def _ours_first(name: str) -> tuple[bool, str]:
    return (not name.startswith("t:"), name)


def _term(node: str) -> Any:
    from pyoxigraph import BlankNode, NamedNode

    return BlankNode(node[2:]) if node.startswith("_:") else NamedNode(node)


def _text(term: Any) -> str:
    from pyoxigraph import Literal, NamedNode

    if isinstance(term, Literal):
        return term.value[:_VALUE_LENGTH]
    return term.value if isinstance(term, NamedNode) else str(term)


def called(here: Neighbourhood, node: str) -> str:
    """What to write for a node: its name, or its short IRI; a dot where it has neither."""
    if node in here.names:
        return here.names[node]
    return "·" if node.startswith("_:") else short_name(node).strip("<>")


def levels(here: Neighbourhood) -> dict[str, int]:
    """How many steps each node stands from the centre; negative where it leads there."""
    level = {here.centre: 0}
    waiting: Iterable[Link] = [link for link in here.links if not link.literal]
    while True:
        rest, moved = [], False
        for link in waiting:
            if link.source in level and link.target not in level:
                level[link.target] = level[link.source] + (1 if level[link.source] >= 0 else -1)
            elif link.target in level and link.source not in level:
                level[link.source] = level[link.target] - (1 if level[link.target] <= 0 else -1)
            else:
                rest.append(link)
                continue
            moved = True
        waiting = rest
        if not moved:
            return level


def as_lines(here: Neighbourhood) -> Iterator[tuple[str, str, str]]:
    """The links as rows for a terminal: node, property, value or node."""
    for link in here.links:
        target = link.target if link.literal else called(here, link.target)
        yield called(here, link.source), short_name(link.predicate), target
