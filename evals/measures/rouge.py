"""ROUGE of summaries, by rouge-score.

Statistics: (n, 3), F1 of ROUGE-1, ROUGE-2 and ROUGE-L with the best reference each.

rouge-score's own tokeniser keeps a-z and 0-9 alone and stems English. Where a corpus
holds other letters, that would tear its words apart, so the words are then those of any
script, without stemming; `scheme` says which.

Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..metrics import FloatArray, IntArray
from .sums import additive
from .words import words

NAMES = ("rouge1", "rouge2", "rougeL")
FOREIGN = 0.005  # share of letters beyond a-z from which a corpus is not English


class _Words:
    """A tokeniser of rouge-score for any script."""

    def tokenize(self, text: str) -> list[str]:
        """Split a text into words."""
        return words(text)


def scheme(references: Sequence[Sequence[str]]) -> str:
    """Tell how words are found: "english, stemmed" or "any script"."""
    text = "".join(text for golds in references for text in golds)
    letters = sum(c.isalpha() for c in text)
    foreign = sum(c.isalpha() and not c.isascii() for c in text)
    return "any script" if foreign > FOREIGN * letters else "english, stemmed"


def rows(references: Sequence[Sequence[str]], given: Sequence[str]) -> FloatArray:
    """Make the statistics of n texts, each with one reference or more."""
    from rouge_score.rouge_scorer import RougeScorer  # imports nltk, which takes seconds

    english = scheme(references) == "english, stemmed"
    scorer = RougeScorer(list(NAMES), use_stemmer=True, tokenizer=None if english else _Words())
    found = [scorer.score_multi(golds, text) for golds, text in zip(references, given, strict=True)]
    values = [[row[name].fmeasure for name in NAMES] for row in found]
    return np.array(values, dtype=np.float64).reshape(-1, 3)


def over(metric: str, stats: FloatArray) -> Callable[[IntArray], float]:
    """Prepare the mean over the rows."""
    column = stats[:, NAMES.index(metric)]
    return additive(np.column_stack([column, np.ones(len(stats))]), lambda s: float(s[0] / s[1]))


def wrong(stats: FloatArray) -> FloatArray:
    """What the row's ROUGE-L lacks of 1."""
    return np.asarray(1 - stats[:, 2])
