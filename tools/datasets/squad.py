"""SQuAD's JSON, versions 1.1 and 2.0: articles of paragraphs of questions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from .decode import decode, read_bytes
from .tables import Table

_COLUMNS = ("id", "title", "context", "question", "answers", "is_impossible")
_SNIFFED_BYTES = 1 << 16


def is_squad(path: Path) -> bool:
    """Tell whether a .json file is an object that has "data" and, in it, "paragraphs"."""
    try:
        head = path.read_bytes()[:_SNIFFED_BYTES]
    except OSError:
        return False
    return head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"{" and all(
        name in head for name in (b'"data"', b'"paragraphs"')
    )


def read_squad(path: Path) -> Table:
    """Read one question a row, with the columns of SQuAD's own field names.

    Places count articles, their paragraphs and the questions of those from 1.

    Raises:
        DatasetError: The file is no JSON, or not of this shape; the message says where.
    """
    decoded = decode(read_bytes(path), path.name)
    try:
        document = json.loads(decoded.text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path.name} is not valid JSON: {error}; mend the file") from None
    articles = document.get("data") if isinstance(document, dict) else None
    if not isinstance(articles, list):
        raise DatasetError(
            f"{path.name} is no SQuAD file: it has no list 'data' of articles; "
            "write other data one JSON object a line and name it .jsonl"
        )
    rows = list(_questions(path.name, articles))
    cells: dict[str, list[object]] = {
        column: [row.get(column) for row, _ in rows] for column in _COLUMNS
    }
    if not any(isinstance(value, bool) for value in cells["is_impossible"]):
        del cells["is_impossible"]
    return Table(path.name, cells, [place for _, place in rows], oddities=tuple(decoded.oddities))


def _questions(name: str, articles: list[Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for a, article in enumerate(articles, 1):
        for p, paragraph in enumerate(_list(article, "paragraphs", f"{name} article {a}"), 1):
            place = f"{name} article {a} paragraph {p}"
            for q, question in enumerate(_list(paragraph, "qas", place), 1):
                where = f"{place} question {q}"
                if not isinstance(question, dict):
                    raise DatasetError(f"{where} is not an object; mend the file")
                given = {"title": article.get("title"), "context": paragraph.get("context")}
                yield {**given, **question}, where


def _list(holder: Any, key: str, place: str) -> list[Any]:
    found = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(found, list):
        raise DatasetError(f"{place} has no list {key!r}; mend the file after SQuAD's shape")
    return found
