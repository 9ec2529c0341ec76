"""Pairs of texts with a label, such as entailment, or with a score, such as similarity."""

from __future__ import annotations

import math

from ..errors import DatasetError
from .cells import find_field, identifiers, need_field, text_cell
from .rows import Rows
from .tables import Table, as_text
from .types import Row, Split

SIDES = (
    ("first", "second"),
    ("sentence1", "sentence2"),
    ("sentence_1", "sentence_2"),
    ("text1", "text2"),
    ("text_a", "text_b"),
    ("sentence_a", "sentence_b"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("query", "passage"),
)
SCORE = ("score", "similarity", "similarity_score", "relatedness", "relatedness_score")
LABEL = ("label", "gold_label", "relation", "judgment", "is_duplicate", "entailment", "class")


def holds_pairs(table: Table) -> bool:
    """Tell whether a table has the usual columns of pairs, and a label or score."""
    gold = find_field(table, (*SCORE, *LABEL))
    return gold is not None and _sides(table) is not None


def read_pairs(table: Table, label: str | None, *, gold: bool = True) -> Rows:
    """Take pairs out of a table.

    The gold is a score where its column has a score's name, or holds numbers with
    fractions; else a label.

    Args:
        table: One file.
        label: Column of the label or score, given by the person.
        gold: Whether rows have one.

    Raises:
        DatasetError: A row is wrong; the message names its place.
    """
    sides = _sides(table)
    if sides is None:
        raise DatasetError(
            f"{table.name} has no two columns of texts to compare; the columns are: "
            f"{', '.join(table.columns)}; call them {SIDES[0][0]!r} and {SIDES[0][1]!r}"
        )
    column = None
    if gold:
        hint = " or name it with --label COLUMN"
        column = need_field(table, (*LABEL, *SCORE), "the label or score", label, hint=hint)
    scored = column is not None and _scored(table, column)
    rows: list[Row] = []
    for position in range(len(table)):
        first, second = (
            text_cell(table, s, position, what=f"the {n} text of the pair")
            for s, n in zip(sides, ("first", "second"), strict=True)
        )
        row: Row = {"first": first, "second": second}
        if scored and column:
            row["score"] = _score(table, column, position)
        elif column:
            row["label"] = text_cell(table, column, position, what="a label").strip()
        rows.append(row)
    if not rows:
        raise DatasetError(f"{table.name} has no rows to use; add rows with two texts")
    split = Split(
        tuple(f"{row['first']}\n{row['second']}" for row in rows),
        tuple(row.get("label", "") for row in rows),
        identifiers(table),
        tuple(table.places),
        tuple(rows),
    )
    return Rows(split, table.oddities)


def _sides(table: Table) -> tuple[str, str] | None:
    for names in SIDES:
        first, second = (find_field(table, (name,)) for name in names)
        if first is not None and second is not None:
            return first, second
    return None


def _scored(table: Table, column: str) -> bool:
    """Tell a score from a label."""
    if column.strip().lower() in SCORE:
        return True
    cells = [text for cell in table.cells[column] if (text := as_text(cell)) is not None]
    numbers = [n for cell in cells if (n := _number(cell)) is not None]
    return len(numbers) > 0.9 * len(cells) and any(n != int(n) for n in numbers)


def _score(table: Table, column: str, row: int) -> float:
    said = text_cell(table, column, row, what="a score")
    found = _number(said)
    if found is None:
        raise DatasetError(
            f"{table.places[row]}: {column!r} is {said[:40]!r}, not a number; write the score"
        )
    return found


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
