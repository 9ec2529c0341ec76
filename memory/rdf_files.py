"""Files that a user brings, read as N-Triples: hostile ones are refused in one line.

The parsers are Oxigraph's, which fetch nothing and read no other file. What they would
take without end (entities that grow, deep nesting, bombs) is stopped before.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import FileRefused
from .namespaces import BROUGHT
from .places import Text
from .skos_table import read_table

if TYPE_CHECKING:
    from pyoxigraph import Quad, RdfFormat

MAX_BYTES = 256 * 2**20
MAX_TRIPLES = 2_000_000
MAX_LITERAL = 100_000
MAX_IRI = 2_000
MAX_PREFIXES = 1_000
MAX_DEPTH = 100
MAX_ENTITIES, MAX_ENTITY = 200, 1_000
SCHEMES = ("http", "https", "urn", "tag", "info", "mailto", "tel")
FORMATS = {
    ".ttl": "TURTLE", ".turtle": "TURTLE", ".nt": "N_TRIPLES", ".rdf": "RDF_XML",
    ".owl": "RDF_XML", ".xml": "RDF_XML", ".jsonld": "JSON_LD", ".json": "JSON_LD",
    ".csv": "CSV", ".tsv": "CSV",
}  # fmt: skip
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_PREFIX = re.compile(rb"\n[ \t]*(?:@prefix|prefix|PREFIX)\s")
# Texts, IRIs and comments, to be skipped as wholes, and brackets. Possessive, so that a
# text of any length takes neither memory nor a second try.
_TOKEN = re.compile(
    rb"""\"\"\"(?:[^"\\]++|\\.|\"(?!\"\"))*+(?:\"\"\")?|'\'\'(?:[^'\\]++|\\.|'(?!''))*+(?:\'\'\')?"""
    rb"""|"(?:[^"\\\n]++|\\.)*+"?|'(?:[^'\\\n]++|\\.)*+'?|<[^<>\s]*+|\#[^\n]*|[][()]""",
    re.DOTALL,
)
_LONG_TEXT = re.compile(rb'"(?:[^"\\\n]|\\.){%d}' % MAX_LITERAL)
_ODD_IRI = re.compile(rb"<(?!https?://)")  # also matches inside texts: then each is judged
_LONG_IRI = re.compile(rb"<[^<>\s]{%d}" % MAX_IRI)
_BINARY = {
    b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz",
    b"\x7fELF": "a program", b"%PDF": "a PDF", b"\x89PNG": "a picture", b"SQLite": "a database",
    b"\x28\xb5\x2f\xfd": "zstd", b"PAR1": "parquet",
}  # fmt: skip


@dataclass(frozen=True)
class RdfFile:
    """A file as read: its triples, and its text to find places in."""

    path: Path
    triples: bytes
    count: int
    text: Text
    prefixes: dict[str, str] = field(default_factory=dict)


def read_rdf(path: Path) -> RdfFile:
    """Read Turtle, N-Triples, RDF/XML, JSON-LD or a SKOS table; `.gz` is unpacked.

    Raises:
        FileRefused: It is none of these, is broken, too large, or hostile.
    """
    kind = _kind(path)
    data = _bytes(path)
    text = Text(path, _decoded(path, data))
    if kind == "CSV":
        return _written(path, read_table(path, text.content), text, {})
    guards = {"RDF_XML": _guard_xml, "JSON_LD": _guard_json, "TURTLE": _guard_turtle}
    guards.get(kind, _guard_lines)(text, data)
    if data.count(b"\n") > 4 * MAX_TRIPLES:
        raise FileRefused(_too_many(path))
    return _parsed(path, data, text, kind)


def _kind(path: Path) -> str:
    suffixes = [s.lower() for s in path.suffixes]
    suffix = (suffixes[:-1] if suffixes[-1:] == [".gz"] else suffixes)[-1:]
    if not suffix or suffix[0] not in FORMATS:
        raise FileRefused(
            f"{path}: what is it? Known are {', '.join(FORMATS)}, each perhaps with .gz."
        )
    return FORMATS[suffix[0]]


def _bytes(path: Path) -> bytes:
    """Read all of a file, unpacked, but never more than may be."""
    try:
        if not path.is_file():
            raise FileRefused(f"{path}: there is no such file.")
        with path.open("rb") as raw:
            file = gzip.GzipFile(fileobj=raw) if path.suffix.lower() == ".gz" else raw
            data = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FileRefused(f"{path} cannot be read: {error}.") from error
    if len(data) > MAX_BYTES:
        raise FileRefused(f"{path} is larger than {MAX_BYTES >> 20} MB; split it.")
    return data


