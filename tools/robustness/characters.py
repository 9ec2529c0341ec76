"""Other ways to write the same words: upper and lower case, punctuation, look-alike letters."""

from __future__ import annotations

import re

import numpy as np

from ..augment.noise import SHARE
from ..tasks.pieces import Changed, Edit, Piece

_WORD = re.compile(r"[^\W\d_]+")
_MARK = re.compile(r"[.,;:!?…]+(?=\s|$)")
_GAP = re.compile(r"(?<=\w)(?=\s\w)")  # between two words without a mark
ENDS = ("!", "!!", "...", " ?", "")

# Of Latin letters, those of other scripts that look the same in most fonts; see "confusables",
# Unicode Technical Standard 39.
LOOK_ALIKE = str.maketrans(
    {
        "a": "а", "c": "с", "e": "е", "i": "і", "j": "ј", "o": "о", "p": "р", "s": "ѕ",
        "x": "х", "y": "у", "h": "һ", "d": "ԁ", "A": "А", "B": "В", "C": "С", "E": "Е",
        "H": "Н", "I": "І", "K": "К", "M": "М", "O": "О", "P": "Р", "S": "Ѕ", "T": "Т",
        "X": "Х", "Y": "У",
    }
)  # fmt: skip


def cased(piece: Piece, rng: np.random.Generator) -> Changed:
    """All free words in capitals, in small letters, or each with a capital: one that differs."""
    text = piece.text
    ways = [how for how in (str.upper, str.lower, str.title) if how(text) != text]
    if not ways:
        return Changed(text)
    how = ways[int(rng.integers(len(ways)))]
    edits = []
    for match in _WORD.finditer(text):
        word = match.group()
        new = how(word)
        if new != word and len(new) == len(word) and piece.free(*match.span()):
            edits.append(Edit(*match.span(), new))
    return Changed(text, tuple(edits))


def punctuated(piece: Piece, rng: np.random.Generator) -> Changed:
    """Marks left out or others put in their place, a comma between two words, another end."""
    text = piece.text
    edits = [
        Edit(*m.span(), "" if rng.random() < 0.5 else ENDS[int(rng.integers(3))])
        for m in _MARK.finditer(text)
        if piece.free(*m.span()) and m.end() < len(text.rstrip())
    ]
    gaps = [m.start() for m in _GAP.finditer(text) if _apart(piece, m.start())]
    if gaps:
        at = gaps[int(rng.integers(len(gaps)))]
        edits.append(Edit(at, at, ","))
    end = len(text.rstrip())
    last = _MARK.search(text, max(0, end - 3), end) if end else None
    start = last.start() if last and last.end() == end else end
    if start and _apart(piece, start) and piece.free(start, end):
        edits.append(Edit(start, end, ENDS[int(rng.integers(len(ENDS)))]))
    kept = [e for e in sorted(edits, key=lambda e: e.start) if text[e.start : e.end] != e.new]
    return Changed(text, tuple(kept))


def disguised(piece: Piece, rng: np.random.Generator, *, share: float = SHARE) -> Changed:
    """One letter of some words replaced by one of another script that looks the same.

    Source: Gao et al. 2018, DeepWordBug; Boucher et al. 2022, Bad Characters.
    """
    text = piece.text
    found = [
        (m.start(), [i for i, c in enumerate(m.group()) if ord(c) in LOOK_ALIKE])
        for m in _WORD.finditer(text)
        if len(m.group()) > 2 and piece.free(*m.span())
    ]
    found = [(start, places) for start, places in found if places]
    if not found:
        return Changed(text)
    count = min(len(found), max(1, round(share * len(found))))
    edits = []
    for i in sorted(rng.choice(len(found), size=count, replace=False)):
        start, places = found[i]
        at = start + places[int(rng.integers(len(places)))]
        edits.append(Edit(at, at + 1, text[at].translate(LOOK_ALIKE)))
    return Changed(text, tuple(edits))


def _apart(piece: Piece, at: int) -> bool:
    """Whether something put in at a place falls into, or right beside, nothing that is held."""
    return all(not first <= at <= last for first, last in piece.held)
