"""How words are written: what an uncased model no longer sees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LONG = 8


def _traits(word: str) -> tuple[bool, ...]:
    letters = [c for c in word if c.isalpha()]
    upper = sum(c.isupper() for c in letters)
    return (
        word[:1].isupper(),
        upper > 1 and upper == len(letters),
        bool(letters) and not upper,
        any(c.isupper() for c in word[1:]) and upper < len(letters),
        word.isdigit(),
        any(c.isdigit() for c in word),
        bool(letters) and any(c.isdigit() for c in word),
        not any(c.isalnum() for c in word),
        len(word) > 1 and not word.isalnum() and any(c.isalnum() for c in word),
        len(word) > 1 and word[0] in "@#",
        "://" in word or word.startswith("www."),
        len(word) == 1,
        len(word) >= LONG,
        not word.isascii(),
    )


WIDTH = 3 * (len(_traits("")) + 1)


def word_shapes(words: Sequence[str]) -> NDArray[np.float32]:
    """Describe how each word of a text, and the one on either side, is written.

    Capitals, digits, marks, lengths and scripts: nothing of what the words say.

    Returns:
        (n, WIDTH), 0 or 1; the last trait of each third is that there is such a word.
    """
    rows = np.array([(*_traits(word), True) for word in words], np.float32)
    rows = rows.reshape(-1, WIDTH // 3)
    nothing = np.zeros((1, WIDTH // 3), np.float32)
    before = np.concatenate([nothing, rows])[:-1] if len(rows) else rows
    after = np.concatenate([rows, nothing])[1:] if len(rows) else rows
    return np.concatenate([rows, before, after], axis=1)