def _decoded(path: Path, data: bytes) -> str:
    for magic, what in _BINARY.items():
        if data.startswith(magic):
            raise FileRefused(f"{path} is {what}, not text; unpack or export it first.")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileRefused(f"{path} is UTF-16; save it as UTF-8.")
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise FileRefused(f"{path}:{line}: a zero byte; this is not a text file.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise FileRefused(
            f"{path}:{line}: byte {data[error.start]:#04x} is not UTF-8; save the file as UTF-8."
        ) from error


def _guard_turtle(text: Text, data: bytes) -> None:
    too_many = next(islice(_PREFIX.finditer(data), MAX_PREFIXES - 1, None), None)
    if too_many:
        line = data[: too_many.start() + 1].count(b"\n") + 1
        raise FileRefused(f"{text.path}:{line}: more than {MAX_PREFIXES} prefixes.")
    depth = 0
    for token in _TOKEN.finditer(data):
        mark, length = data[token.start() : token.start() + 1], token.end() - token.start()
        why = ""
        if mark in (b"[", b"("):
            depth += 1
            why = f"nested deeper than {MAX_DEPTH}" if depth > MAX_DEPTH else ""
        elif mark in (b"]", b")"):
            depth = max(0, depth - 1)
        elif mark == b"<" and length > MAX_IRI:
            why = _long("an IRI", length, MAX_IRI)
        elif mark in b"\"'" and length > 4 * MAX_LITERAL:  # bytes: how much text, is judged later
            why = _long("a text", length, MAX_LITERAL)
        if why:
            line = data[: token.start()].count(b"\n") + 1
            raise FileRefused(f"{text.path}:{line}: {why}.")


def _guard_lines(text: Text, data: bytes) -> None:
    for pattern, what in ((_LONG_TEXT, "a text"), (_LONG_IRI, "an IRI")):
        found = pattern.search(data)
        if found:
            line = data[: found.start()].count(b"\n") + 1
            raise FileRefused(f"{text.path}:{line}: {_long(what, len(found[0]), len(found[0]))}.")


def _long(what: str, length: int, most: int) -> str:
    return f"{what} of {length:,} characters or more; {most:,} are allowed"


def _guard_xml(text: Text, data: bytes) -> None:
    """Read the XML once for its shape: entities, nesting, well-formedness."""
    from xml.parsers import expat

    reader = expat.ParserCreate()
    entities, depth, length = 0, 0, 0

    def refuse(why: str) -> None:
        raise FileRefused(f"{text.path}:{reader.CurrentLineNumber}: {why}")

    def entity(name: str, _: int, value: str | None, *outside: Any) -> None:
        nonlocal entities
        entities += 1
        if value is None:
            refuse(f"the entity {name} is taken from outside; write its text here instead.")
        elif "&" in value or "%" in value or len(value) > MAX_ENTITY or entities > MAX_ENTITIES:
            refuse(f"the entity {name} grows when it is expanded; write its text instead.")

    def doctype(name: str, system: str | None, public: str | None, _: int) -> None:
        if system or public:
            refuse("a DOCTYPE from outside is not fetched; remove it.")

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, length
        depth, length = depth + 1, 0
        if any(len(value) > MAX_LITERAL for value in attributes.values()):
            refuse(f"an attribute is longer than the {MAX_LITERAL:,} characters allowed.")
        if depth > MAX_DEPTH:
            refuse(f"elements are nested deeper than {MAX_DEPTH}.")

    def end(_: str) -> None:
        nonlocal depth, length
        depth, length = depth - 1, 0

    def characters(some: str) -> None:
        nonlocal length
        length += len(some)
        if length > MAX_LITERAL:
            refuse(f"a text is longer than the {MAX_LITERAL:,} characters allowed.")

    reader.EntityDeclHandler = entity
    reader.StartDoctypeDeclHandler = doctype
    reader.StartElementHandler, reader.EndElementHandler = begin, end
    reader.CharacterDataHandler = characters
    try:
        reader.Parse(data, True)
    except expat.ExpatError as error:
        raise FileRefused(f"{text.path}:{error.lineno}: not XML: {error}.") from error


