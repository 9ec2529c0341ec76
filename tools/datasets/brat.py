"""BRAT's standoff format: a folder of NAME.txt files with NAME.ann beside them."""

from __future__ import annotations

from pathlib import Path

from ..errors import DatasetError
from .decode import decode, read_bytes
from .tables import Table
from .types import Oddity


def is_brat(folder: Path) -> bool:
    """Tell whether a folder holds BRAT annotations."""
    return folder.is_dir() and any(folder.glob("*.ann"))


def read_brat(folder: Path) -> Table:
    """Read one document a row: "id", "text" and "spans", a list of {start, end, label, text}.

    Only text-bound annotations (T lines) are read. One in several pieces is taken from the
    first to the last of them, and told.

    Raises:
        DatasetError: A text without annotations or the reverse, or a line that is not of the
            format; the message names file and line.
    """
    cells: dict[str, list[object]] = {"id": [], "text": [], "spans": []}
    places: list[str] = []
    oddities: list[Oddity] = []
    for notes in sorted(folder.glob("*.ann")):
        document = notes.with_suffix(".txt")
        name = f"{folder.name}/{notes.name}"
        if not document.is_file():
            raise DatasetError(f"{name} has no {document.name} beside it; add the text")
        decoded = decode(read_bytes(document), document.name)
        oddities += decoded.oddities
        lines = notes.read_text(encoding="utf-8-sig", errors="replace").split("\n")
        found = [_span(line, f"{name} line {n}", oddities) for n, line in enumerate(lines, 1)]
        cells["id"].append(notes.stem)
        cells["text"].append(decoded.text)
        cells["spans"].append([span for span in found if span is not None])
        places.append(name)
    for document in sorted(folder.glob("*.txt")):
        if not document.with_suffix(".ann").is_file():
            raise DatasetError(
                f"{folder.name}/{document.name} has no {document.stem}.ann beside it; "
                "add the file, empty if nothing is marked, or take the text away"
            )
    return Table(folder.name, cells, places, oddities=tuple(oddities))


def _span(line: str, place: str, oddities: list[Oddity]) -> dict[str, object] | None:
    """Read `T1<tab>Type 0 5<tab>text`; other annotations give None."""
    line = line.rstrip("\r")
    if not line.startswith("T"):
        return None
    try:
        _, where, text = line.split("\t", 2)
        label, *rest = where.split(" ", 1)
        pieces = [[int(n) for n in piece.split()] for piece in rest[0].split(";")]
        start, end = pieces[0][0], pieces[-1][1]
    except (ValueError, IndexError):
        raise DatasetError(
            f"{place} is no annotation of text: {line[:40]!r}; "
            "it must look like 'T1<tab>Type 0 5<tab>words'"
        ) from None
    if len(pieces) > 1:
        said = f"{label} in {len(pieces)} pieces is taken as one, from {start} to {end}"
        oddities.append(Oddity("pieces", place, said))
        return {"start": start, "end": end, "label": label, "place": place}
    return {"start": start, "end": end, "label": label, "text": text, "place": place}
