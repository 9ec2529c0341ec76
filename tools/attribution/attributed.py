"""What each word of a row adds to one score."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from ..datasets.types import Split
from .words import Word


class Attribution(BaseModel):
    """What each word adds to one score.

    Attributes:
        what: The label or span that the score is of; `against`: whom it is compared with.
        method: "exact" for a linear model over words, else "integrated gradients".
        score, baseline: With the text, and without any word.
        delta: Sum of all attributions less score minus baseline; within `tolerance` it counts
            as complete.
        rest: What falls to special pieces.
        terms: Terms that stand for no word of the text.
    """

    model_config = ConfigDict(frozen=True)

    what: str
    against: str | None = None
    method: str
    score: float
    baseline: float
    delta: float
    tolerance: float
    complete: bool
    steps: int = 0
    words: tuple[Word, ...]
    rest: float = 0.0
    terms: tuple[tuple[str, float], ...] = ()


def by_gradients(
    what: str, against: str | None, words: list[Word], rest: float, shares: Any
) -> Attribution:
    """One that integrated gradients gave: `shares` of pieces, summed by word."""
    return Attribution(
        what=what,
        against=against,
        method="integrated gradients",
        score=shares.score,
        baseline=shares.baseline,
        delta=shares.delta,
        tolerance=shares.tolerance,
        complete=shares.complete,
        steps=shares.steps,
        words=tuple(words),
        rest=rest,
    )


def fields_of(split: Split) -> list[tuple[str, str]]:
    """The texts of the one row, by field."""
    row = split.rows[0] if split.rows else {}
    if "choices" in row:
        choices = [(f"choice {i}", c) for i, c in enumerate(row["choices"], 1)]
        return [("question", row["question"]), *choices]
    for names in (("first", "second"), ("question", "context"), ("text",)):
        if all(isinstance(row.get(n), str) for n in names):
            return [(n, row[n]) for n in names]
    return [("text", split.texts[0])]