def _guard_json(text: Text, data: bytes) -> None:
    """Refuse contexts from elsewhere and nesting without end."""
    try:
        stack = [(json.loads(text.content), 0)]
    except RecursionError:
        raise FileRefused(f"{text.path}: nested deeper than {MAX_DEPTH}.") from None
    except json.JSONDecodeError as error:
        raise FileRefused(f"{text.path}:{error.lineno}: not JSON: {error.msg}.") from error
    while stack:
        item, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise FileRefused(f"{text.path}: nested deeper than {MAX_DEPTH}.")
        if isinstance(item, dict):
            _guard_context(text, item)
            stack += [(value, depth + 1) for value in item.values()]
        elif isinstance(item, list):
            stack += [(value, depth + 1) for value in item]
        elif isinstance(item, str) and len(item) > MAX_LITERAL:
            line = text.line_of_text(item[:60]) or 1
            raise FileRefused(f"{text.path}:{line}: {_long('a text', len(item), MAX_LITERAL)}.")


def _guard_context(text: Text, item: dict[str, Any]) -> None:
    context = item.get("@context")
    for part in context if isinstance(context, list) else [context]:
        outside = part if isinstance(part, str) else None
        if isinstance(part, dict):
            outside = part.get("@import")
        if outside is not None:
            line = text.line_of_text(str(outside)) or 1
            raise FileRefused(
                f"{text.path}:{line}: the context {str(outside)[:80]!r} is not fetched; write the "
                "context out in the file."
            )


def _parsed(path: Path, data: bytes, text: Text, kind: str) -> RdfFile:
    from pyoxigraph import RdfFormat, parse

    form: RdfFormat = getattr(RdfFormat, kind)
    try:
        reader = parse(
            data,
            form,
            base_iri=BROUGHT,
            without_named_graphs=True,
            rename_blank_nodes=True,
        )
        read = _written(path, reader, text, {})
        return RdfFile(path, read.triples, read.count, text, dict(reader.prefixes))
    except MemoryError as error:
        raise FileRefused(f"{path} cannot be parsed: {error}.") from error
    except (SyntaxError, ValueError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        said = str(getattr(error, "msg", error)).split(" at line ")
        reason = said[-1].split(": ", 1)[-1] if len(said) > 1 else said[0]
        place = f"{path}:{line}" if line else str(path)
        name = {"RDF_XML": "RDF/XML", "JSON_LD": "JSON-LD", "N_TRIPLES": "N-Triples"}.get(kind)
        reason = " ".join(reason.split())[:300].removesuffix(f" (line {line})")
        raise FileRefused(f"{place}: not {name or 'Turtle'}: {reason}.") from error


def _written(path: Path, quads: Any, text: Text, prefixes: dict[str, str]) -> RdfFile:
    """Write the triples as N-Triples, and judge them where a look at the whole says so."""
    from pyoxigraph import RdfFormat, parse, serialize

    triples = serialize(islice(quads, MAX_TRIPLES + 1), format=RdfFormat.N_TRIPLES) or b""
    count = triples.count(b"\n")
    if count > MAX_TRIPLES:
        raise FileRefused(_too_many(path))
    if any(pattern.search(triples) for pattern in (_ODD_IRI, _LONG_TEXT, _LONG_IRI)):
        for quad in parse(triples, RdfFormat.N_TRIPLES):
            _judge(quad, text)
    return RdfFile(path, triples, count, text, prefixes)


def _judge(quad: Quad, text: Text) -> None:
    """Refuse an IRI that is no name, and text without end."""
    from pyoxigraph import Literal, NamedNode

    for term in (quad.subject, quad.predicate, quad.object):
        if isinstance(term, NamedNode):
            iri = term.value
            if not iri.startswith(("http://", "https://")):
                _judge_scheme(iri, text)
            if len(iri) > MAX_IRI:
                raise FileRefused(
                    f"{text.at(iri)}: an IRI of {len(iri)} characters; {MAX_IRI} are allowed."
                )
        elif isinstance(term, Literal) and len(term.value) > MAX_LITERAL:
            line = text.line_of_text(term.value[:60].splitlines()[0])
            place = f"{text.path}:{line}" if line else str(text.path)
            raise FileRefused(
                f"{place}: a text of {len(term.value):,} characters; {MAX_LITERAL:,} are allowed."
            )


def _judge_scheme(iri: str, text: Text) -> None:
    scheme = _SCHEME.match(iri)
    if scheme is None or scheme[1].lower() not in SCHEMES:
        raise FileRefused(
            f"{text.at(iri)}: the IRI <{iri[:60]}> is of a kind that names nothing here; "
            f"use one of {', '.join(SCHEMES[:3])}."
        )


def _too_many(path: Path) -> str:
    return f"{path} holds more than {MAX_TRIPLES:,} triples; split it, or load what is needed."
