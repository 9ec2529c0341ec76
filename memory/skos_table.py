"""A SKOS taxonomy as a table: a row for each concept, columns by name.

| column | what it holds |
|---|---|
| id | required; a name or a whole IRI, each once |
| label | the preferred label; the id where it is left out |
| broader | ids of the concepts above, with `|` between several |
| definition | in a sentence |
| alt | other labels, with `|` between several |
| related | ids, with `|` between several |
| disjoint | ids of concepts that exclude this one, with `|` between several |
| lang | language of label, definition and alt, such as en |
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .errors import FileRefused
from .namespaces import BROUGHT, OWL, SKOS

if TYPE_CHECKING:
    from pyoxigraph import Quad

COLUMNS = ("id", "label", "broader", "definition", "alt", "related", "disjoint", "lang")
_LINKS = {
    "broader": SKOS + "broader",
    "related": SKOS + "related",
    "disjoint": OWL + "disjointWith",
}
_TEXTS = {"definition": SKOS + "definition", "alt": SKOS + "altLabel"}


def read_table(path: Path, content: str) -> Iterator[Quad]:
    """Read a table as triples of SKOS concepts.

    Args:
        content: The table, with commas, semicolons or tabs between its cells.

    Raises:
        FileRefused: A column is unknown, an id lacks, is there twice, or is referred to
            and not there; the message names the line.
    """
    rows = list(_rows(path, content))
    lines: dict[str, int] = {}
    for line, row in rows:
        if row["id"] in lines:
            _refuse(path, line, f"the id {row['id']!r} is on line {lines[row['id']]}, too")
        lines[row["id"]] = line
    for line, row in rows:
        for column in _LINKS:
            for name in _several(row[column]):
                if name not in lines and "://" not in name:
                    _refuse(path, line, f"{column} {name!r} is the id of no row")
        yield from _concept(row)


def _rows(path: Path, content: str) -> Iterator[tuple[int, dict[str, str]]]:
    header = content.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(content), delimiter=separator, strict=True)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        unknown = [name for name in names if name not in COLUMNS]
        if "id" not in names or unknown:
            wrong = f"unknown column {unknown[0]!r}" if unknown else "there is no column id"
            _refuse(
                path, 1, f"{wrong}; a SKOS table has {', '.join(COLUMNS)}, of which id is needed"
            )
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(names):
                _refuse(path, reader.line_num, f"{len(cells)} cells for {len(names)} columns")
            row = dict.fromkeys(COLUMNS, "") | dict(zip(names, map(str.strip, cells), strict=False))
            if not row["id"]:
                _refuse(path, reader.line_num, "the id is empty")
            yield reader.line_num, row
    except csv.Error as error:
        _refuse(path, reader.line_num, f"not a table: {error}")


def _concept(row: dict[str, str]) -> Iterator[Quad]:
    from pyoxigraph import Literal, NamedNode, Quad

    node = NamedNode(_iri(row["id"]))
    lang = row["lang"] or None

    def said(predicate: str, target: Any) -> Quad:
        return Quad(node, NamedNode(predicate), target)

    yield said("http://www.w3.org/1999/02/22-rdf-syntax-ns#type", NamedNode(SKOS + "Concept"))
    yield said(SKOS + "prefLabel", Literal(row["label"] or row["id"], language=lang))
    yield said(SKOS + "notation", Literal(row["id"]))
    for column, predicate in _TEXTS.items():
        texts = _several(row[column]) if column == "alt" else [row[column]] * bool(row[column])
        yield from (said(predicate, Literal(text, language=lang)) for text in texts)
    for column, predicate in _LINKS.items():
        yield from (said(predicate, NamedNode(_iri(name))) for name in _several(row[column]))


def _iri(name: str) -> str:
    return name if "://" in name else BROUGHT + quote(name, safe="")


def _several(cell: str) -> list[str]:
    return [part.strip() for part in cell.split("|") if part.strip()]


def _refuse(path: Path, line: int, why: str) -> None:
    raise FileRefused(f"{path}:{line}: {why}.")
