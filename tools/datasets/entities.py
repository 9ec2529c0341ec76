"""Rows of named entities out of a table: tokens with tags, or texts with spans of characters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from ..errors import DatasetError
from .asked import asked_split, asked_texts
from .conll import TAG
from .decode import text_trouble
from .rows import Rows
from .tables import Table, as_text
from .types import Oddity, Row, Split
from .words import OUTSIDE, Span, as_bio, repaired, spans_of, split_words, stray_inside, tags_of

_MARK = re.compile(r"\[([^\[\]]+)\]\(([^()\s]+)\)")
TOKENS = ("tokens", "words")
TAGS = ("tags", "ner_tags", "ner", "labels", "bio")
TEXTS = ("text", "sentence", "content")
SPANS = ("spans", "entities", "ents", "label", "labels")


def token_columns(table: Table) -> tuple[str, str] | None:
    """The columns of tokens and of tags, if a table has both."""
    tokens = next((c for c in TOKENS if _lists(table, c)), None)
    tags = next((c for c in TAGS if _lists(table, c) and _strings(table, c)), None)
    return (tokens, tags) if tokens and tags else None


def span_columns(table: Table) -> tuple[str, str] | None:
    """The columns of text and of its spans, if a table has both."""
    texts = next((c for c in TEXTS if c in table.cells), None)
    spans = next((c for c in SPANS if _lists(table, c) and _spans(table, c)), None)
    return (texts, spans) if texts and spans else None


def read_entities(table: Table, *, train: bool) -> Rows:
    """Take tokens and BIO tags out of a table, whichever way they are written.

    Words of texts with spans are found by `split_words`, which looks at the text alone; a span
    that cuts a word is widened to all of it, and an I- that continues nothing is a B-; both
    are told.

    Args:
        table: One file.
        train: Rows without a word are left out of train, and kept elsewhere.

    Returns:
        Rows with text, tokens, offsets and tags. A row's label is its rarest type, or "".

    Raises:
        DatasetError: A row is wrong; the message names it.
    """
    oddities = list(table.oddities)
    tagged = token_columns(table)
    columns = tagged or span_columns(table)
    if columns is None:
        raise DatasetError(
            f"{table.name} has neither 'tokens' with 'tags' nor 'text' with 'spans'; "
            f"the columns are: {', '.join(table.columns)}"
        )
    first, second = (table.cells[name] for name in columns)
    ids = table.cells.get("id", [None] * len(table))
    rows: list[Row] = []
    kept: list[int] = []
    for i, (left, right, place) in enumerate(zip(first, second, table.places, strict=True)):
        if tagged:
            row = _from_tags(left, right, place, oddities)
        else:
            row = _from_spans(left, right, place, oddities)
        if not row["tokens"]:
            done = "left out of train" if train else "kept"
            oddities.append(Oddity("blank_text", place, f"no words; {done}"))
            if train:
                continue
        elif trouble := text_trouble(row["text"]):
            oddities.append(Oddity("encoding", place, f"{trouble}; kept as it is"))
        rows.append(row)
        kept.append(i)
    if not rows:
        raise DatasetError(f"{table.name} has no rows with words; add some, or remove the file")
    split = Split(
        texts=tuple(row["text"] for row in rows),
        labels=tuple(rarest_types(rows)),
        ids=tuple(as_text(ids[i]) for i in kept),
        places=tuple(table.places[i] for i in kept),
        rows=tuple(rows),
    )
    return Rows(split, tuple(oddities))


def entity_rows(table: Table, column: str | None) -> Split:
    """Take rows to be answered out of a table: tokens as they are, or the words of texts.

    Args:
        table: What the person gave.
        column: Of the text, where they named it.

    Raises:
        DatasetError: A row has no text; the message names it.
    """
    tokens = next((c for c in TOKENS if _lists(table, c)), None)
    if tokens is None or column is not None:
        asked = asked_texts(table, column)
        return replace(
            asked, rows=tuple(_of_words(text, split_words(text)) for text in asked.texts)
        )
    cells = zip(table.cells[tokens], table.places, strict=True)
    rows = [_of_tokens(_words(cell, "tokens", place)) for cell, place in cells]
    return asked_split(table, [row["text"] for row in rows], tuple(rows))


def rarest_types(rows: Sequence[Row]) -> list[str]:
    """Label each row by the type of its entities that fewest rows have; "" where it has none."""
    types = [{tag[2:] for tag in row["tags"] if tag != OUTSIDE} for row in rows]
    counts = Counter(name for found in types for name in found)
    return [min(found, key=lambda name: (counts[name], name), default="") for found in types]


def check_types(splits: Mapping[str, Split]) -> None:
    """Refuse types that train never saw, and data without any.

    Raises:
        DatasetError: With the first row that has such a type.
    """
    known = {tag[2:] for row in splits["train"].rows for tag in row["tags"] if tag != OUTSIDE}
    if not known:
        raise DatasetError(
            "no train row has an entity: all tags are O; mark some, or check that the right "
            "columns were read"
        )
    for name, split in splits.items():
        for row, place in zip(split.rows, split.places, strict=True):
            for tag in row["tags"]:
                if tag != OUTSIDE and tag[2:] not in known:
                    raise DatasetError(
                        f"{place} has an entity of type {tag[2:]!r}, which no train row has; "
                        f"correct its spelling, add such rows to train, or delete it from {name} "
                        f"(train has {', '.join(map(repr, sorted(known)))})"
                    )


def entity_spans(row: Row) -> list[Span]:
    """The entities of a row, in characters of its text."""
    offsets = row["offsets"]
    return [
        Span(offsets[first][0], offsets[end - 1][1], label)
        for first, end, label in spans_of(row["tags"])
    ]


def marked(row: Row) -> str:
    """Write a row as one text, its entities marked: [aspirin](Drug)."""
    text = row["text"]
    for start, end, label in reversed(entity_spans(row)):
        text = f"{text[:start]}[{text[start:end]}]({label}){text[end:]}"
    return str(text)


def unmarked(text: str) -> Row | None:
    """Read what `marked` writes; None where brackets are left over, or a mark cuts a word."""
    plain, at, spans = "", 0, []
    for match in _MARK.finditer(text):
        plain += text[at : match.start()]
        spans.append(Span(len(plain), len(plain) + len(match[1]), match[2]))
        plain, at = plain + match[1], match.end()
    plain += text[at:]
    words = split_words(plain)
    row: Row = {**_of_words(plain, words), "tags": tags_of(words, spans)}
    whole = entity_spans(row) == spans and words
    return row if whole and "](" not in plain else None


def _from_tags(left: object, right: object, place: str, oddities: list[Oddity]) -> Row:
    tokens, tags = _words(left, "tokens", place), as_bio(_words(right, "tags", place))
    if len(tokens) != len(tags):
        raise DatasetError(
            f"{place} has {len(tokens)} tokens and {len(tags)} tags; give every token one tag"
        )
    for position, (token, tag) in enumerate(zip(tokens, tags, strict=True), 1):
        if not TAG.fullmatch(tag):
            raise DatasetError(
                f"{place} has the tag {tag[:40]!r} at token {position}; "
                "tags must be O, B-type or I-type"
            )
        if not token.strip():
            raise DatasetError(f"{place} has a blank token at {position}; delete it with its tag")
    stray = stray_inside(tags)
    if stray is not None:
        seen = f"{tags[stray]} at token {stray + 1}, {tokens[stray]!r}, without its B-"
        tags = repaired(tags)
        oddities.append(Oddity("stray_inside", place, f"{seen}: read as the B- of an entity"))
    return {**_of_tokens(tokens), "tags": tags}


def _of_tokens(tokens: list[str]) -> Row:
    offsets, at = [], 0
    for token in tokens:
        offsets.append([at, at + len(token)])
        at += len(token) + 1
    return {"text": " ".join(tokens), "tokens": tokens, "offsets": offsets}


def _of_words(text: str, words: list[tuple[int, int]]) -> Row:
    tokens = [text[start:end] for start, end in words]
    return {"text": text, "tokens": tokens, "offsets": [list(word) for word in words]}


def _from_spans(left: object, right: object, place: str, oddities: list[Oddity]) -> Row:
    if not isinstance(left, str | None):
        raise DatasetError(f"{place}: the text is a {type(left).__name__}, not a string")
    text = left or ""
    spans = _checked_spans(text, right, place, oddities)
    words = split_words(text)
    for span in spans:
        cut = [w for w in words if w[0] < span.start < w[1] or w[0] < span.end < w[1]]
        if cut:
            wide = text[min(span.start, cut[0][0]) : max(span.end, cut[-1][1])]
            said = f"{span.label} {text[span.start : span.end]!r} cuts a word: read as {wide!r}"
            oddities.append(Oddity("cut_word", place, said))
    return {**_of_words(text, words), "tags": tags_of(words, spans)}


def _checked_spans(text: str, cell: object, place: str, oddities: list[Oddity]) -> list[Span]:
    """Read the spans of a row, in order, and refuse what is not in the text or overlaps."""
    if not isinstance(cell, list | tuple | None):
        raise DatasetError(f"{place}: the spans are no list; write [] where there are none")
    found: set[Span] = set()
    for number, item in enumerate(cell or (), 1):
        where = place
        if isinstance(item, dict):
            where = str(item.get("place", place))
        span = _span(item, f"{where}: span {number}")
        given = item.get("text") if isinstance(item, dict) else None
        if not 0 <= span.start < span.end <= len(text):
            raise DatasetError(
                f"{where}: the span {span.start} to {span.end} ({span.label}) lies outside its "
                f"text of {len(text)} characters, or is empty; correct its start and end"
            )
        inside = text[span.start : span.end]
        if isinstance(given, str) and " ".join(given.split()) != " ".join(inside.split()):
            raise DatasetError(
                f"{where}: the span {span.start} to {span.end} ({span.label}) holds "
                f"{inside[:40]!r}, not {given[:40]!r}; correct its start and end"
            )
        if not inside.strip():
            raise DatasetError(
                f"{where}: the span {span.start} to {span.end} ({span.label}) holds white "
                "space only; correct or delete it"
            )
        if span in found:
            oddities.append(Oddity("repeated_span", where, f"{inside[:40]!r} is marked twice"))
        found.add(span)
    spans = sorted(found)
    for one, other in pairwise(spans):
        if other.start < one.end:
            raise DatasetError(
                f"{place}: the spans {one.start} to {one.end} ({one.label}) and {other.start} to "
                f"{other.end} ({other.label}) overlap; keep one of them"
            )
    return spans


def _span(item: object, where: str) -> Span:
    """Read {"start", "end", "label"} or [start, end, label]."""
    parts: Sequence[Any] = ()
    if isinstance(item, dict):
        names = ("label", "type", "entity", "tag")
        label = next((item[name] for name in names if isinstance(item.get(name), str)), None)
        parts = (item.get("start"), item.get("end"), label)
    elif isinstance(item, list | tuple) and len(item) == 3:
        parts = item
    whole = len(parts) == 3 and all(type(n) is int for n in parts[:2])
    label = parts[2].strip() if whole and isinstance(parts[2], str) else ""
    if not label or any(character.isspace() for character in label):
        raise DatasetError(
            f'{where} is {str(item)[:60]}; it must be {{"start": 0, "end": 5, "label": "type"}}, '
            "with whole numbers and a type without spaces"
        )
    return Span(parts[0], parts[1], label)


def _words(cell: object, what: str, place: str) -> list[str]:
    if isinstance(cell, str):
        return cell.split()
    if not isinstance(cell, list | tuple) or not all(isinstance(word, str) for word in cell):
        raise DatasetError(f"{place}: the {what} are no list of strings")
    return list(cell)


def _lists(table: Table, column: str) -> bool:
    """Tell whether a column holds lists, or could: the first value that is there speaks."""
    first = next((value for value in table.cells.get(column, ()) if value not in (None, "")), None)
    return isinstance(first, list | tuple) or (isinstance(first, str) and column in _WORDY)


_WORDY = {*TOKENS, "tags", "ner_tags"}


def _strings(table: Table, column: str) -> bool:
    first = next((value for value in table.cells[column] if value), ())
    return isinstance(first, str) or all(isinstance(item, str) for item in first)  # type: ignore[attr-defined]


def _spans(table: Table, column: str) -> bool:
    """Tell whether the first list that holds something holds spans."""
    first: Any = next((value for value in table.cells[column] if value), [{"start": 0}])
    item = first[0]
    if isinstance(item, dict):
        return "start" in item or "end" in item
    return isinstance(item, list | tuple) and len(item) == 3
