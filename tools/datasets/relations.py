"""Texts with two marked spans, between which a relation holds or not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..errors import DatasetError
from .cells import find_field, identifiers, need_field, text_cell
from .decode import text_trouble
from .rows import Rows
from .tables import Table
from .types import Oddity, Row, Split

TEXT = ("text", "sentence", "content")
HEAD = ("head", "e1", "subject", "subj", "entity1")
TAIL = ("tail", "e2", "object", "obj", "entity2")
LABEL = ("label", "relation", "class")
_TAGGED = re.compile(r"<(/?)(e1|e2)>")


@dataclass(frozen=True)
class _Columns:
    """`head` and `tail` are None where the text itself holds <e1> and <e2> tags."""

    text: str
    head: str | None
    tail: str | None
    label: str | None


def holds_relations(table: Table) -> bool:
    """Tell whether a table has two spans of a text, by name or by tags."""
    text = find_field(table, TEXT)
    if text is None:
        return False
    spans = (find_field(table, HEAD), find_field(table, TAIL))
    if all(spans):
        return all(isinstance(c, dict | list) for s in spans if s for c in table.cells[s][:1])
    first = table.cells[text][0] if len(table) else None
    return isinstance(first, str) and "<e1>" in first and "<e2>" in first


def read_relations(table: Table, text: str | None, label: str | None, *, gold: bool = True) -> Rows:
    """Take texts, spans and labels out of a table, each span held against its text.

    Args:
        table: With text, head and tail {text, start, end}, or with <e1>…</e1> and
            <e2>…</e2> in the text.
        text, label: Column names given by the person.
        gold: Whether rows have a label; not so those that are to be answered.

    Raises:
        DatasetError: A row is wrong; the message names its place.
    """
    columns = _find(table, text, label, gold=gold)
    oddities = list(table.oddities)
    rows: list[Row] = []
    for position, place in enumerate(table.places):
        row = _row(table, columns, position)
        if trouble := text_trouble(row["text"]):
            oddities.append(Oddity("encoding", place, f"{trouble}; kept as it is"))
        rows.append(row)
    if not rows:
        raise DatasetError(f"{table.name} has no rows to use; add rows with text, head and tail")
    split = Split(
        tuple(tagged(row) for row in rows),
        tuple(row["label"] for row in rows),
        identifiers(table),
        tuple(table.places),
        tuple(rows),
    )
    return Rows(split, tuple(oddities))


def tagged(row: Row) -> str:
    """Write a row as one text, with tags around its spans."""
    text, head, tail = row["text"], row["head"], row["tail"]
    marks = [
        (head["start"], 1, "<e1>"),
        (head["end"], 0, "</e1>"),
        (tail["start"], 1, "<e2>"),
        (tail["end"], 0, "</e2>"),
    ]
    for at, _, mark in sorted(marks, reverse=True):
        text = f"{text[:at]}{mark}{text[at:]}"
    return str(text)


def _find(table: Table, text: str | None, label: str | None, *, gold: bool) -> _Columns:
    where = need_field(table, TEXT, "the text", text, hint=" or name it with --text COLUMN")
    head, tail = find_field(table, HEAD), find_field(table, TAIL)
    first = str(table.cells[where][0]) if len(table) else ""
    if (head is None or tail is None) and "<e1>" not in first:
        head = need_field(table, HEAD, "the first span, {text, start, end}")
        tail = need_field(table, TAIL, "the second span, {text, start, end}")
    tag = None
    if gold:
        tag = need_field(
            table, LABEL, "the relation", label, hint=" or name it with --label COLUMN"
        )
    return _Columns(where, head, tail, tag)


def _row(table: Table, columns: _Columns, position: int) -> Row:
    place = table.places[position]
    text = text_cell(table, columns.text, position, what="a text")
    if columns.head is None or columns.tail is None:
        text, head, tail = untagged(text, place)
    else:
        cells = (table.cells[columns.head][position], table.cells[columns.tail][position])
        head, tail = _checked(text, cells[0], cells[1], place)
    label = ""
    if columns.label is not None:
        label = text_cell(table, columns.label, position, what="a relation").strip()
    return {"text": text, "head": head, "tail": tail, "label": label}


def _checked(text: str, head: object, tail: object, place: str) -> tuple[Row, Row]:
    """Hold both spans against the text; say so where they seem to be swapped."""
    spans = {"head": _numbers(head, "head", place), "tail": _numbers(tail, "tail", place)}
    for name, (start, end, _) in spans.items():
        if not 0 <= start < end <= len(text):
            raise DatasetError(
                f"{place}: {name} is {start}:{end}, outside its text of {len(text)} characters; "
                "count characters from 0, the end not included"
            )
    (_, _, said_head), (_, _, said_tail) = spans["head"], spans["tail"]
    there = {name: text[start:end] for name, (start, end, _) in spans.items()}
    crossed = said_head == there["tail"] and said_tail == there["head"]
    if said_head and said_tail and crossed and said_head != said_tail:
        raise DatasetError(
            f"{place}: head and tail are swapped: head says {said_head!r}, but its offsets hold "
            f"{there['head']!r}, which tail says; exchange the offsets"
        )
    for name, (start, end, said) in spans.items():
        if said is not None and said != there[name]:
            raise DatasetError(
                f"{place}: {name} says {said!r}, but the text has {there[name]!r} at {start}:{end}"
                f"{_advice(text, said, start, end)}"
            )
    if spans["head"][:2] == spans["tail"][:2]:
        raise DatasetError(f"{place}: head and tail are the same span, {there['head']!r}; mend one")
    head_start, head_end, _ = spans["head"]
    tail_start, tail_end, _ = spans["tail"]
    first = _span(text, head_start, head_end) | _type_of(head)
    return first, _span(text, tail_start, tail_end) | _type_of(tail)


def _numbers(cell: object, name: str, place: str) -> tuple[int, int, str | None]:
    """Give start, end and, if it is said, the text of a span."""
    found: Any = cell
    if isinstance(cell, list | tuple) and len(cell) == 2:
        found = {"start": cell[0], "end": cell[1]}
    start, end = (found.get(k) if isinstance(found, dict) else None for k in ("start", "end"))
    whole = all(isinstance(n, int) and not isinstance(n, bool) for n in (start, end))
    if not whole:
        raise DatasetError(
            f"{place}: {name} has no whole numbers start and end; "
            'write {"text": …, "start": 4, "end": 9}'
        )
    said = found.get("text")
    return int(start or 0), int(end or 0), None if said is None else str(said)


def _advice(text: str, said: str, start: int, end: int) -> str:
    """What may be wrong with the offsets of a span."""
    if text[start : end + 1] == said:
        return f"; the end is not included: write {end + 1}"
    if text.count(said) == 1:
        at = text.index(said)
        return f"; it stands at {at}:{at + len(said)}"
    return "; mend the offsets or the text"


def _span(text: str, start: int, end: int) -> Row:
    return {"text": text[start:end], "start": start, "end": end}


def _type_of(cell: object) -> Row:
    """The entity type of a span, where the data gives one."""
    said = cell.get("type") if isinstance(cell, dict) else None
    return {"type": said.strip()} if isinstance(said, str) and said.strip() else {}


def untagged(text: str, place: str) -> tuple[str, Row, Row]:
    """Take the tags out of a text and give what they mark: the text, head and tail.

    Raises:
        DatasetError: A tag is missing, or stands twice.
    """
    at: dict[str, int] = {}
    plain = ""
    last = 0
    for match in _TAGGED.finditer(text):
        plain += text[last : match.start()]
        last = match.end()
        if match.group() in at:
            raise DatasetError(f"{place}: {match.group()} stands twice; mark one span with it")
        at[match.group()] = len(plain)
    plain += text[last:]
    missing = [tag for tag in ("<e1>", "</e1>", "<e2>", "</e2>") if tag not in at]
    if missing:
        raise DatasetError(
            f"{place}: has no {missing[0]}; mark both spans, <e1>…</e1> and <e2>…</e2>"
        )
    first: dict[str, Any] = {"start": at["<e1>"], "end": at["</e1>"]}
    second: dict[str, Any] = {"start": at["<e2>"], "end": at["</e2>"]}
    head, tail = _checked(plain, first, second, place)
    return plain, head, tail
