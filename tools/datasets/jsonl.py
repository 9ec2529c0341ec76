"""JSON Lines: one object a line."""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import DatasetError
from .decode import decode, read_bytes
from .tables import Table
from .types import Oddity

_KINDS = {list: "a list", str: "a string", int: "a number", float: "a number", bool: "true/false"}


def read_jsonl(path: Path) -> Table:
    """Read a JSONL file; keys that an object lacks are None.

    Places count the file's lines, blank ones included.

    Raises:
        DatasetError: The file or a line cannot be read; the message names the line.
    """
    decoded = decode(read_bytes(path), path.name)
    oddities = list(decoded.oddities)
    rows: list[dict[str, object]] = []
    places: list[str] = []
    columns: dict[str, None] = {}
    # Not splitlines(): U+2028 and its like may stand inside a JSON string.
    lines = decoded.text.split("\n")
    if not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, 1):
        place = f"{path.name} line {number}"
        if not line.strip():
            oddities.append(Oddity("empty_row", place, "blank line, skipped"))
            continue
        row = _parse(line, place)
        if not any(value not in (None, "") for value in row.values()):
            oddities.append(Oddity("empty_row", place, "no value at all, skipped"))
            continue
        if number in decoded.mended:
            oddities.append(Oddity("encoding", place, decoded.mended[number]))
        rows.append(row)
        places.append(place)
        columns.update(dict.fromkeys(row))
    cells = {column: [row.get(column) for row in rows] for column in columns}
    return Table(path.name, cells, places, oddities=tuple(oddities))


def _parse(line: str, place: str) -> dict[str, object]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        hint = ""
        if line.strip() in ("[", "{"):
            hint = " (an indented JSON document? write each row on one line)"
        raise DatasetError(
            f"{place} is not valid JSON: {error.msg} at column {error.colno}{hint}; "
            "mend that line: every line must be one JSON object"
        ) from None
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{place} cannot be read as JSON: {error}; mend that line") from None
    if not isinstance(value, dict):
        kind = _KINDS.get(type(value), "null")
        raise DatasetError(
            f"{place} holds {kind}, not an object; "
            'every line must look like {"text": "…", "label": "…"}'
        )
    return value
