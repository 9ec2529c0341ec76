"""Marker tokens around the two spans of a text, without growing the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.types import Row
from .tokens import CHUNK, Tokens

_UNUSED = tuple(f"[unused{i}]" for i in range(4))
_SIGNS = ("@", "#", "*", "^", "$", "~", "&", "%", "|")


def marker_ids(tokenizer: Any) -> tuple[int, int, int, int]:
    """Choose the ids that stand before and after the head and the tail.

    Those that BERT's vocabulary keeps unused, else rare signs, else special tokens: the
    embedding matrix never has to grow, so adapters stay small and load on the plain base.

    Source: Zhou & Chen 2022, "An Improved Baseline for Sentence-level Relation
    Extraction", for signs as markers.
    """
    vocabulary = tokenizer.get_vocab()
    special = [i for i in tokenizer.all_special_ids if i != tokenizer.pad_token_id]
    if all(name in vocabulary for name in _UNUSED):
        found = [vocabulary[name] for name in _UNUSED]
    else:
        found = [vocabulary[sign] for sign in _SIGNS if sign in vocabulary] + special
    first, second, third, fourth = (found * 4)[:4]
    return first, second, third, fourth


def marked_tokens(
    tokenizer: Any, rows: Sequence[Row], max_length: int
) -> tuple[Tokens, NDArray[np.int64]]:
    """Tokenise texts with markers around their heads and tails.

    Of a text that is too long, the tokens nearest to a span are kept.

    Args:
        tokenizer: A fast tokenizer of transformers.
        rows: With `text`, `head` and `tail`.
        max_length: Tokens, special ones and markers counted in.

    Returns:
        The tokens, and (n, 2): the positions of the two start markers.
    """
    ids = marker_ids(tokenizer)
    pieces: list[NDArray[np.int32]] = []
    marks = np.zeros((len(rows), 2), np.int64)
    cut = 0
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        found = tokenizer(
            [row["text"] for row in part],
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            return_attention_mask=False,
            truncation=False,
            verbose=False,
        )
        fields = (found["input_ids"], found["offset_mapping"], found["special_tokens_mask"])
        for i, (row, tokens, offsets, special) in enumerate(zip(part, *fields, strict=True), start):
            piece, marks[i], shortened = _marked(row, tokens, offsets, special, ids, max_length)
            pieces.append(np.asarray(piece, np.int32))
            cut += shortened
    starts = np.concatenate([[0], np.cumsum([len(p) for p in pieces])]).astype(np.int64)
    flat = np.concatenate(pieces) if pieces else np.zeros(0, np.int32)
    return Tokens(flat, starts, cut, int(tokenizer.pad_token_id or 0)), marks


def _marked(
    row: Row,
    ids: list[int],
    offsets: list[tuple[int, int]],
    special: list[int],
    markers: tuple[int, int, int, int],
    max_length: int,
) -> tuple[list[int], tuple[int, int], bool]:
    """One text: its ids with markers, the positions of the start markers, whether it was cut."""
    body = np.flatnonzero(np.asarray(special) == 0)
    bounds = [_bounds(offsets, body, row[name]) for name in ("head", "tail")]
    room = max_length - len(markers) - (len(ids) - len(body))
    kept = _nearest(body, bounds, room)
    before: dict[int, list[tuple[int, int]]] = {}
    for order, (first, last) in enumerate(bounds):
        opening, closing = markers[2 * order], markers[2 * order + 1]
        before.setdefault(last + 1, []).insert(0, (closing, -1))
        before.setdefault(first, []).append((opening, order))
    piece: list[int] = []
    at = [0, 0]
    for position in range(len(ids) + 1):
        for marker, order in before.get(position, ()):
            if order >= 0:
                at[order] = len(piece)
            piece.append(marker)
        if position < len(ids) and (special[position] or position in kept):
            piece.append(ids[position])
    return piece, (at[0], at[1]), len(kept) < len(body)


def _bounds(offsets: list[tuple[int, int]], body: NDArray[np.int64], span: Row) -> tuple[int, int]:
    """The first and the last token of a span; last < first where it has none."""
    inside = [int(i) for i in body if offsets[i][0] < span["end"] and offsets[i][1] > span["start"]]
    if inside:
        return inside[0], inside[-1]
    after = [int(i) for i in body if offsets[i][0] >= span["start"]]
    first = after[0] if after else (int(body[-1]) + 1 if len(body) else 1)
    return first, first - 1


def _nearest(
    body: NDArray[np.int64], bounds: Sequence[tuple[int, int]], room: int
) -> frozenset[int]:
    """Choose the tokens to keep: the spans' first tokens, then what is nearest to a span."""
    if len(body) <= room:
        return frozenset(body.tolist())
    far = [np.maximum(first - body, body - last).clip(0) for first, last in bounds]
    distance = np.minimum(*far)
    distance[np.isin(body, [first for first, _ in bounds])] = -1
    order = np.argsort(distance, kind="stable")[: max(room, 0)]
    return frozenset(body[order].tolist())
