"""From pieces and terms to the words that a person sees, by their places in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from ...evals.metrics import FloatArray

_WORD = re.compile(r"\w+|[^\w\s]")
Place = tuple[str, int, int]  # field, start, end in characters


class Word(BaseModel):
    """A word and its share of a score.

    Attributes:
        field: Of the row: "text", "question", "first", ...
        start, end: In the field's text, in characters.
    """

    model_config = ConfigDict(frozen=True)

    field: str
    text: str
    start: int
    end: int
    value: float = 0.0


def split_words(fields: Sequence[tuple[str, str]]) -> list[Word]:
    """Cut the fields of a row into words and marks."""
    return [
        Word(field=name, text=m[0], start=m.start(), end=m.end())
        for name, text in fields
        for m in _WORD.finditer(text)
    ]


def by_word(
    fields: Sequence[tuple[str, str]], places: Sequence[Place | None], values: FloatArray
) -> tuple[list[Word], float]:
    """Add up the values of pieces for each word.

    A piece that spans several words is shared by its characters in each.

    Args:
        fields: Names and texts.
        places: Of each piece; None where it stands for no text.
        values: (pieces,).

    Returns:
        The words, and what belongs to none: special pieces, markers, white space.
    """
    words = split_words(fields)
    totals = np.zeros(len(words))
    rest = 0.0
    for place, value in zip(places, values, strict=True):
        shares = [] if place is None else _shares(words, place)
        if not shares:
            rest += float(value)
        for position, share in shares:
            totals[position] += share * float(value)
    found = [w.model_copy(update={"value": float(v)}) for w, v in zip(words, totals, strict=True)]
    return found, rest


def _shares(words: Sequence[Word], place: Place) -> list[tuple[int, float]]:
    field, start, end = place
    common = [
        (i, min(w.end, end) - max(w.start, start))
        for i, w in enumerate(words)
        if w.field == field and w.start < end and w.end > start
    ]
    total = sum(n for _, n in common)
    return [(i, n / total) for i, n in common]
