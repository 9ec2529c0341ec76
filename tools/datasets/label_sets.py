"""Several labels a row: lists, or cells of labels with a separator between them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import DatasetError
from .cells import find_field, identifiers
from .columns import LABEL_NAMES, choose_columns, plural
from .decode import text_trouble
from .rows import Rows
from .tables import Table, as_text
from .types import Oddity, Split

SEPARATORS = "|;,"
_NAMES = ("labels", "label", "emotions", "tags", "topics", "categories", "classes", "intents")


@dataclass(frozen=True)
class Layout:
    """Where the labels stand.

    Attributes:
        text, labels: Column names.
        separator: Between the labels of a cell; None where cells are lists.
        guesses: What was inferred.
    """

    text: str
    labels: str
    separator: str | None
    guesses: tuple[str, ...]


def holds_label_sets(table: Table) -> bool:
    """Tell whether a table can only mean several labels a row.

    That is a column of lists by a label's name; or a label column in which a cell such as
    "a, b" stands beside cells "a" and "b".
    """
    lists = _list_column(table)
    try:
        column = choose_columns(table, text=None, label=lists).label
    except DatasetError:
        return False
    if lists is not None:
        return True
    counts = {str(cell).strip() for cell in table.cells[column]}
    return any(_joins(cell, separator, counts) for cell in counts for separator in SEPARATORS)


def find_layout(table: Table, text: str | None, label: str | None) -> Layout:
    """Choose the columns and the separator; names that are given are only checked.

    Raises:
        DatasetError: A column is not there, or not clear.
    """
    labels = find_field(table, (), label) or _list_column(table) or find_field(table, _NAMES)
    columns = choose_columns(table, text=text, label=labels)
    separator = None
    guesses = list(columns.guesses)
    if labels is None or label is None:
        guesses.append(f"labels column {columns.label!r}")
    cells = table.cells[columns.label]
    if not any(isinstance(cell, list | tuple) for cell in cells):
        separator = _separator([str(cell) for cell in cells if as_text(cell) is not None])
        guesses.append(f"{separator!r} stands between the labels of a cell")
    return Layout(columns.text, columns.label, separator, tuple(guesses))


def read_label_sets(table: Table, layout: Layout, *, keep_blank: bool) -> Rows:
    """Take texts and label sets out of a table.

    `[]` says that no label applies; an empty cell is refused, as it may be one that was
    forgotten. A blank text is kept in held-out splits only.

    Raises:
        DatasetError: A cell is wrong; the message names its place.
    """
    known = identifiers(table)
    oddities = list(table.oddities)
    kept: list[tuple[str, tuple[str, ...], str | None, str]] = []
    cells = zip(table.cells[layout.text], table.cells[layout.labels], known, table.places)  # noqa: B905
    for value, cell, identifier, place in cells:
        if isinstance(value, list | tuple | dict):
            raise DatasetError(
                f"{place}: column {layout.text!r} holds a list or an object, not a text; "
                "name a column of strings with --text COLUMN"
            )
        labels = _labels(cell, layout, place)
        text = as_text(value)
        if text is None:
            done = "kept" if keep_blank else "left out of train"
            oddities.append(Oddity("blank_text", place, f"no text; {done}"))
            if not keep_blank:
                continue
        elif trouble := text_trouble(text):
            oddities.append(Oddity("encoding", place, f"{trouble}; kept as it is"))
        if not labels:
            oddities.append(Oddity("no_label", place, "no label applies; kept"))
        kept.append((text or "", labels, identifier, place))
    if not kept:
        raise DatasetError(f"{table.name} has no rows to use; add rows with text and labels")
    texts, sets, ids, places = zip(*kept, strict=True)
    rows = tuple({"labels": list(found)} for found in sets)
    return Rows(Split(texts, rarest(sets), ids, places, rows), tuple(oddities))


def rarest(sets: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Name the rarest label of each row, by which splits are balanced; "" where it has none."""
    counts = Counter(label for found in sets for label in found)
    return tuple(min(found, key=lambda name: (counts[name], name), default="") for found in sets)


def _labels(cell: object, layout: Layout, place: str) -> tuple[str, ...]:
    """Give a cell's labels, sorted, each once."""
    column = layout.labels
    if as_text(cell) is None and not isinstance(cell, list | tuple):
        raise DatasetError(
            f"{place}: column {column!r} is empty; write its labels, "
            "[] where none applies, or delete the row"
        )
    if layout.separator is None:
        if not isinstance(cell, list | tuple):
            raise DatasetError(
                f"{place}: column {column!r} holds {_short(cell)}, and lists in other rows; "
                f"write a list there, too: [{_short(cell)}]"
            )
        parts: Sequence[object] = cell
    else:
        if isinstance(cell, dict):
            raise DatasetError(
                f"{place}: column {column!r} holds an object; write a list of labels"
            )
        parts = _split(str(cell), layout.separator)
    found = []
    for part in parts:
        text = None if isinstance(part, list | tuple | dict) else as_text(part)
        if text is None:
            raise DatasetError(
                f"{place}: column {column!r} holds {_short(part)} among its labels; "
                "a label is a short text: remove it or fill it in"
            )
        found.append(text.strip())
    return tuple(sorted(set(found)))


def _split(cell: str, separator: str) -> list[str]:
    if cell.strip() == "[]":
        return []
    return [part.strip() for part in cell.split(separator)]


def _short(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)[:40]


def _list_column(table: Table) -> str | None:
    """Name the column that holds lists and has a label's name."""
    for column in table.columns:
        key = column.strip().lower()
        lists = any(isinstance(cell, list | tuple) for cell in table.cells[column])
        plain = all(
            not isinstance(v, dict)
            for c in table.cells[column]
            if isinstance(c, list | tuple)
            for v in c
        )
        if lists and plain and (key in LABEL_NAMES or key in _NAMES or plural(key)):
            return column
    return None


def _separator(cells: Sequence[str]) -> str:
    """Choose the separator that most cells hold; the first of SEPARATORS on a tie."""
    counts = {s: sum(s in cell for cell in cells) for s in SEPARATORS}
    return max(SEPARATORS, key=lambda s: counts[s])


def _joins(cell: str, separator: str, counts: set[str]) -> bool:
    """Tell whether a cell is made of labels that also stand alone."""
    parts = [part.strip() for part in cell.split(separator)]
    return len(parts) > 1 and len(set(parts)) == len(parts) and set(parts) <= counts
