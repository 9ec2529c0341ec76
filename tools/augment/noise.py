"""Spelling and keyboard noise: the slips of people who type, in some words of a text."""

from __future__ import annotations

import re

import numpy as np

from ..tasks.pieces import Changed, Edit, Piece

ORIGIN = "with spelling noise"
SHARE = 0.15  # of the words that can bear it
LEAST = 4  # letters; shorter words turn into others
_WORD = re.compile(r"[^\W\d_]+")
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def noisy(piece: Piece, rng: np.random.Generator, *, share: float = SHARE) -> Changed:
    """Misspell some words: letters swapped, left out, doubled, or a neighbouring key hit.

    Args:
        piece: One without a free word of LEAST letters comes back as it is.
        rng: What is drawn from.
        share: Of such words, at least one.

    Source: Belinkov & Bisk 2018, Synthetic and Natural Noise Both Break NMT.
    """
    text = piece.text
    spans = [m.span() for m in _WORD.finditer(text) if m.end() - m.start() >= LEAST]
    spans = [span for span in spans if piece.free(*span)]
    if not spans:
        return Changed(text)
    count = max(1, round(share * len(spans)))
    chosen = sorted(rng.choice(len(spans), size=min(count, len(spans)), replace=False))
    found = [(*spans[i], slip(text[slice(*spans[i])], rng)) for i in chosen]
    return Changed(text, tuple(Edit(*f) for f in found if f[2] != text[f[0] : f[1]]))


def slip(word: str, rng: np.random.Generator) -> str:
    """One slip inside a word; its first letter stays, as it mostly does."""
    at = int(rng.integers(1, len(word) - 1))
    kind = int(rng.integers(4))
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
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
