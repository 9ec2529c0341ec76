"""CSV and TSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetError
from .decode import Decoded, decode, read_bytes
from .tables import Table, shown
from .types import Oddity

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_SNIFFED_CHARACTERS = 1 << 16


@dataclass(frozen=True)
class _Record:
    """One record: its number and lines, all from 1, and its cells."""

    number: int
    first_line: int
    last_line: int
    cells: list[str]

    def place(self, name: str) -> str:
        line = f" (line {self.first_line})" if self.first_line != self.number else ""
        return f"{name} row {self.number}{line}"

    @property
    def blank(self) -> bool:
        return not any(cell.strip() for cell in self.cells)


def read_delimited(path: Path) -> Table:
    """Read a CSV or TSV file with a header.

    In `.csv` the header tells comma, semicolon and tab apart. Places count rows as a
    spreadsheet does: the header is row 1, blank rows count, a cell's line breaks do not.

    Raises:
        DatasetError: The file cannot be read, its header names no columns, or a row has
            more or fewer cells than the header; the message names the row.
    """
    decoded = decode(read_bytes(path), path.name)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _sniff(decoded.text)
    with large_cells():
        records, oddities = _records(decoded.text, delimiter, path.name)
    guesses: tuple[str, ...] = ()
    if path.suffix.lower() == ".csv" and delimiter != ",":
        guesses = (f"{path.name}: cells separated by {_DELIMITERS[delimiter]}",)
    return _table(path.name, records, decoded, tuple(oddities), guesses, delimiter)


def read_records(path: Path) -> tuple[str, list[tuple[int, list[str]]], bool]:
    """Give a file's delimiter, each row's number and cells, and whether quotes have a meaning.

    Raises:
        DatasetError: The file cannot be read.
    """
    decoded = decode(read_bytes(path), path.name)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _sniff(decoded.text)
    with large_cells():
        records, oddities = _records(decoded.text, delimiter, path.name)
    return delimiter, [(record.number, record.cells) for record in records], not oddities


def _records(text: str, delimiter: str, name: str) -> tuple[list[_Record], list[Oddity]]:
    """Parse the records; a TSV whose quotes do not add up has quotes as plain characters."""
    try:
        records = list(_parse(text, delimiter, csv.QUOTE_MINIMAL, name))
        if delimiter != "\t" or _even(records):
            return records, []
    except DatasetError:
        if delimiter != "\t":
            raise
        records = []
    plain = list(_parse(text, delimiter, csv.QUOTE_NONE, name))
    if _even(plain) or not records:
        return plain, [Oddity("quotes", name, "quotes do not pair up: read as plain characters")]
    return records, []


def _parse(text: str, delimiter: str, quoting: int, name: str) -> Iterator[_Record]:
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=quoting,  # type: ignore[arg-type]
        strict=True,
    )
    number, line = 0, 0
    try:
        for number, cells in enumerate(reader, 1):
            yield _Record(number, line + 1, reader.line_num, cells)
            line = reader.line_num
    except csv.Error as error:
        where = _Record(number + 1, line + 1, reader.line_num, []).place(name)
        why = f"has a quote problem ({error})"
        if "end of data" in str(error):
            why = "opens a quote that is never closed"
        raise DatasetError(
            f'{where} {why}: close the quote, and write a quote inside a quoted cell as ""'
        ) from None


def _table(
    name: str,
    records: list[_Record],
    decoded: Decoded,
    oddities: tuple[Oddity, ...],
    guesses: tuple[str, ...],
    delimiter: str,
) -> Table:
    """Check header and widths, set blank rows aside, and turn records into columns."""
    start = next((i for i, record in enumerate(records) if not record.blank), None)
    if start is None:
        raise DatasetError(f"{name} holds blank rows only; give a header and rows")
    header = _header(records[start], name)
    found = [*decoded.oddities, *oddities]
    kept: list[_Record] = []
    for record in records[start + 1 :]:
        place = record.place(name)
        if record.blank:
            found.append(Oddity("empty_row", place, "blank row, skipped"))
        elif [cell.strip() for cell in record.cells] == header:
            found.append(Oddity("repeated_header", place, "repeats the header, skipped"))
        else:
            kept.append(record)
            for line in range(record.first_line, record.last_line + 1) if decoded.mended else ():
                if line in decoded.mended:
                    found.append(Oddity("encoding", place, decoded.mended[line]))
    _refuse_ragged(kept, header, name, delimiter)
    columns = zip(*(record.cells for record in kept), strict=True) if kept else ([] for _ in header)
    cells: dict[str, list[object]] = {
        column: list(values) for column, values in zip(header, columns, strict=True)
    }
    if "" in cells:
        _refuse_unnamed(cells.pop(""), header, name)
        guesses = (*guesses, f"{name}: the unnamed column counts rows and is left out")
    places = [record.place(name) for record in kept]
    return Table(name, cells, places, has_header=True, oddities=tuple(found), guesses=guesses)


def _header(record: _Record, name: str) -> list[str]:
    header = [cell.strip() for cell in record.cells]
    where = record.place(name)
    if len(header) == 1:
        raise DatasetError(
            f"{where} has one cell only ({_short(header[0])}): the first row must name at least "
            "a text and a label column, separated by comma, semicolon or tab"
        )
    twice = sorted({cell for cell in header if header.count(cell) > 1 and cell})
    if twice:
        raise DatasetError(
            f"{where}, the header, names {_short(twice[0])} twice; rename one of the columns "
            "(if the first row is data, add a header such as text,label above it)"
        )
    if header.count("") > 1:
        _refuse_unnamed([], header, name)
    return header


def _refuse_unnamed(values: list[object], header: list[str], name: str) -> None:
    """Refuse a column without a name, unless it is the row index that pandas writes."""
    try:
        numbers = [int(str(value)) for value in values]
    except ValueError:
        numbers = []
    counted = bool(numbers) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    if counted and header.index("") == 0:
        return
    raise DatasetError(
        f"{name}: header cell {header.index('') + 1} is empty; name that column in the first row "
        "(if the first row is data, add a header such as text,label above it)"
    )


def _refuse_ragged(records: list[_Record], header: list[str], name: str, delimiter: str) -> None:
    ragged = [record for record in records if len(record.cells) != len(header)]
    if not ragged:
        return
    first = ragged[0]
    others = ""
    if len(ragged) > 1:
        others = f" ({len(ragged)} such rows: {shown(record.number for record in ragged)})"
    shape = f"{first.place(name)} has {len(first.cells)} cells, the header has {len(header)}"
    raise DatasetError(
        f"{shape}{others}; put a text that contains a {_DELIMITERS[delimiter]} in double quotes, "
        "or mend the row"
    )


def _even(records: list[_Record]) -> bool:
    return len({len(record.cells) for record in records if not record.blank}) <= 1


def _sniff(text: str) -> str:
    """Choose the delimiter that splits the header and fits most rows; comma when in doubt."""
    best, best_fit = ",", 0.0
    for delimiter in _DELIMITERS:
        sample = io.StringIO(text[:_SNIFFED_CHARACTERS], newline="")
        with large_cells():
            parsed = list(csv.reader(sample, delimiter=delimiter))
        records = [cells for cells in parsed if any(cell.strip() for cell in cells)]
        if not records or len(records[0]) < 2:
            continue
        rows = records[1:] if len(text) <= _SNIFFED_CHARACTERS else records[1:-1]
        fitting = sum(len(cells) == len(records[0]) for cells in rows)
        fit = (fitting + 1) / (len(rows) + 1)
        if fit > best_fit:
            best, best_fit = delimiter, fit
    return best


@contextmanager
def large_cells() -> Iterator[None]:
    """Lift csv's process-wide limit of 128 KiB a cell, and put it back."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:39] + "…")
