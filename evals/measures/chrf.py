"""chrF of a corpus, by sacrebleu: character n-grams, so no tokeniser is needed.

Statistics: (n, 18): n-grams given, of the best reference, and matching, for n = 1 to 6.

Source: Popović 2015, "chrF: character n-gram F-score for automatic MT evaluation".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..metrics import FloatArray, IntArray
from .corpora import segment_statistics, signed
from .sums import additive

NAMES = ("chrf",)
ORDER = 6


def rows(references: Sequence[Sequence[str]], given: Sequence[str]) -> FloatArray:
    """Make the statistics of n texts, each with one reference or more."""
    from sacrebleu.metrics.chrf import CHRF

    return segment_statistics(CHRF(), references, given, 3 * ORDER)


def over(metric: str, stats: FloatArray) -> Callable[[IntArray], float]:
    """Prepare the corpus's chrF, 0 to 100."""
    from sacrebleu.metrics.chrf import CHRF

    compute = CHRF()._compute_f_score  # what its own resampling comes down to
    return additive(stats, lambda sums: compute([int(c) for c in sums]))


def wrong(stats: FloatArray) -> FloatArray:
    """What the row's own chrF lacks of 1."""
    select = over("chrf", stats)
    found = [select(np.array([row])) for row in range(len(stats))]
    return np.maximum(1 - np.array(found) / 100, 0)


def signature(references: Sequence[Sequence[str]]) -> str:
    """What sacrebleu wants stated beside a score, so that others can compare theirs."""
    from sacrebleu.metrics.chrf import CHRF

    return signed(CHRF(), references)
