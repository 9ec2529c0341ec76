"""Outliers: texts that are far from all others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 5  # the distance to the fifth counts, so that a few alike do not hide each other
REFERENCE = 2000  # rows, drawn by chance, that every row is compared with
LEAST_ROWS = 50
FAR = 1.5  # interquartile ranges above the upper quartile
LONGEST = 600  # characters of a text that are looked at
TERMS = 20_000
CHUNK = 512


def find_outliers(texts: Sequence[str]) -> tuple[int, ...]:
    """Find texts that share few runs of letters with any others: (n,) -> positions, farthest first.

    They may be gibberish, another language, markup, or a topic of their own; of fewer than
    LEAST_ROWS nothing is said.

    Source: k nearest neighbours, Ramaswamy et al. 2000; Tukey's fence.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    if len(texts) < LEAST_ROWS:
        return ()
    features = TfidfVectorizer(
        analyzer="char_wb",
        ngram_range=(2, 3),
        sublinear_tf=True,
        dtype=np.float32,
        max_features=TERMS,
    )
    try:
        rows = features.fit_transform([text[:LONGEST] for text in texts])
    except ValueError:  # no letters at all
        return ()
    chosen = _reference(len(texts))
    others = rows[chosen].T.tocsr()
    distances = np.empty(len(texts))
    for start in range(0, len(texts), CHUNK):
        likeness = (rows[start : start + CHUNK] @ others).toarray()
        distances[start : start + CHUNK] = _distances(likeness, start, chosen)
    return beyond(distances)


def beyond(distances: NDArray[np.float64]) -> tuple[int, ...]:
    """Positions beyond Tukey's fence, the farthest first."""
    low, high = np.quantile(distances, [0.25, 0.75])
    far = np.flatnonzero(distances > high + FAR * (high - low) + 1e-6)
    return tuple(int(i) for i in far[np.argsort(-distances[far], kind="stable")])


def _reference(count: int) -> NDArray[np.int64]:
    """Positions of the rows to compare with, ascending."""
    if count <= REFERENCE:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, REFERENCE, replace=False))


def _distances(
    likeness: NDArray[np.float32], start: int, chosen: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Distance of some rows to their fifth neighbour: (m, reference) -> (m,)."""
    own = np.searchsorted(chosen, np.arange(start, start + len(likeness)))
    own = np.minimum(own, len(chosen) - 1)
    is_there = chosen[own] == np.arange(start, start + len(likeness))
    likeness[np.flatnonzero(is_there), own[is_there]] = -1  # no row is its own neighbour
    return np.asarray(1 - np.partition(likeness, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS])
