"""Which SPARQL may be asked, and what can be asked about.

Queries come from a language model, so they are judged on their parse tree: only
reading, only this store, no network. The evaluation itself runs in a child
process (see query_process.py), which can be stopped for certain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import StoreError
from .namespaces import (
    DOMAIN_GRAPH,
    EXPERIMENTS_GRAPH,
    ONTOLOGY_GRAPH,
    PREFIXES,
    RECIPES_GRAPH,
    RULES_GRAPH,
    TUNEOS,
)
from .sparql_terms import near, said_in, short_name, terms_of

if TYPE_CHECKING:
    from rdflib import Graph

MAX_QUERY_LENGTH = 4000
ONTOLOGY_FILE = Path(__file__).with_name("ontology.ttl")
_ALLOWED_FORMS = ("SelectQuery", "AskQuery", "ConstructQuery")
_FORBIDDEN = {
    "ServiceGraphPattern": "SERVICE asks another server; only this store can be asked. Remove it.",
    "DatasetClause": "FROM loads other data; use GRAPH ?g { … } to choose a graph instead.",
}
_SAFE_NESTING = 60
_BARE_STRINGS = re.compile(r"""<[^<>\s]*>|"[^"\n]*"|'[^'\n]*'|#.*""")
_FUNCTIONS = "COUNT|SUM|AVG|MIN|MAX|SAMPLE|GROUP_CONCAT"
_OFTEN = tuple(
    (re.compile(pattern, re.IGNORECASE), hint)
    for pattern, hint in (
        (rf"SELECT\b[^{{(]*\s({_FUNCTIONS})\s*\(", "write (COUNT(?x) AS ?n), in brackets, with AS"),
        (rf"SELECT\b[^{{]*\(\s*({_FUNCTIONS})\s*\([^()]*\)\s*\)", "a function needs AS ?name"),
        (r"SELECT\b[^{(]*\?\w+\s*,", "variables are separated by spaces, not commas"),
        (r"\sa\s+[A-Za-z]\w*\s*[;.}\]]", "a bare word is no name: write t:Word"),
        (r"\b(LIMIT|OFFSET)\s+(?!\d)", "LIMIT and OFFSET take a whole number"),
        (r"\bFILTER\s+\?", "FILTER needs brackets: FILTER (?x > 3)"),
    )
)
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


@dataclass(frozen=True)
class CheckedQuery:
    """A query that may be run; `terms` are the properties and classes it names, as IRIs."""

    text: str
    terms: tuple[str, ...]


@lru_cache(maxsize=64)
def checked_query(text: str) -> CheckedQuery:
    """Return the query to evaluate, once `check_query` has nothing against it."""
    from rdflib.plugins.sparql.algebra import translateQuery

    plain = _one_reading(text)
    tree = _judged(plain)
    try:
        query = translateQuery(tree, initNs=PREFIXES)
        return CheckedQuery(plain, terms_of(query))
    except RecursionError:
        raise QueryRefused("The query has too many parts; make it smaller.") from None
    except Exception as error:
        raise QueryRefused(_untranslated(error)) from error


def check_rule_query(text: str) -> None:
    """Refuse a query inside a rule that is none or would reach outside.

    Its prefixes are declared elsewhere, so they are not judged.

    Raises:
        QueryRefused: It does not parse, changes data, or holds SERVICE or FROM.
    """
    plain = _one_reading(text)
    _judged(plain.replace("$PATH", "t:path"))


def _judged(plain: str) -> Any:
    """Return the parse tree of a query that only reads, and only here."""
    from rdflib.plugins.sparql.parser import parseQuery

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
    return tree


def refuse_long(text: str) -> None:
    """Refuse a query of more characters than are judged in reasonable time."""
    if len(text) > MAX_QUERY_LENGTH:
        raise QueryRefused(
            f"The query has {len(text)} characters, {MAX_QUERY_LENGTH} are allowed; shorten it."
        )


