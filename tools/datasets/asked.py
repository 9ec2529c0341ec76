"""What is to be answered: any format that training data has, or text lines, without gold."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DatasetError
from .tables import Table

if TYPE_CHECKING:
    from .formats import Reader
from .types import Split

TEXT_NAMES = ("text", "sentence", "utterance", "content", "body", "message", "review", "question")
TEXT = "text"  # the column of text lines and of bare strings


def read_asked(path: Path) -> Table:
    """Read a file of rows to be answered.

    A .jsonl line is an object or a bare string, a .csv or .tsv has a header; CoNLL (with or
    without tags), SQuAD's JSON, parquet and BRAT folders are read as training data is; any
    other file is one text a line, blank lines included.

    Raises:
        DatasetError: Missing or unreadable; names file and row.
    """
    from .decode import decode, read_bytes
    from .delimited import large_cells

    reader = _reader_of(path)
    if reader is not None:
        return reader(path)
    if not path.is_file():
        raise DatasetError(f"{path}: no such file")
    content = decode(read_bytes(path), str(path)).text
    kind = path.suffix.lower()
    if kind in {".jsonl", ".ndjson", ".json"}:
        return _jsonl(path, content)
    if kind in {".csv", ".tsv"}:
        with large_cells():
            return _csv(path, content, "\t" if kind == ".tsv" else ",")
    # Not splitlines(): a text may hold form feeds or Unicode's own line separators.
    lines: list[object] = [line.rstrip("\n") for line in io.StringIO(content, newline=None)]
    return Table(str(path), {TEXT: lines}, [f"{path} line {n}" for n in range(1, len(lines) + 1)])


def _reader_of(path: Path) -> Reader | None:
    """The reader of a format that says by itself what a row is; None where lines or cells do."""
    from .conll import read_conll, read_tokens
    from .formats import reader_of

    if not path.exists():
        return None
    found = reader_of(path)
    if found is read_conll:
        return read_tokens
    return found if path.is_dir() or path.suffix.lower() in {".json", ".parquet"} else None


def asked_texts(table: Table, column: str | None) -> Split:
    """Take the texts out of a table.

    Raises:
        DatasetError: No column of texts, or a cell that is none.
    """
    names = [column] if column else [n for n in TEXT_NAMES if n in table.cells]
    if not names and len(table.columns) == 1 and table.has_header:
        names = [table.columns[0]]
    if table.has_header and (not names or names[0] not in table.cells):
        raise DatasetError(
            f"{table.name}: no column {column or TEXT!r}; there are {', '.join(table.columns)}; "
            "name it with --text"
        )
    texts = []
    for row, place in enumerate(table.places):
        values = [table.cells[n][row] for n in names if n in table.cells]
        value = next((v for v in values if v is not None), None)
        if not isinstance(value, str):
            raise DatasetError(f"{place}: no text in {column or TEXT!r}; name it with --text")
        texts.append(value)
    return asked_split(table, texts, ())


def asked_split(table: Table, texts: list[str], rows: tuple[dict[str, object], ...]) -> Split:
    """Rows without gold: their texts, and the task's own fields where there are some."""
    ids = table.cells.get("id", [None] * len(texts))
    known = tuple(None if v is None else str(v) for v in ids)
    return Split(tuple(texts), ("",) * len(texts), known, tuple(table.places), rows)


def _jsonl(path: Path, content: str) -> Table:
    rows: list[dict[str, object]] = []
    places = []
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        place = f"{path} line {number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DatasetError(f"{place}: not JSON: {error}") from error
        if not isinstance(row, dict):
            row = {TEXT: row if isinstance(row, str) else None}
        rows.append(row)
        places.append(place)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return Table(str(path), {n: [row.get(n) for row in rows] for n in names}, places)


def _csv(path: Path, content: str, delimiter: str) -> Table:
    reader = csv.DictReader(io.StringIO(content, newline=""), delimiter=delimiter)
    columns = list(reader.fieldnames or [])
    cells: dict[str, list[object]] = {name: [] for name in columns}
    places = []
    for number, row in enumerate(reader, 2):
        place = f"{path} row {number}"
        if None in row or None in row.values():
            raise DatasetError(f"{place}: has not as many cells as the header")
        for name in columns:
            cells[name].append(row[name])
        places.append(place)
    return Table(str(path), cells, places, has_header=True)
