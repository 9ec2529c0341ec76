"""Fields that a task knows by their usual names, and cells of them, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..errors import DatasetError
from .tables import Table, as_text, shown
from .types import Split


def find_field(table: Table, names: Sequence[str], given: str | None = None) -> str | None:
    """Find a column by its usual names, the first that is there; case does not count.

    Args:
        table: One file.
        names: In the order of preference.
        given: The name that the person gave, which must be there.

    Raises:
        DatasetError: The given column is not there.
    """
    if given is not None:
        if given not in table.cells:
            raise DatasetError(f"{table.name} has no column {given!r}; {_has(table)}")
        return given
    folded = {column.strip().lower(): column for column in reversed(table.columns)}
    return next((folded[name] for name in names if name in folded), None)


def need_field(
    table: Table, names: Sequence[str], what: str, given: str | None = None, *, hint: str = ""
) -> str:
    """Find a column that a task cannot do without.

    Args:
        table: One file.
        names: Its usual names.
        what: It holds, for the message.
        given: The name that the person gave.
        hint: The option that names it.

    Raises:
        DatasetError: It is not there; the message lists the columns.
    """
    found = find_field(table, names, given)
    if found is None:
        raise DatasetError(
            f"{table.name} has no column for {what}; {_has(table)}; call it {names[0]!r}{hint}"
        )
    return found


def text_cell(table: Table, column: str, row: int, *, what: str) -> str:
    """Give the text of a cell.

    Raises:
        DatasetError: It is empty, or a list or an object.
    """
    value = table.cells[column][row]
    if isinstance(value, list | tuple | dict):
        raise DatasetError(
            f"{table.places[row]}: {column!r} holds a list or an object, not {what}; write a text"
        )
    text = as_text(value)
    if text is None:
        raise DatasetError(
            f"{table.places[row]}: {column!r} is empty, there is no {what}; "
            "fill it in or delete the row"
        )
    return text


def identifiers(table: Table) -> tuple[str | None, ...]:
    """Give the file's own ids, None where it has none."""
    column = find_field(table, ("id",))
    return tuple(as_text(v) for v in table.cells[column]) if column else (None,) * len(table)


def refuse_unseen(
    splits: Mapping[str, Split], labels_of: Callable[[Split, int], Sequence[str]]
) -> None:
    """Refuse labels that no train row has, and a train split of one label only.

    Args:
        splits: "train" and what else there is.
        labels_of: The labels of a row.

    Raises:
        DatasetError: Names the first row with such a label.
    """
    train = splits["train"]
    known = {label for row in range(len(train)) for label in labels_of(train, row)}
    if len(known) < 2:
        held = f"one label only, {next(iter(known))!r}" if known else "no label at all"
        raise DatasetError(
            f"train holds {held} ({len(train)} rows, the first at {train.places[0]}); "
            "add rows with another label"
        )
    for name, split in splits.items():
        for row, place in enumerate(split.places):
            for label in labels_of(split, row):
                if label not in known:
                    raise DatasetError(
                        f"{place} has the label {label!r}, which no train row has; correct its "
                        f"spelling, add such rows to train, or delete it from {name} "
                        f"(train has {shown(map(repr, sorted(known)))})"
                    )


def _has(table: Table) -> str:
    return f"the columns are: {', '.join(table.columns)}"
