"""Answers taken from a text, scored as SQuAD 2.0 does.

Statistics: (n, 3), whether the answer is one of the true ones, the best F1 of its words
with any of them, and whether there is an answer.

What is compared is lower case without punctuation and articles. The script's articles
are the English ones, and published figures for other languages mostly come from it as it
is, so they are taken away in every language: Spanish "a" goes too, on both sides. Texts
in scripts without spaces are compared character by character, where the script would
take a whole answer for one word.

Source: Rajpurkar et al. 2018, "Know What You Don't Know".
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from ..metrics import FloatArray, IntArray
from .sums import additive
from .words import is_unspaced, words

NAMES = ("exact_match", "f1", "no_answer_f1")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def rows(true: Sequence[Sequence[str]], given: Sequence[str]) -> FloatArray:
    """Make the statistics of n questions.

    Args:
        true: The answers a person gave to each, none where the text has no answer.
        given: The model's answers, "" where it says that there is none.
    """
    found = [_row(golds, answer) for golds, answer in zip(true, given, strict=True)]
    return np.array(found, dtype=np.float64).reshape(-1, 3)


def plain(answer: str) -> str:
    """Write an answer as it is compared."""
    bare = _ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION))
    return " ".join(words(bare) if is_unspaced(bare) else bare.split())


def over(metric: str, stats: FloatArray) -> Callable[[IntArray], float]:
    """Prepare the mean over the questions, or over those without an answer."""
    column = stats[:, 0 if metric == "exact_match" else 1]
    counted = stats[:, 2] == 0 if metric == "no_answer_f1" else np.ones(len(stats))
    return additive(
        np.column_stack([column * counted, counted]),
        lambda s: float(s[0] / s[1]) if s[1] else float("nan"),
    )


def wrong(stats: FloatArray) -> FloatArray:
    """What the F1 of the answer's words lacks of 1."""
    return np.asarray(1 - stats[:, 1])


def _row(golds: Sequence[str], answer: str) -> tuple[float, float, float]:
    """Compare with each true answer; one that is nothing but punctuation counts as none."""
    given, true = plain(answer), [plain(gold) for gold in golds]
    true = [gold for gold in true if gold] or [""]
    return float(given in true), max(_f1(gold, given) for gold in true), float(bool(golds))


def _f1(true: str, given: str) -> float:
    gold, answer = Counter(true.split()), Counter(given.split())
    if not gold or not answer:
        return float(gold == answer)
    common = (gold & answer).total()
    return 2 * common / (gold.total() + answer.total())
