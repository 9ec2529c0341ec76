"""Finding the fields of a sequence task by what files call them, and the rows that have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import DatasetError
from .decode import text_trouble
from .rows import Rows
from .tables import Table, as_text, shown
from .types import Oddity, Row, Split


@dataclass(frozen=True)
class Field:
    """One field of a task's rows.

    Attributes:
        name: As the task calls it.
        others: What else files call it, lower case, the likelier first.
        option: The flag that names its column, or "" where none does.
    """

    name: str
    others: tuple[str, ...] = ()
    option: str = ""

    def column(self, table: Table, given: str | None = None) -> str | None:
        """Find its column; None where there is none.

        Args:
            table: One file.
            given: The column that the person named.

        Raises:
            DatasetError: The named column is not there, or some rows use one name of the
                field and some another.
        """
        if given is not None:
            if given not in table.cells:
                raise DatasetError(f"{table.name} has no column {given!r} ({self.option}); "
                                   f"{columns_of(table)}")  # fmt: skip
            return given
        names = (self.name, *self.others)
        by_name = {column.strip().lower(): column for column in reversed(table.columns)}
        found = [by_name[name] for name in names if name in by_name]
        if len(found) > 1:
            _refuse_mixture(table, self.name, found)
        return found[0] if found else None

    def require(self, table: Table, given: str | None = None) -> str:
        """Find its column.

        Raises:
            DatasetError: There is none; the message lists the columns.
        """
        column = self.column(table, given)
        if column is None:
            usual = " or ".join(map(repr, (self.name, *self.others)[:3]))
            hint = f", or name it with {self.option} COLUMN" if self.option else ""
            raise DatasetError(
                f"{table.name} has no {self.name}; {columns_of(table)}; "
                f"call the column {usual}{hint}"
            )
        return column


def columns_of(table: Table) -> str:
    """The table's columns, for a message."""
    return f"the columns are: {', '.join(table.columns)}"


def _refuse_mixture(table: Table, name: str, found: Sequence[str]) -> None:
    """Refuse rows that have the field under another name only."""
    first, *rest = found
    for row, place in enumerate(table.places):
        if as_text(table.cells[first][row]) is not None:
            continue
        other = next((c for c in rest if as_text(table.cells[c][row]) is not None), None)
        if other is not None:
            raise DatasetError(
                f"{place} calls its {name} {other!r}, other rows call it {first!r}; "
                "give the field one name in all rows"
            )


def usable_rows(
    table: Table, asked: str, needed: Sequence[str], *, train: bool
) -> tuple[list[int], list[Oddity]]:
    """Choose the rows that can be learned from or scored, and tell of the others.

    Args:
        table: One file.
        asked: The column that is answered; a row without it teaches nothing and is left
            out of train, but kept in a held-out split.
        needed: Columns that every row must fill, such as the right answer.
        train: Whether the file is the train split.

    Returns:
        Positions in the table, and what was odd.

    Raises:
        DatasetError: A needed cell is empty, a cell holds a list where a text belongs, or
            no row is left.
    """
    kept: list[int] = []
    oddities = list(table.oddities)
    empty: dict[str, list[str]] = {column: [] for column in needed}
    for row, place in enumerate(table.places):
        cells = {column: table.cells[column][row] for column in (asked, *needed)}
        missing = [column for column in needed if _blank(cells[column])]
        text = cells[asked]
        if isinstance(text, list | tuple | dict):
            raise DatasetError(
                f"{place}: column {asked!r} holds a list or an object where a text belongs"
            )
        if _blank(text) and len(missing) == len(needed):
            oddities.append(Oddity("empty_row", place, "empty, skipped"))
            continue
        for column in missing:
            empty[column].append(place)
        if _blank(text):
            done = "left out of train" if train else "kept"
            oddities.append(Oddity("blank_text", place, f"no {asked}; {done}"))
            if train:
                continue
        elif trouble := text_trouble(str(text)):
            oddities.append(Oddity("encoding", place, f"{trouble}; kept as it is"))
        kept.append(row)
    for column, places in empty.items():
        if places:
            raise DatasetError(
                f"column {column!r} is empty in {len(places)} of {len(table)} rows: "
                f"{shown(places)}; fill it in or delete those rows"
            )
    if not kept:
        raise DatasetError(f"{table.name} has no rows to use; add rows, or remove the file")
    return kept, oddities


def _blank(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_blank(item) for item in value)
    return not value if isinstance(value, dict) else as_text(value) is None


def text_at(table: Table, column: str | None, row: int) -> str:
    """One cell as text; "" for nothing.

    Raises:
        DatasetError: It holds a list or an object.
    """
    if column is None:
        return ""
    value = table.cells[column][row]
    if isinstance(value, list | tuple | dict):
        raise DatasetError(
            f"{table.places[row]}: column {column!r} holds a list or an object where a text belongs"
        )
    return as_text(value) or ""


def texts_at(table: Table, column: str | None, row: int) -> list[str]:
    """One cell as a list of texts: a list of strings as it is, a string alone.

    Raises:
        DatasetError: The list holds something other than texts, or an empty one.
    """
    if column is None:
        return []
    value = table.cells[column][row]
    items = list(value) if isinstance(value, list | tuple) else [value]
    if not isinstance(value, list | tuple) and as_text(value) is None:
        return []
    found = [as_text(item) for item in items]
    if any(not isinstance(item, str) for item in items) or None in found:
        raise DatasetError(
            f"{table.places[row]}: column {column!r} must hold texts only, none of them empty"
        )
    return [text for text in found if text is not None]


def rows_at(
    table: Table,
    kept: Sequence[int],
    texts: Sequence[str],
    rows: Sequence[Row],
    oddities: Sequence[Oddity],
    labels: Sequence[str] = (),
) -> Rows:
    """Rows of a table as a split, with the ids and places that they have there.

    Args:
        table: One file.
        kept: (n,) positions in the table.
        texts: (n,) what an answer depends on.
        rows: (n,) the task's own fields; none where the text says it all.
        oddities: What was odd about the file.
        labels: (n,) by which rows are balanced; "" each where none are given.
    """
    split = Split(
        tuple(texts),
        tuple(labels) or ("",) * len(kept),
        ids_of(table, kept),
        tuple(table.places[i] for i in kept),
        tuple(rows),
    )
    return Rows(split, tuple(oddities))


def ids_of(table: Table, rows: Sequence[int]) -> tuple[str | None, ...]:
    """The file's own ids of some rows."""
    column = next((c for c in table.columns if c.strip().lower() == "id"), None)
    return tuple(as_text(table.cells[column][row]) if column else None for row in rows)
