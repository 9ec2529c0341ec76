"""A table as read from one file, before anyone knows which column is which."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from .types import Oddity

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Table:
    """The rows of one file, column by column.

    Attributes:
        name: The file's name, for messages: "train.csv".
        cells: Values by column, all columns equally long; None stands for no value.
        places: Where each row stands, so that a person finds it: CSV, TSV and parquet
            count rows ("train.csv row 17", a header being row 1 as in a spreadsheet,
            with the line added where line breaks inside cells make the two differ),
            JSONL counts the file's lines ("train.jsonl line 17").
        has_header: The column names came from a first row, which might be data.
        oddities: What reading met and handled.
        guesses: What reading inferred.
    """

    name: str
    cells: dict[str, list[object]]
    places: list[str]
    has_header: bool = False
    oddities: tuple[Oddity, ...] = ()
    guesses: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.places)

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the column names in the file's order."""
        return tuple(self.cells)


def as_text(value: object) -> str | None:
    """Turn one cell into text; None, NaN and blank strings give None.

    Whole floats lose their ".0": pandas makes floats of integers as soon as one is missing.
    Lone surrogates, which no file can store, become U+FFFD.
    """
    if isinstance(value, str):
        text = value
    elif value is None or value != value:
        return None
    elif isinstance(value, float) and value.is_integer():
        text = str(int(value))
    else:
        text = str(value)
    if not text or text.isspace():
        return None
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def shown(items: Iterable[object], *, limit: int = 5) -> str:
    """List items for a message, the first few and how many more there are."""
    every = [str(item) for item in items]
    more = f" and {len(every) - limit} more" if len(every) > limit else ""
    return ", ".join(every[:limit]) + more
