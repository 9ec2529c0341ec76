"""CoNLL: a token a line with its tag in the last column; a blank line ends a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..errors import DatasetError
from .decode import Decoded, decode, read_bytes
from .tables import Table
from .types import Oddity

TAG = re.compile(r"O|[BIESLUMW]-\S+")
_SNIFFED_LINES = 2000
ReadLine = Callable[[list[str], str], tuple[str, str]]  # fields and place to token and tag
_DOCUMENT = "-DOCSTART-"


def read_conll(path: Path) -> Table:
    """Read sentences of tokens and tags; columns "tokens" and "tags" hold lists.

    Columns are separated by tabs, or by white space where no line has a tab. The first is the
    token and the last its tag; what lies between them is let be. Lines that begin with "# "
    and bear no tag, and -DOCSTART- lines, are comments. A row's place is its first line.

    Raises:
        DatasetError: A line has one column only, or its last one is no tag; the message
            names the line.
    """
    return _parsed(path.name, decode(read_bytes(path), path.name), _token)


def read_tokens(path: Path) -> Table:
    """Read sentences of tokens alone, the first column of each line; tags, if any, are let be."""
    table = _parsed(
        path.name, decode(read_bytes(path), path.name), lambda fields, _: (fields[0], "O")
    )
    return replace(table, cells={"tokens": table.cells["tokens"]})


def is_conll(path: Path) -> bool:
    """Tell whether a .tsv or .txt file has the shape: a tag on every line, sentences apart."""
    try:
        lines = decode(read_bytes(path), path.name).text.split("\n")[:_SNIFFED_LINES]
    except DatasetError:
        return False
    tabs = any("\t" in line for line in lines)
    fields = [_fields(line, tabs=tabs) for line in lines if line.strip()]
    tagged = [f for f in fields if len(f) > 1 and TAG.fullmatch(f[-1])]
    comments = sum(_is_comment(f) for f in fields)
    several = any(not line.strip() for line in lines[:-1]) or len(fields) > len(tagged)
    beside_o = any(f[-1] != "O" for f in tagged)
    return bool(tagged) and beside_o and several and len(tagged) + comments == len(fields)


def _parsed(name: str, decoded: Decoded, read: ReadLine) -> Table:
    lines = decoded.text.split("\n")
    tabs = any("\t" in line for line in lines)
    tokens: list[object] = []
    tags: list[object] = []
    places: list[str] = []
    oddities = list(decoded.oddities)
    words: list[str] = []
    marks: list[str] = []
    for number, raw in enumerate([*lines, ""], 1):
        line = raw.rstrip("\r")
        place = f"{name} line {number}"
        if number in decoded.mended:
            oddities.append(Oddity("encoding", place, decoded.mended[number]))
        if not line.strip():
            if words:
                tokens.append(words)
                tags.append(marks)
                words, marks = [], []
            continue
        fields = _fields(line, tabs=tabs)
        if _is_comment(fields):
            continue
        token, tag = read(fields, place)
        if not words:
            places.append(place)
        words.append(token)
        marks.append(tag)
    return Table(name, {"tokens": tokens, "tags": tags}, places, oddities=tuple(oddities))


def _fields(line: str, *, tabs: bool) -> list[str]:
    return [field.strip() for field in line.split("\t")] if tabs else line.split()


def _is_comment(fields: list[str]) -> bool:
    if fields[0] == _DOCUMENT:
        return True
    begins = fields[0] == "#" or fields[0].startswith("# ")
    return begins and (len(fields) == 1 or not TAG.fullmatch(fields[-1]))


def _token(fields: list[str], place: str) -> tuple[str, str]:
    token, tag = fields[0], fields[-1]
    if len(fields) == 1:
        raise DatasetError(
            f"{place} holds {token[:40]!r} alone, without a tag; every line must be a token, "
            "a tab and its tag, as in 'Berlin\\tB-location'"
        )
    if not token:
        raise DatasetError(f"{place} has a tag, {tag!r}, but no token; delete the line")
    if not TAG.fullmatch(tag):
        raise DatasetError(
            f"{place} ends in {tag[:40]!r}, which is no tag; "
            "the last column must be O, B-type or I-type"
        )
    return token, tag
