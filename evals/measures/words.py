"""Words of a text in any script, for metrics that have no tokeniser of their own."""

from __future__ import annotations

import re

# Han, Hiragana, Katakana, Thai, Lao, Khmer and Burmese are written without spaces.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
_WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+")
_UNSPACED = re.compile(f"[{UNSPACED}]")


def words(text: str) -> list[str]:
    """Split into lower-case words; a character each where a script has no spaces."""
    return _WORD.findall(text.lower())


def is_unspaced(text: str) -> bool:
    """Tell whether most of a text's letters are of a script without spaces."""
    letters = sum(c.isalpha() for c in text)
    return len(_UNSPACED.findall(text)) * 2 > letters
