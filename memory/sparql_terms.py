"""The classes and properties that a query names, and what somebody may have meant by one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .namespaces import PREFIXES

if TYPE_CHECKING:
    from rdflib.plugins.sparql.sparql import Query


def terms_of(query: Query) -> tuple[str, ...]:
    """Return the IRIs of the properties and classes that a query asks for, each once."""
    from rdflib import RDF, URIRef

    found: dict[str, None] = {}
    for triple in _triples(query.algebra):
        _, predicate, target = triple
        named = list(_properties(predicate))
        found.update(dict.fromkeys(map(str, named)))
        if RDF.type in named and isinstance(target, URIRef):
            found[str(target)] = None
    return tuple(found)


def short_name(iri: str) -> str:
    """Write an IRI with its prefix where it has a known one."""
    for prefix, base in PREFIXES.items():
        if iri.startswith(base):
            return f"{prefix}:{iri[len(base) :]}"
    return f"<{iri}>"


def near(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Return the known names that are written much like this one, the nearest first."""
    folded = {k.lower(): k for k in known}
    close = difflib.get_close_matches(name.lower(), folded, n=most, cutoff=0.7)
    return [folded[k] for k in close]


def said_in(iri: str) -> list[str]:
    """Return all names of the well-known vocabulary that an IRI claims to be from."""
    import rdflib

    vocabularies = {
        "prov": rdflib.PROV, "skos": rdflib.SKOS, "dcterms": rdflib.DCTERMS, "sh": rdflib.SH,
        "owl": rdflib.OWL, "rdf": rdflib.RDF, "rdfs": rdflib.RDFS,
    }  # fmt: skip
    prefix = short_name(iri).partition(":")[0]
    names = getattr(vocabularies.get(prefix), "__annotations__", {})
    return [f"{prefix}:{name}" for name in names if not name.startswith("_")]


def _triples(node: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Walk the algebra, and yield the triples of its patterns."""
    from rdflib.plugins.sparql.parserutils import CompValue

    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, CompValue):
            if item.name in ("BGP", "TriplesBlock"):  # the latter inside EXISTS
                yield from (triple for triple in item.triples if len(triple) == 3)
            stack.extend(value for key, value in item.items() if key not in ("_vars", "template"))
        elif isinstance(item, (list, tuple, set)):
            stack.extend(item)


def _properties(path: Any) -> Iterator[Any]:
    """The properties that a path is made of; itself where it is one."""
    from rdflib import URIRef

    if isinstance(path, URIRef):
        yield path
        return
    for part in (
        *getattr(path, "args", ()),
        getattr(path, "arg", None),
        getattr(path, "path", None),
    ):
        if part is not None:
            yield from _properties(part)
