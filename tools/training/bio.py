"""BIO tags out of probabilities: the best sequence among those that make sense."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...evals.metrics import FloatArray, IntArray
from ..datasets.words import OUTSIDE, Span, spans_of

_FORBIDDEN = -1e9
_FLOOR = 1e-9  # of a probability
_ROWS = 256  # decoded at once


def tags_in(sequences: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The tags that occur, O first, then by type, B- before I-."""
    found = {tag for tags in sequences for tag in tags} - {OUTSIDE}
    return (OUTSIDE, *sorted(found, key=lambda tag: (tag[2:], tag)))


def best_tags(
    tags: Sequence[str], probabilities: FloatArray, starts: IntArray, *, outside: float = 0.0
) -> IntArray:
    """Find the likeliest valid tag sequence of each row, by Viterbi's algorithm.

    Valid means that I- follows only B- or I- of its own type.

    Args:
        tags: Of the columns.
        probabilities: (units, len(tags)), rows sum to 1.
        starts: (n + 1,); row i has the units starts[i]:starts[i + 1].
        outside: Added to the log probability of O: below 0 finds more entities.

    Returns:
        (units,), positions in `tags`.
    """
    scores = np.log(np.maximum(probabilities, _FLOOR))
    scores[:, tags.index(OUTSIDE)] += outside
    moves, first = _moves(tags)
    out = np.zeros(len(scores), np.int64)
    lengths = np.diff(starts)
    order = np.argsort(lengths, kind="stable")
    for at in range(0, len(order), _ROWS):
        rows = order[at : at + _ROWS]
        width = int(lengths[rows].max())
        inside = np.arange(width) < lengths[rows, None]
        padded = np.zeros((len(rows), width, len(tags)))
        padded[inside] = np.concatenate([scores[starts[r] : starts[r + 1]] for r in rows])
        units = np.concatenate([np.arange(starts[r], starts[r + 1]) for r in rows])
        out[units] = _viterbi(padded, inside, moves, first)[inside]
    return out


def fit_outside(
    tags: Sequence[str],
    probabilities: FloatArray,
    starts: IntArray,
    gold: Sequence[Sequence[str]],
) -> tuple[float, float]:
    """Choose what `best_tags` adds to O by strict F1.

    Most words are O, so that a model of words leans towards it more than entities deserve.

    Returns:
        The addition and its F1; of equal ones that nearest to 0.
    """
    true = [set(spans_of(row)) for row in gold]
    steps = sorted((0.5 * k for k in range(-8, 5)), key=abs)
    found = [
        strict_f1(true, rows_of(tags, best_tags(tags, probabilities, starts, outside=s), starts))
        for s in steps
    ]
    best = int(np.argmax(found))
    return steps[best], found[best]


def rows_of(tags: Sequence[str], chosen: IntArray, starts: IntArray) -> list[list[str]]:
    """Cut a column of tag positions into the tags of each row."""
    names = [tags[i] for i in chosen]
    return [names[a:b] for a, b in pairwise(starts)]


def strict_f1(true: Sequence[set[Span]], predicted: Sequence[Sequence[str]]) -> float:
    """Micro F1 over entities that agree in both borders and type, 0..1."""
    hits = given = 0
    for gold, row in zip(true, predicted, strict=True):
        found = spans_of(row)
        hits += sum(span in gold for span in found)
        given += len(found) + len(gold)
    return 2 * hits / max(1, given)


def _moves(tags: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """0 or a heavy penalty: (before, after) for each pair of tags, and (first,)."""
    continues = np.array([tag.startswith("I-") for tag in tags])
    first = np.where(continues, _FORBIDDEN, 0.0)
    types = np.array([tag[2:] for tag in tags])
    alike = (types[:, None] == types[None, :]) & np.array([tag != OUTSIDE for tag in tags])[:, None]
    return np.where(continues[None, :] & ~alike, _FORBIDDEN, 0.0), first


def _viterbi(
    scores: FloatArray, inside: NDArray[np.bool_], moves: FloatArray, first: FloatArray
) -> IntArray:
    """(rows, units, tags) scores -> (rows, units) positions; units that are not inside are 0."""
    rows, width, count = scores.shape
    if not width:
        return np.zeros((rows, 0), np.int64)
    best = scores[:, 0] + first
    came = np.zeros((rows, width, count), np.int64)
    for unit in range(1, width):
        paths = best[:, :, None] + moves
        came[:, unit] = np.where(inside[:, unit, None], paths.argmax(axis=1), np.arange(count))
        best = np.where(inside[:, unit, None], paths.max(axis=1) + scores[:, unit], best)
    chosen = np.zeros((rows, width), np.int64)
    chosen[:, -1] = best.argmax(axis=1)
    for unit in range(width - 1, 0, -1):
        chosen[:, unit - 1] = came[np.arange(rows), unit, chosen[:, unit]]
    return chosen
