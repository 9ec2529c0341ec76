"""One character for one character: the many spellings of digits, dashes and spaces made plain.

Personal data is written with no-break spaces, long dashes and full-width digits. Folding keeps
every position, so that a finding in the folded text is a finding in the text.
"""

from __future__ import annotations

import unicodedata

_UNKNOWN = 0xFFFD


class _Folds(dict[int, int]):
    """Folded code points, worked out when first met."""

    def __missing__(self, code: int) -> int:
        self[code] = folded = _fold_code(code)
        return folded


def _fold_code(code: int) -> int:
    if code < 128:
        return code
    character = chr(code)
    category = unicodedata.category(character)
    if category == "Nd":
        return ord("0") + unicodedata.decimal(character)
    if category == "Zs":
        return ord(" ")
    if category == "Pd":
        return ord("-")
    if category in ("Cn", "Cs"):
        # Unassigned here, but a digit to a regex library with newer tables, which int() then
        # refuses; a lone surrogate cannot be encoded.
        return _UNKNOWN
    compatible = unicodedata.normalize("NFKC", character)
    return ord(compatible) if len(compatible) == 1 else code


_FOLDS = _Folds()


def fold(text: str) -> str:
    """Return the text with look-alike characters made ASCII; length and positions stay."""
    return text if text.isascii() else text.translate(_FOLDS)
