"""A table and its columns to the rows of a split, with what was odd about them."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import DatasetError
from .columns import Columns, multi_label_error
from .decode import text_trouble
from .tables import Table, as_text, shown
from .types import Oddity, Split


@dataclass(frozen=True)
class Rows:
    """The usable rows of one file and what was odd."""

    split: Split
    oddities: tuple[Oddity, ...]


def to_rows(table: Table, columns: Columns, *, keep_blank: bool) -> Rows:
    """Take the text, label and id columns out of a table.

    A row with neither text nor label is skipped; a labelled row with a blank text is kept
    in held-out splits, as the model will meet such rows, and left out of train, where it
    teaches nothing. Either leaves an Oddity.

    Args:
        table: One file.
        columns: What to take.
        keep_blank: Keep labelled rows without text; False for train.

    Raises:
        DatasetError: Labels are missing, a cell holds a list, or no row is left.
    """
    ids = table.cells.get(columns.id or "", [None] * len(table))
    oddities = list(table.oddities)
    kept: list[tuple[str, str, str | None, str]] = []
    unlabelled: list[str] = []
    for value, tag, identifier, place in zip(
        table.cells[columns.text], table.cells[columns.label], ids, table.places, strict=True
    ):
        _refuse_nested(value, tag, columns, place)
        text, label = as_text(value), as_text(tag)
        if label is None and text is None:
            oddities.append(Oddity("empty_row", place, "neither text nor label, skipped"))
            continue
        if label is None:
            unlabelled.append(place)
            continue
        if text is None:
            done = "kept" if keep_blank else "left out of train"
            oddities.append(
                Oddity("blank_text", place, f"no text, label {label.strip()!r}; {done}")
            )
            if not keep_blank:
                continue
        elif trouble := text_trouble(text):
            oddities.append(Oddity("encoding", place, f"{trouble}; kept as it is"))
        kept.append((text or "", label.strip(), as_text(identifier), place))
    if unlabelled:
        raise DatasetError(_unlabelled(unlabelled, columns.label, len(table)))
    if not kept:
        raise DatasetError(
            f"{table.name} has no rows to use; add rows with text and label, or remove the file"
        )
    texts, labels, identifiers, places = zip(*kept, strict=True)
    return Rows(Split(texts, labels, identifiers, places), tuple(oddities))


def _refuse_nested(text: object, label: object, columns: Columns, place: str) -> None:
    if isinstance(label, list | tuple | dict):
        raise multi_label_error(place, columns.label)
    if isinstance(text, list | tuple | dict):
        raise DatasetError(
            f"{place}: column {columns.text!r} holds a list or an object, not a text; "
            "name a column of strings with --text COLUMN"
        )


def _unlabelled(places: list[str], column: str, count: int) -> str:
    return (
        f"column {column!r} is empty in {len(places)} of {count} rows: {shown(places)}; "
        "fill in the labels or delete those rows"
    )
