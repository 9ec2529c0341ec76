"""Plain text: paragraphs apart by blank lines, or else a text a line."""

from __future__ import annotations

from pathlib import Path

from .decode import decode, read_bytes
from .tables import Table
from .types import Oddity

TEXT = "text"


def read_plain(path: Path) -> Table:
    """Read a text file as rows of one column, "text".

    Where blank lines part the text, what stands between them is a row, its line breaks
    kept; else every line is one. Places name the line at which a row begins.

    Raises:
        DatasetError: The file cannot be read.
    """
    decoded = decode(read_bytes(path), path.name)
    oddities = [
        *decoded.oddities,
        *(
            Oddity("encoding", f"{path.name} line {number}", what)
            for number, what in decoded.mended.items()
        ),
    ]
    # Not splitlines(): U+2028 and its like may stand inside a paragraph.
    lines = decoded.text.replace("\r\n", "\n").split("\n")
    parted = any(not line.strip() for line in "\n".join(lines).strip().split("\n"))
    texts: list[object] = []
    places: list[str] = []
    begun: list[str] = []
    for number, line in enumerate([*lines, ""], 1):
        if line.strip():
            if not begun:
                places.append(f"{path.name} line {number}")
            begun.append(line.rstrip())
        if begun and (not parted or not line.strip()):
            texts.append("\n".join(begun))
            begun = []
    what = "paragraphs" if parted else "lines"
    guess = f"{path.name}: {len(texts):,} {what} of plain text"
    return Table(path.name, {TEXT: texts}, places, oddities=tuple(oddities), guesses=(guess,))
