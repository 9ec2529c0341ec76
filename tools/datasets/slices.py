"""Which rows belong to which slice: by a column that the person named, length, language, …"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...evals.metrics import IntArray
from ...evals.slices import LEAST, by_length, by_value
from ..errors import DatasetError
from .tables import Table, as_text
from .types import Split

LANGUAGE_FIELDS = ("language", "lang", "target_lang")
NONE = "(none)"


def with_slices(
    splits: Mapping[str, Split], tables: Mapping[str, Table], columns: Sequence[str]
) -> dict[str, Split]:
    """Keep with each row what the named columns say of it.

    Raises:
        DatasetError: A column is missing, or rows cannot be found in their table again.
    """
    found = {}
    for name, split in splits.items():
        table = tables[name]
        for column in columns:
            if column not in table.cells:
                raise DatasetError(
                    f"--slice {column}: {table.name} has no such column; it has "
                    f"{', '.join(table.columns)}"
                )
        at = {place: row for row, place in enumerate(table.places)}
        if any(place not in at for place in split.places):
            raise DatasetError(
                f"--slice {columns[0]}: rows of {table.name} are not those that answers are given "
                "for, so its columns say nothing of them; leave the slice out"
            )
        said = [
            {c: as_text(table.cells[c][at[place]]) or NONE for c in columns}
            for place in split.places
        ]
        found[name] = replace(split, slices=tuple(said))
    return found


def parts_of(split: Split) -> dict[str, IntArray]:
    """Slices that `min_slice` judges: those of the columns named, else of length and language."""
    return by_columns(split) if split.slices else by_itself(split)


def by_columns(split: Split) -> dict[str, IntArray]:
    """Slices of the columns that the person named."""
    columns = split.slices[0] if split.slices else {}
    parts: dict[str, IntArray] = {}
    for column in columns:
        parts |= by_value([row[column] for row in split.slices], column)
    return parts


def by_itself(split: Split) -> dict[str, IntArray]:
    """Slices that every dataset has: by length, and by language where rows say it."""
    parts = by_length(split.texts)
    for field in LANGUAGE_FIELDS:
        if split.rows and all(field in row for row in split.rows):
            parts |= by_value([row[field] for row in split.rows], "language")
    return parts


def judged(split: Split) -> dict[str, IntArray]:
    """Those of `parts_of` that are large enough."""
    return {name: rows for name, rows in parts_of(split).items() if len(rows) >= LEAST}
