"""Exact contributions of words under tf-idf and a linear head: weight times value, no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...evals.metrics import FloatArray
from ..training.linear import LinearHead
from .words import Word, split_words


@dataclass(frozen=True)
class TermShares:
    """What each term of a text adds to a score; `bias` is there without any."""

    terms: tuple[tuple[str, float], ...]
    bias: float

    @property
    def score(self) -> float:
        """The terms and the bias together."""
        return self.bias + sum(value for _, value in self.terms)


def term_shares(folder: Path, head: LinearHead, text: str, direction: FloatArray) -> TermShares:
    """Share out a linear score among the terms of a text.

    Args:
        folder: Of the model.
        text: As the rung counts it, see `Inputs.words`.
        direction: (n_outputs,): the score is this mix of the outputs' logits.
    """
    import json

    from ..deployment.load import word_features

    row: Any = word_features(folder, head)([text])
    vocabulary = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    weight = direction @ head.weight.astype(np.float64)
    bias = float(direction @ head.bias.astype(np.float64))
    if not vocabulary:
        return TermShares((), bias)
    names = {column: term for term, column in vocabulary.items()}
    found = row.tocoo()
    shares = [
        (names[int(c)], float(v) * float(weight[c]))
        for c, v in zip(found.col, found.data, strict=True)
    ]
    return TermShares(tuple(sorted(shares, key=lambda s: -abs(s[1]))), bias)


def terms_by_word(
    fields: Sequence[tuple[str, str]], shares: TermShares
) -> tuple[list[Word], list[tuple[str, float]]]:
    """Share each term's contribution among the words of the text that it stands for.

    A term of two words is shared by both, one that occurs several times by all.

    Returns:
        The words, and the terms that stand for none, such as "first_head".
    """
    words = split_words(fields)
    spoken = [w.text.lower() for w in words]
    totals = np.zeros(len(words))
    rest = []
    for term, value in shares.terms:
        spots = _spots(spoken, term)
        if not spots:
            rest.append((term, value))
        for spot in spots:
            totals[spot] += value / len(spots)
    return [
        w.model_copy(update={"value": float(v)}) for w, v in zip(words, totals, strict=True)
    ], rest


def _spots(spoken: Sequence[str], term: str) -> list[int]:
    """Where a term stands among the words; one with a mark, as "both_car", where its word does."""
    parts = term.split()
    for looked in (parts, [p.partition("_")[2] or p for p in parts]):
        plain = [i for i, w in enumerate(spoken) if w[:1].isalnum() or w[:1] == "_"]
        runs = [plain[i : i + len(looked)] for i in range(len(plain) - len(looked) + 1)]
        found = [run for run in runs if [spoken[i] for i in run] == looked]
        if found:
            return sorted({i for run in found for i in run})
    single = {p.partition("_")[2] or p for p in parts}
    return [i for i, w in enumerate(spoken) if len(parts) > 1 and w in single]
