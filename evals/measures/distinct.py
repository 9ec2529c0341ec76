"""How varied generated texts are: distinct words and word pairs among all.

Statistics: (n, m), a number for each word of the row's answer, NaN after the last.

Source: Li et al. 2016, "A Diversity-Promoting Objective Function". A resample holds
rows twice, which lowers the share of distinct words: an interval lies below the value
more than above it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np

from ..metrics import FloatArray, IntArray
from .words import words

NAMES = ("distinct_1", "distinct_2")


def rows(answers: Sequence[str]) -> FloatArray:
    """Make the statistics of n answers; a word has the same number in every model's."""
    numbers = [[crc32(word.encode()) for word in words(answer)] for answer in answers]
    stats = np.full((len(answers), max(map(len, numbers), default=0)), np.nan)
    for row, found in zip(stats, numbers, strict=True):
        row[: len(found)] = found
    return stats


def over(metric: str, stats: FloatArray) -> Callable[[IntArray], float]:
    """Prepare the share of n-grams that are distinct, NaN where there is none."""
    which, n_grams = _ids(stats)
    if metric == "distinct_2":
        here, after = which[:, :-1], which[:, 1:]
        pairs = np.where(after < 0, np.nan, (here * n_grams + after).astype(np.float64))
        which, n_grams = _ids(pairs)

    def share(rows: IntArray) -> float:
        chosen = which[rows]
        chosen = chosen[chosen >= 0]
        if not len(chosen):
            return float("nan")
        return float((np.bincount(chosen, minlength=n_grams) > 0).sum() / len(chosen))

    return share


def wrong(stats: FloatArray) -> FloatArray:
    """Nothing: variety is of all rows together."""
    return np.zeros(len(stats))


def _ids(grams: FloatArray) -> tuple[IntArray, int]:
    """Number equal values from 0, -1 where there is none; and how many numbers there are."""
    there = ~np.isnan(grams)
    known, ids = np.unique(grams[there], return_inverse=True)
    which = np.full(grams.shape, -1, dtype=np.int64)
    which[there] = ids
    return which, len(known)
