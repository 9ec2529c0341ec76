"""Spelling and keyboard noise: the slips of people who type, in some words of a text."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from ..tasks.pieces import Changed, Edit, Piece

ORIGIN = "with spelling noise"
SHARE = 0.15  # of the words that can bear it
LEAST = 4  # letters; shorter words turn into others
_WORD = re.compile(r"[^\W\d_]+")
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


Slip = Callable[[str, np.random.Generator], str]


def noisy(
    piece: Piece, rng: np.random.Generator, *, share: float = SHARE, how: Slip | None = None
) -> Changed:
    """Misspell some words: letters swapped, left out, doubled, or a neighbouring key hit.

    Args:
        piece: One without a free word of LEAST letters comes back as it is.
        rng: What is drawn from.
        share: Of such words, at least one.
        how: What becomes of a word; None: `slip`.

    Source: Belinkov & Bisk 2018, Synthetic and Natural Noise Both Break NMT.
    """
    how = how or slip
    text = piece.text
    spans = [m.span() for m in _WORD.finditer(text) if m.end() - m.start() >= LEAST]
    spans = [span for span in spans if piece.free(*span)]
    if not spans:
        return Changed(text)
    count = max(1, round(share * len(spans)))
    chosen = sorted(rng.choice(len(spans), size=min(count, len(spans)), replace=False))
    found = [(*spans[i], how(text[slice(*spans[i])], rng)) for i in chosen]
    return Changed(text, tuple(Edit(*f) for f in found if f[2] != text[f[0] : f[1]]))


def slip(word: str, rng: np.random.Generator) -> str:
    """One slip inside a word; its first letter stays, as it mostly does."""
    at = int(rng.integers(1, len(word) - 1))
    kind = int(rng.integers(4))
    return _mistyped(word, at, rng) if kind == 3 else _misspelt(word, at, kind)


def misspelt(word: str, rng: np.random.Generator) -> str:
    """Two letters of a word swapped, or one left out or doubled; the first stays."""
    return _misspelt(word, int(rng.integers(1, len(word) - 1)), int(rng.integers(3)))


def mistyped(word: str, rng: np.random.Generator) -> str:
    """A neighbouring key hit inside a word; a letter of no such keyboard is doubled."""
    return _mistyped(word, int(rng.integers(1, len(word) - 1)), rng)


def _misspelt(word: str, at: int, kind: int) -> str:
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    return word[:at] + word[at] + word[at:]


def _mistyped(word: str, at: int, rng: np.random.Generator) -> str:
    near = neighbours(word[at])
    if not near:  # not on this keyboard
        return word[:at] + word[at] + word[at:]
    key = near[int(rng.integers(len(near)))]
    return word[:at] + (key.upper() if word[at].isupper() else key) + word[at + 1 :]


def neighbours(letter: str) -> str:
    """The keys to the left and right of a letter, and above and below."""
    for y, row in enumerate(_KEYS):
        x = row.find(letter.lower())
        if x >= 0:
            beside = row[max(0, x - 1) : x] + row[x + 1 : x + 2]
            others = "".join(_KEYS[i][x : x + 1] for i in (y - 1, y + 1) if 0 <= i < len(_KEYS))
            return beside + others
    return ""
