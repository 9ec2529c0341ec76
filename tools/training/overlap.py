"""Where a context speaks of what is asked: words that it shares with the question."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..datasets.words import split_words
from .shapes import WIDTH as SHAPES
from .shapes import word_shapes

STEM = 5  # letters that two words must share to count as forms of one
SCALES = (2.0, 6.0, 20.0)  # words over which a shared word is felt
WIDTH = 3 + 2 * len(SCALES) + SHAPES
_ENDS = ".!?。！？।؟…"


class Overlap(NamedTuple):
    """The words of a context, and what is known of each.

    Attributes:
        words: (start, end) in characters.
        features: (n_words, WIDTH), about 0 to 1.
        sentences: (first, end) in words, one after the other.
        shares: For each sentence, the share of the question's words that it holds.
    """

    words: list[tuple[int, int]]
    features: NDArray[np.float32]
    sentences: list[tuple[int, int]]
    shares: NDArray[np.float64]


def overlap(context: str, question: str) -> Overlap:
    """Find shared words, how near each word of the context is to them, and how each is written.

    Words that are rare in the context weigh most, so that no list of stop words is needed.

    Source: after Chen et al. 2017, "Reading Wikipedia to Answer Open-Domain Questions"
    (exact match features).
    """
    words = split_words(context)
    forms = [_stem(context[start:end]) for start, end in words]
    asked = {_stem(question[a:b]) for a, b in split_words(question) if question[a].isalnum()}
    counts = Counter(forms)
    weight = {form: 1 / counts[form] for form in asked & counts.keys()}
    found = np.array([weight.get(form, 0.0) for form in forms])
    bounds = _sentences(context, words)
    # fsum: the order of a set differs from process to process, and sums are compared below.
    shares = np.array(
        [math.fsum(weight.get(form, 0.0) for form in set(forms[a:b])) for a, b in bounds],
        np.float64,
    )
    best = shares.max(initial=0.0)
    columns = [found]
    for scale in SCALES:
        columns += [_felt(found, scale), _felt(found[::-1], scale)[::-1]]
    own = np.repeat(shares, [b - a for a, b in bounds])
    columns += [own / max(best, 1e-9), (own == best) & (best > 0)]
    plain = np.column_stack([np.tanh(column) for column in columns])
    shapes = word_shapes([context[start:end] for start, end in words])
    features = np.concatenate([plain.astype(np.float32), shapes], axis=1)
    return Overlap(words, features, bounds, shares)


def _stem(word: str) -> str:
    return word.casefold()[:STEM]


def _felt(found: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """At each word, what lies before it, fading with the distance."""
    out = np.zeros(len(found))
    fade = np.exp(-1 / scale)
    for i in range(1, len(found)):
        out[i] = fade * (out[i - 1] + found[i - 1])
    return out


def _sentences(context: str, words: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Cut after a word that ends a sentence where space follows, and at line breaks."""
    cuts = [0]
    for i, ((start, end), (following, _)) in enumerate(pairwise(words), 1):
        gap = context[end:following]
        if "\n" in gap or (context[start] in _ENDS and (gap or context[start] in "。！？")):
            cuts.append(i)
    return list(pairwise([*cuts, len(words)])) if words else []
