"""Which SPARQL may be asked, and what can be asked about.

Queries come from a language model, so they are judged on their parse tree: only
reading, only this store, no network. The evaluation itself runs in a child
process (see query_process.py), which can be stopped for certain.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import StoreError
from .namespaces import EXPERIMENTS_GRAPH, ONTOLOGY_GRAPH, PREFIXES, RECIPES_GRAPH

if TYPE_CHECKING:
    from rdflib import Graph

MAX_QUERY_LENGTH = 4000
ONTOLOGY_FILE = Path(__file__).with_name("ontology.ttl")
_ALLOWED_FORMS = ("SelectQuery", "AskQuery", "ConstructQuery")
_FORBIDDEN = {
    "ServiceGraphPattern": "SERVICE asks another server; only this store can be asked. Remove it.",
    "DatasetClause": "FROM loads other data; use GRAPH ?g { … } to choose a graph instead.",
}
_FORMS = "Write one SELECT, ASK or CONSTRUCT query."


class QueryRefused(StoreError):
    """A query that may not or cannot be run; the message says how to change it."""


def check_query(text: str) -> None:
    """Refuse everything but SELECT, ASK and CONSTRUCT over the store itself.

    Raises:
        QueryRefused: The text is too long, does not parse, uses an unknown prefix,
            changes data, or reaches outside (SERVICE, FROM), at whatever depth.
    """
    checked_query(text)


def checked_query(text: str) -> str:
    """Return the text to evaluate, once `check_query` has nothing against it."""
    from rdflib.plugins.sparql.algebra import translateQuery
    from rdflib.plugins.sparql.parser import parseQuery

    plain = _one_reading(text)
    try:
        tree = parseQuery(plain)
        form = tree[1].name
    except RecursionError:
        raise QueryRefused("The query has too many parts; make it smaller.") from None
    except Exception as error:
        raise QueryRefused(_unparsed(plain, error)) from error
    if form not in _ALLOWED_FORMS:
        raise QueryRefused(f"{form.removesuffix('Query').upper()} is not allowed here. {_FORMS}")
    for name in _names(tree):
        if name in _FORBIDDEN:
            raise QueryRefused(_FORBIDDEN[name])
    try:
        translateQuery(tree, initNs=PREFIXES)
    except RecursionError:
        raise QueryRefused("The query has too many parts; make it smaller.") from None
    except Exception as error:
        raise QueryRefused(_untranslated(error)) from error
    return plain


def _one_reading(text: str) -> str:
    r"""Return the text with nothing in it that two parsers could read differently.

    The judging parser expands \u escapes before it looks for strings and ends a
    comment at a line feed only; the evaluating one does neither. Either difference
    could hide a SERVICE from the judge.
    """
    if len(text) > MAX_QUERY_LENGTH:
        raise QueryRefused(
            f"The query has {len(text)} characters, {MAX_QUERY_LENGTH} are allowed; shorten it."
        )
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\\u" in plain.lower():
        raise QueryRefused(r"Escapes like \u0041 are not allowed; write the character itself.")
    for character in plain:
        if not character.isprintable() and character not in "\n\t ":
            raise QueryRefused(
                f"The query holds the invisible character U+{ord(character):04X}; remove it."
            )
    return plain


def _names(node: Any) -> Iterator[str]:
    """Walk a parse tree, whatever it nests in, and yield the name of every node."""
    from pyparsing import ParseResults
    from rdflib.plugins.sparql.parserutils import CompValue

    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, CompValue):
            yield str(item.name)
            stack.extend(item.values())
        elif isinstance(item, (ParseResults, list, tuple, set)):
            # A ParseResults also passes for a Mapping, whose values lack most children.
            stack.extend(item)
        elif item is not None and not isinstance(item, (str, int)):
            raise QueryRefused(f"The query cannot be judged: it holds a {type(item).__name__}.")


def _unparsed(text: str, error: Exception) -> str:
    first = next(iter(text.split()), "nothing").upper()
    if first in ("INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "COPY", "MOVE", "ADD"):
        return f"{first} changes data, which is not allowed here. {_FORMS}"
    return f"The query is not SPARQL 1.1: {str(error).splitlines()[0]}. {_FORMS}"


def _untranslated(error: Exception) -> str:
    reason = str(error)
    if "Unknown namespace prefix" in reason:
        known = ", ".join(f"{prefix}:" for prefix in PREFIXES)
        prefix = reason.split(":", 1)[1].strip()
        return f"Unknown prefix {prefix}: — known are {known}; declare others with PREFIX."
    return f"The query does not make sense: {reason}."


@lru_cache(maxsize=1)
def schema_digest() -> str:
    """Describe the vocabulary in at most 25 lines, for prompts; made from ontology.ttl."""
    from rdflib import OWL, RDF, RDFS, Graph, URIRef

    graph = Graph().parse(ONTOLOGY_FILE)
    for prefix, iri in PREFIXES.items():
        graph.bind(prefix, iri, replace=True)
    included = URIRef("https://schema.org/domainIncludes")
    lines = [
        f"Prefixes (predeclared): {', '.join(f'{prefix}:' for prefix in PREFIXES)}. "
        "Patterns match all graphs together; GRAPH <…> { } chooses one of",
        f"<{RECIPES_GRAPH}>, <{EXPERIMENTS_GRAPH}>, <{ONTOLOGY_GRAPH}>.",
    ]
    for cls in graph.subjects(RDF.type, OWL.Class):  # in the order of the file
        fields = [_field(graph, p) for p in graph.subjects(included, cls)]
        comment = graph.value(cls, RDFS.comment)
        lines.append(f"{_short(graph, cls)} ({comment}): {', '.join(sorted(fields))}")
    return "\n".join(lines)


def _field(graph: Graph, predicate: Any) -> str:
    """Write a property as `t:forTask -> t:Task` or `t:rung (integer)`."""
    from rdflib import RDFS, XSD

    target = graph.value(predicate, RDFS.range)
    name = _short(graph, predicate)
    if target is None or target == RDFS.Literal:
        return name
    if str(target).startswith(str(XSD)):
        return name if target == XSD.string else f"{name} ({str(target)[len(str(XSD)) :]})"
    return f"{name} -> {_short(graph, target)}"


def _short(graph: Graph, iri: Any) -> str:
    return str(graph.namespace_manager.normalizeUri(iri))
