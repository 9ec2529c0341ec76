"""Rows of questions out of a table: a context, a question, and where its answers stand."""

from __future__ import annotations

from typing import Any

from ..errors import DatasetError
from .asked import asked_split
from .decode import text_trouble
from .rows import Rows
from .tables import Table, as_text
from .types import Oddity, Row, Split

CONTEXTS = ("context", "passage", "paragraph")
ANSWERS = ("answers", "answer", "answer_text")
STARTS = ("answer_start", "start")
ANSWERABLE, UNANSWERABLE = "answer", "no answer"


def question_columns(table: Table) -> tuple[str, str, str] | None:
    """The columns of context, question and answers, if a table has all three."""
    context = next((c for c in CONTEXTS if c in table.cells), None)
    answers = next((c for c in ANSWERS if c in table.cells), None)
    found = context and answers and "question" in table.cells
    return (context, "question", answers) if found and context and answers else None


def read_questions(table: Table) -> Rows:
    """Take contexts, questions and answers out of a table.

    Answers are SQuAD's {"text": […], "answer_start": […]}, a list of {"text", "answer_start"}
    or {"text", "start"}, or a text, with a column answer_start or without. None, "" or an
    empty list is no answer. An answer that is not at its place, but stands once in the
    context, is moved there, and told.

    Returns:
        Rows with context, question, answers [{text, start}] and is_impossible.

    Raises:
        DatasetError: A row is wrong; the message names it.
    """
    columns = question_columns(table)
    if columns is None:
        raise DatasetError(
            f"{table.name} has no columns 'context', 'question' and 'answers'; "
            f"the columns are: {', '.join(table.columns)}"
        )
    oddities = list(table.oddities)
    none = [None] * len(table)
    ids = table.cells.get("id", none)
    flags = table.cells.get("is_impossible", none)
    starts = next((table.cells[c] for c in STARTS if c in table.cells), none)
    rows: list[Row] = []
    for context, question, answers, start, flag, place in zip(
        *(table.cells[name] for name in columns), starts, flags, table.places, strict=True
    ):
        row: Row = {
            "context": _text(context, columns[0], place),
            "question": _text(question, columns[1], place),
        }
        row["answers"] = [
            {"text": text, "start": _placed(row["context"], text, at, place, oddities)}
            for text, at in _answers(answers, start, place, oddities)
        ]
        row["is_impossible"] = not row["answers"]
        _check_flag(flag, row, place)
        if trouble := text_trouble(row["context"]) or text_trouble(row["question"]):
            oddities.append(Oddity("encoding", place, f"{trouble}; kept as it is"))
        rows.append(row)
    if not rows:
        raise DatasetError(f"{table.name} has no rows; add some, or remove the file")
    some = any(row["is_impossible"] for row in rows)
    split = Split(
        texts=tuple(f"{row['context']}\n{row['question']}" for row in rows),
        labels=tuple(
            (UNANSWERABLE if row["is_impossible"] else ANSWERABLE) if some else "" for row in rows
        ),
        ids=tuple(as_text(value) for value in ids),
        places=tuple(table.places),
        rows=tuple(rows),
    )
    return Rows(split, tuple(oddities))


def question_rows(table: Table) -> Split:
    """Take contexts and questions to be answered out of a table.

    Raises:
        DatasetError: A column or a cell is missing; the message names it.
    """
    context = next((c for c in CONTEXTS if c in table.cells), None)
    if context is None or "question" not in table.cells:
        raise DatasetError(
            f"{table.name} has not both 'context' and 'question'; "
            f"the columns are: {', '.join(table.columns)}"
        )
    cells = zip(table.cells[context], table.cells["question"], table.places, strict=True)
    rows: list[Row] = [
        {"context": _text(left, context, place), "question": _text(right, "question", place)}
        for left, right, place in cells
    ]
    texts = [f"{row['context']}\n{row['question']}" for row in rows]
    return asked_split(table, texts, tuple(rows))


def _text(value: object, column: str, place: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise DatasetError(f"{place} has no {column}; write one, or delete the row")
    return value


def _check_flag(flag: object, row: Row, place: str) -> None:
    if flag in (None, ""):
        return
    impossible = str(flag).strip().lower() in ("true", "1", "yes")
    if impossible and row["answers"]:
        raise DatasetError(
            f"{place} is marked is_impossible, yet has the answer "
            f"{row['answers'][0]['text'][:40]!r}; take one of the two away"
        )
    if not impossible and not row["answers"]:
        raise DatasetError(
            f"{place} has no answer, yet is_impossible is false; add an answer or set it to true"
        )


def _answers(
    cell: Any, start: Any, place: str, oddities: list[Oddity]
) -> list[tuple[str, int | None]]:
    """Read (text, start) pairs, whichever way they are written; start None where not said."""
    if isinstance(cell, dict):
        texts, starts = cell.get("text", []), cell.get("answer_start", cell.get("start"))
        if isinstance(texts, str):
            texts, starts = [texts], [starts]
        starts = [None] * len(texts) if starts is None else starts
        if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
            raise DatasetError(f"{place}: answers must hold equally many 'text' and 'answer_start'")
        pairs = list(zip(texts, starts, strict=True))
    elif isinstance(cell, list | tuple):
        pairs = [
            (a.get("text"), a.get("answer_start", a.get("start")))
            if isinstance(a, dict)
            else (a, None)
            for a in cell
        ]
    else:
        text = as_text(cell)
        pairs = [] if text is None else [(text, start)]
    found: dict[tuple[str, int | None], None] = {}
    for text, at in pairs:
        if isinstance(at, str | float) and str(at).removesuffix(".0").isdigit():
            at = int(float(at))
        if not isinstance(text, str) or not text.strip():
            oddities.append(Oddity("blank_answer", place, "a blank answer, left out"))
            continue
        if at not in (None, "") and type(at) is not int:
            raise DatasetError(f"{place}: answer_start is {at!r}, not a whole number")
        found[text, at if type(at) is int else None] = None
    return list(found)


def _placed(context: str, text: str, start: int | None, place: str, oddities: list[Oddity]) -> int:
    """Where an answer begins: where it is said to, or the only place where it stands."""
    if start is not None and start >= 0 and context.startswith(text, start):
        return start
    first = context.find(text)
    again = context.find(text, first + 1) if first >= 0 else -1
    if first >= 0 and again < 0:
        if start is not None:
            said = f"the answer {text[:40]!r} is not at {start} but at {first}: moved there"
            oddities.append(Oddity("moved_answer", place, said))
        return first
    if first < 0:
        why, mend = "stands nowhere in its context", "write it exactly as the context does"
    else:
        missed = "" if start is None else f", but not at answer_start {start}"
        why, mend = f"stands several times in its context{missed}", "give the right answer_start"
    raise DatasetError(f"{place}: the answer {text[:40]!r} {why}; {mend}")
