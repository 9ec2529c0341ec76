"""From scores of pieces to an answer, or to none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...evals.metrics import FloatArray
from .answering import NOTHING, AnswerExamples

BEST = 20  # spans of a context that are kept
_NEVER = -1e9


@dataclass(frozen=True)
class Found:
    """The best answers in one context.

    Attributes:
        spans: (start, end) in characters, best first; () where the context has no word.
        scores: Of each.
        nothing: Score of there being no answer.
    """

    spans: tuple[tuple[int, int], ...]
    scores: tuple[float, ...]
    nothing: float

    @property
    def margin(self) -> float:
        """How much better the best answer is than none."""
        return self.scores[0] - self.nothing if self.scores else -np.inf

    def probability(self, answered: bool) -> float:
        """Of what is said, among the spans that are kept and no answer."""
        every = np.array([self.nothing, *self.scores])
        chances = np.exp(every - every.max())
        return float(chances[1 if answered else 0] / chances.sum())


def best_spans(
    outputs: FloatArray, examples: AnswerExamples, rows: int, *, longest: int
) -> list[Found]:
    """Find the best spans of each context over all its windows.

    Args:
        outputs: (pieces, 2), scores of a beginning and an end.
        examples: The windows that they are of.
        rows: How many contexts there are.
        longest: Pieces of an answer, at most.

    Source: Devlin et al. 2018 (SQuAD): the best pair of a beginning and an end after it; the
    score of no answer is the lowest over the windows.
    """
    kept: list[dict[tuple[int, int], float]] = [{} for _ in range(rows)]
    nothing = np.full(rows, np.inf)
    for window, owner in enumerate(examples.pieces.owner):
        own = slice(examples.starts[window], examples.starts[window + 1])
        begin, end = outputs[own, 0], outputs[own, 1]
        nothing[owner] = min(nothing[owner], begin[NOTHING] + end[NOTHING])
        pairs = np.where(examples.begins[own], begin, _NEVER)[:, None] + np.where(
            examples.ends[own], end, _NEVER
        )
        steps = np.arange(len(begin))
        length = steps[None, :] - steps[:, None]
        pairs[(length < 0) | (length >= longest)] = 2 * _NEVER
        flat = np.argsort(-pairs, axis=None, kind="stable")[:BEST]
        first, last = examples.pieces.first[own], examples.pieces.last[own]
        for i, j in zip(*np.unravel_index(flat, pairs.shape), strict=True):
            if pairs[i, j] > _NEVER / 2:
                place = (int(first[i]), int(last[j]))
                kept[owner][place] = max(kept[owner].get(place, _NEVER), float(pairs[i, j]))
    return [_ranked(spans, none) for spans, none in zip(kept, nothing, strict=True)]


def longest_answer(examples: AnswerExamples) -> int:
    """Pieces of the longest answer that training saw, with some to spare."""
    lengths = examples.spans[:, 1] - examples.spans[:, 0] + 1
    seen = lengths[examples.spans[:, 0] != NOTHING]
    return int(np.ceil(1.2 * np.percentile(seen, 99))) + 1 if len(seen) else 1


def fit_threshold(
    found: Sequence[Found], if_answered: Sequence[float], if_not: Sequence[float]
) -> tuple[float, float]:
    """Choose the margin from which an answer is given, by the mean score.

    Args:
        found: Of n contexts.
        if_answered, if_not: What giving the best answer, or none, scores in each: 0..1.

    Returns:
        The margin, midway between two that were seen, and the mean score.
    """
    margins = np.array([each.margin for each in found])
    order = np.argsort(margins, kind="stable")
    gain = np.asarray(if_answered)[order] - np.asarray(if_not)[order]
    # Answering all but the k least certain: k from none to all.
    totals = np.sum(if_not) + np.concatenate([np.cumsum(gain[::-1])[::-1], [0.0]])
    best = int(np.argmax(totals))
    finite = np.clip(margins[order], -1e6, 1e6)
    low = finite[best - 1] if best else finite[0] - 1
    high = finite[best] if best < len(finite) else finite[-1] + 1
    return float((low + high) / 2), float(totals[best] / max(1, len(found)))


def _ranked(spans: dict[tuple[int, int], float], nothing: float) -> Found:
    best = sorted(spans.items(), key=lambda item: (-item[1], item[0]))[:BEST]
    return Found(tuple(s for s, _ in best), tuple(v for _, v in best), float(nothing))