def _one_reading(text: str) -> str:
    r"""Return the text with nothing in it that two parsers could read differently.

    The judging parser expands \u escapes before it looks for strings and ends a
    comment at a line feed only; the evaluating one does neither. Either difference
    could hide a SERVICE from the judge.
    """
    refuse_long(text)
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


def refuse_unknown(unknown: Sequence[str]) -> str:
    """Refuse terms of our vocabulary that there are not; return a remark on other ones.

    Args:
        unknown: IRIs of properties and classes that occur nowhere in the graph.

    Raises:
        QueryRefused: One is in our namespace and not in the ontology either.
    """
    ours = _vocabulary()
    remarks = []
    for iri in unknown:
        name = short_name(iri)
        if iri.startswith(TUNEOS) and name not in ours:
            hint = " or ".join(near(name, ours)) or "one of the schema's"
            raise QueryRefused(f"There is no {name} in the graph; did you mean {hint}?")
        close = near(name, set(said_in(iri)) | ours)
        remarks.append(
            f"{name} occurs nowhere in the graph"
            + (f" (near: {', '.join(close)})" if close and name not in close else "")
        )
    return "; ".join(remarks)


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    """The names that ontology.ttl speaks of."""
    from rdflib import Graph

    graph = Graph().parse(ONTOLOGY_FILE)
    return frozenset(short_name(str(s)) for s in graph.subjects(unique=True))


def _unparsed(text: str, error: Exception) -> str:
    first = next(iter(text.split()), "nothing").upper()
    if first in ("INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "COPY", "MOVE", "ADD"):
        return f"{first} changes data, which is not allowed here. {_FORMS}"
    where = _breaks_off(text) or str(error).splitlines()[0]
    return f"The query is not SPARQL 1.1: {where}. {_FORMS}"


def _breaks_off(text: str) -> str:
    """Say where a query stops making sense, and what is often wrong there; or nothing."""
    place = _furthest(text)
    if place is None:
        return ""
    lines = text.splitlines()
    line, column = place
    here = lines[line - 1] if line <= len(lines) else ""
    while 1 < column <= len(here) and (here[column - 2 : column]).isalnum():
        column -= 1  # to the beginning of the word
    rest = here[column - 1 :]
    at = f"it breaks off at line {line}, column {column}"
    at += f", before {rest[:30]!r}" if rest.strip() else ", where more was expected"
    bare = _BARE_STRINGS.sub('""', text)
    hints = [hint for pattern, hint in _OFTEN if pattern.search(bare)]
    hints += [
        f"there are {bare.count(left)} {left} but {bare.count(right)} {right}"
        for left, right in ("()", "{}", "[]")
        if bare.count(left) != bare.count(right)
    ]
    return "; ".join((at, *hints[:2]))


def _furthest(text: str) -> tuple[int, int] | None:
    """Line and column that the evaluating parser gets to; its words say less than its place."""
    from pyoxigraph import Store

    if max(text.count(c) for c in "({[") > _SAFE_NESTING or "service" in text.lower():
        return None  # it recurses, in native code; and only its parser is wanted
    try:
        Store().query(text, prefixes=PREFIXES)
    except SyntaxError as error:
        found = re.search(r"at (\d+):(\d+)", str(error))
        return (int(found[1]), int(found[2])) if found else None
    except Exception:
        return None
    return None


def _untranslated(error: Exception) -> str:
    reason = str(error)
    if "Unknown namespace prefix" in reason:
        known = ", ".join(f"{prefix}:" for prefix in PREFIXES)
        prefix = reason.split(":", 1)[1].strip()
        close = near(prefix, PREFIXES, 1)
        meant = f"did you mean {close[0]}:? Known" if close else "known"
        return f"Unknown prefix {prefix}: — {meant} are {known}; declare others with PREFIX."
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
        f"<{RECIPES_GRAPH}>, <{EXPERIMENTS_GRAPH}>, <{ONTOLOGY_GRAPH}>, <{RULES_GRAPH}> and",
        f"<{DOMAIN_GRAPH}>, which holds what the user loaded.",
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
