"""BLEU of a corpus, by sacrebleu.

Statistics: (n, 10): words given, words of the nearest reference, matching n-grams and
n-grams given for n = 1 to 4. Their sums give the corpus's BLEU, as in sacrebleu's own
resampling.

Source: Papineni et al. 2002; Post 2018, "A Call for Clarity in Reporting BLEU Scores".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from ..metrics import FloatArray, IntArray
from .corpora import segment_statistics, signed
from .sums import additive

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU

NAMES = ("bleu",)
ORDER = 4


def tokenizer(language: str) -> str:
    """Name sacrebleu's tokeniser for a target language ("de", "zh-CN", "" if unknown).

    13a needs spaces between words. Japanese and Korean have tokenisers of their own
    where MeCab is installed; they and other scripts without spaces go by characters
    where there is none.
    """
    code = language.replace("_", "-").split("-")[0].lower()
    if code == "zh":
        return "zh"
    if code in ("ja", "ko"):
        return f"{code}-mecab" if find_spec("MeCab" if code == "ja" else "mecab_ko") else "char"
    return "char" if code in ("th", "lo", "km", "my", "bo", "yue", "wuu") else "13a"


def rows(
    references: Sequence[Sequence[str]], given: Sequence[str], *, language: str = ""
) -> FloatArray:
    """Make the statistics of n texts, each with one reference or more."""
    return segment_statistics(_bleu(language), references, given, 2 + 2 * ORDER)


def over(metric: str, stats: FloatArray) -> Callable[[IntArray], float]:
    """Prepare the corpus's BLEU, 0 to 100."""
    from sacrebleu.metrics.bleu import BLEU

    def finish(sums: FloatArray) -> float:
        counts = [int(c) for c in sums]
        return BLEU.compute_bleu(
            counts[2 : 2 + ORDER], counts[2 + ORDER :], counts[0], counts[1], smooth_method="exp"
        ).score

    return additive(stats, finish)


def wrong(stats: FloatArray) -> FloatArray:
    """What the row's own BLEU lacks of 1, over the n-gram orders that it has."""
    from sacrebleu.metrics.bleu import BLEU

    found = [
        BLEU.compute_bleu(
            [int(c) for c in row[2 : 2 + ORDER]],
            [int(c) for c in row[2 + ORDER :]],
            int(row[0]),
            int(row[1]),
            smooth_method="exp",
            effective_order=True,
        ).score
        for row in stats
    ]
    return np.maximum(1 - np.array(found) / 100, 0)


def signature(references: Sequence[Sequence[str]], *, language: str = "") -> str:
    """What sacrebleu wants stated beside a score, so that others can compare theirs."""
    return signed(_bleu(language), references)


def _bleu(language: str) -> BLEU:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize=tokenizer(language), force=True)
