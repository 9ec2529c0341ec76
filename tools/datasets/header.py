"""Is the first row a header, or data that would be lost as one?"""

from __future__ import annotations

from ..errors import DatasetError
from .columns import LABEL_NAMES, TEXT_NAMES
from .tables import Table

_USUAL = TEXT_NAMES | LABEL_NAMES | {"id"}
_LONG_WORDS = 6  # a column name of so many words is a sentence
_SENTENCE_WORDS = 4  # and of so many, when no name beside it is a usual one


def refuse_missing_header(table: Table, named: frozenset[str]) -> None:
    """Refuse a table whose column names look like a row of data.

    Args:
        table: As read; only one that took its names from a first row is judged.
        named: Columns the person named; if the header has one of them, it is a header.

    Raises:
        DatasetError: With the cell that gave it away.
    """
    if not table.has_header or named & set(table.columns):
        return
    usual = any(
        column.lower() in _USUAL and not _recurs(column, values)
        for column, values in table.cells.items()
    )
    for column, values in table.cells.items():
        words = len(column.split())
        sentence = words >= _LONG_WORDS or len(column) > 80
        sentence = sentence or (words >= _SENTENCE_WORDS and not usual)
        if sentence or (not usual and _recurs(column, values)):
            cell = column if len(column) <= 40 else column[:39] + "…"
            why = "a text, not a column name" if sentence else "a value that stands below it too"
            raise DatasetError(
                f"{table.name} has no header: its first row holds {cell!r}, {why}; "
                "add a first row that names the columns, such as text,label"
            )


def _recurs(column: str, values: list[object]) -> bool:
    """Tell whether a header cell is one of the few values of its own column."""
    different = {str(value).strip() for value in values}
    return column in different and len(different) <= 0.5 * len(values) + 1
