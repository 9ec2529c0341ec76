"""Questions with choices, one of which is right; or statements that are judged yes or no."""

from __future__ import annotations

from ..errors import DatasetError
from .cells import find_field, identifiers, need_field, text_cell
from .rows import Rows
from .tables import Table, as_text, shown
from .types import Row, Split

QUESTION = ("question", "text", "prompt", "context", "ctx", "statement", "premise", "sentence")
CHOICES = ("choices", "options", "endings", "candidates")
ANSWER = ("answer", "label", "answer_index", "answerkey", "gold", "correct")
MOST = 10  # different answers, where the answers themselves are the choices
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def holds_choices(table: Table) -> bool:
    """Tell whether a table has a question and a list of choices."""
    choices = find_field(table, CHOICES)
    if choices is None or find_field(table, QUESTION) is None:
        return False
    return isinstance(table.cells[choices][0], list | tuple) if len(table) else False


def read_choices(
    table: Table,
    text: str | None,
    label: str | None,
    *,
    gold: bool = True,
) -> Rows:
    """Take questions, choices and answers out of a table.

    An answer is an index from 0, a letter from A, or the choice's own words. Where there
    is no column of choices, every row has the same: the answers that occur, sorted.

    Args:
        table: One file.
        text, label: Columns of the question and the answer, given by the person.
        gold: Whether rows have an answer.

    Raises:
        DatasetError: A row is wrong; the message names its place.
    """
    hint = " or name it with --text COLUMN"
    question = need_field(table, QUESTION, "the question", text, hint=hint)
    column = find_field(table, CHOICES)
    answer = None
    if gold:
        hint = " or name it with --label COLUMN"
        answer = need_field(table, ANSWER, "the answer", label, hint=hint)
    same: list[str] = []
    if column is None:
        same = _answers(table, answer) if answer else []  # which the model may know
    rows: list[Row] = []
    for row in range(len(table)):
        choices = same if column is None else _choices(table.cells[column][row], table.places[row])
        picked = 0
        if answer is not None:
            picked = _index(table.cells[answer][row], choices, answer, table.places[row])
        asked = text_cell(table, question, row, what="a question")
        rows.append({"question": asked, "choices": list(choices), "answer": picked})
    if not rows:
        raise DatasetError(f"{table.name} has no rows to use; add rows with question and choices")
    texts = tuple(as_one(row, with_choices=column is not None) for row in rows)
    # Balanced by the answer only where it means the same in every row.
    by = tuple(r["choices"][r["answer"]] if column is None and answer else "" for r in rows)
    split = Split(texts, by, identifiers(table), tuple(table.places), tuple(rows))
    return Rows(split, table.oddities)


def as_one(row: Row, *, with_choices: bool) -> str:
    """Write the question, and the choices where they differ from row to row, as one text."""
    return "\n".join([row["question"], *(row["choices"] if with_choices else ())])


def _answers(table: Table, column: str) -> list[str]:
    """The answers that occur, as the choices of every row."""
    found = {text.strip() for cell in table.cells[column] if (text := as_text(cell))}
    if not 2 <= len(found) <= MOST:
        raise DatasetError(
            f"{table.name}: column {column!r} holds {len(found)} different answers and no column "
            f"holds choices; give each row a list {CHOICES[0]!r}"
        )
    return sorted(found)


def _choices(cell: object, place: str) -> list[str]:
    if isinstance(cell, dict):  # {"text": [...], "label": [...]}
        cell = cell.get("text")
    if not isinstance(cell, list | tuple) or len(cell) < 2:
        raise DatasetError(f"{place}: has fewer than two choices; write a list of at least two")
    texts = [None if isinstance(c, list | tuple | dict) else as_text(c) for c in cell]
    if None in texts:
        raise DatasetError(f"{place}: choice {texts.index(None)} is empty; fill it in or remove it")
    found = [str(t).strip() for t in texts]
    twice = [c for c in found if found.count(c) > 1]
    if twice:
        raise DatasetError(f"{place}: the choice {twice[0]!r} stands twice; keep one")
    return found


def _index(cell: object, choices: list[str], column: str, place: str) -> int:
    """The position of the right choice."""
    said = "" if isinstance(cell, list | tuple | dict) else (as_text(cell) or "").strip()
    if not said:
        raise DatasetError(f"{place}: {column!r} is empty; write the index of the right choice")
    if said in choices:
        return choices.index(said)
    index = int(said) if said.removeprefix("-").isdecimal() else -1
    if len(said) == 1 and said.upper() in _LETTERS:
        index = _LETTERS.index(said.upper())
    if 0 <= index < len(choices):
        return index
    raise DatasetError(
        f"{place}: {column!r} is {said!r}, but there are {len(choices)} choices, 0 to "
        f"{len(choices) - 1} ({shown(map(repr, choices))}); write the index of the right one"
    )
