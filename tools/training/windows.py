"""Long texts in overlapping windows of word pieces, each piece with its place in the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...evals.metrics import IntArray
from .tokens import CHUNK, Tokens

OUTSIDE = -1  # of a piece that stands for no part of the text


@dataclass(frozen=True)
class Windows:
    """Windows of n texts, in the order of the texts.

    Attributes:
        tokens: Piece ids of all windows, special pieces included.
        owner: (windows,), int64, the text that a window belongs to; ascending.
        first, last: (pieces,), int32: where each piece begins and ends in its text, in
            characters; OUTSIDE for special pieces and for pieces of a paired question.
    """

    tokens: Tokens
    owner: IntArray
    first: NDArray[np.int32]
    last: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.owner)

    def of_text(
        self, window: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
        """The pieces of a window that stand for text: their positions in it, begins and ends."""
        own = slice(self.tokens.starts[window], self.tokens.starts[window + 1])
        spots = np.flatnonzero(self.first[own] >= 0)
        return spots, self.first[own][spots], self.last[own][spots]

    @property
    def split_texts(self) -> int:
        """How many texts take more than one window."""
        return int((np.bincount(self.owner, minlength=1) > 1).sum())


def notes_of(pieces: Windows, texts: int, what: str, max_length: int) -> tuple[str, ...]:
    """How many of some training texts took several windows, for the report.

    Args:
        pieces: Their windows.
        texts: How many texts there are.
        what: What they are called, such as "contexts".
        max_length: Pieces of a window.
    """
    if not pieces.split_texts:
        return ()
    share = pieces.split_texts / texts
    return (
        f"{share:.1%} of the training {what} were read in overlapping windows of "
        f"{max_length} tokens; nothing was cut off",
    )


def windows(
    tokenizer: Any,
    texts: Sequence[str],
    max_length: int,
    *,
    overlap: int,
    questions: Sequence[str] | None = None,
) -> Windows:
    """Cut texts into windows of at most `max_length` pieces, nothing left out.

    Args:
        tokenizer: A fast tokenizer of transformers.
        texts: n texts; blank ones give one window of special pieces.
        max_length: Pieces of a window, special ones counted in.
        overlap: Pieces that neighbouring windows share; fewer where that leaves no room.
        questions: n questions that stand before the text in every window of it; one that
            takes more than half a window loses its end.

    Source: Devlin et al. 2018 (BERT on SQuAD): sliding windows over the context.
    """
    ids: list[NDArray[np.int32]] = []
    owners: list[int] = []
    places: list[NDArray[np.int32]] = []
    for start in range(0, len(texts), CHUNK):
        part = slice(start, start + CHUNK)
        asked = None if questions is None else _shortened(tokenizer, questions[part], max_length)
        found = _encoded(tokenizer, list(texts[part]), asked, max_length, overlap)
        for i, owner in enumerate(found["overflow_to_sample_mapping"]):
            pieces = found["input_ids"][i] or [tokenizer.pad_token_id]
            offsets = found["offset_mapping"][i] or [(0, 0)]
            of_text = 0 if questions is None else 1
            inside = [sequence == of_text for sequence in found.sequence_ids(i)] or [False]
            ids.append(np.asarray(pieces, np.int32))
            places.append(np.where(np.asarray(inside)[:, None], offsets, OUTSIDE).astype(np.int32))
            owners.append(start + owner)
    bounds = np.concatenate([[0], np.cumsum([len(p) for p in ids])]).astype(np.int64)
    flat = np.concatenate(ids) if ids else np.zeros(0, np.int32)
    spots = np.concatenate(places) if places else np.zeros((0, 2), np.int32)
    tokens = Tokens(flat, bounds, 0, int(tokenizer.pad_token_id or 0))
    return Windows(tokens, np.asarray(owners, np.int64), spots[:, 0].copy(), spots[:, 1].copy())


def _encoded(
    tokenizer: Any, texts: list[str], questions: list[str] | None, max_length: int, overlap: int
) -> Any:
    pair = questions is not None
    given = (questions, texts) if pair else (texts,)
    longest = max_length // 2 if pair else 0
    room = max_length - tokenizer.num_special_tokens_to_add(pair=pair) - longest
    return tokenizer(
        *given,
        truncation="only_second" if pair else True,
        max_length=max_length,
        stride=max(0, min(overlap, room // 2)),
        return_attention_mask=False,
        return_offsets_mapping=True,
        return_overflowing_tokens=True,
    )


def _shortened(tokenizer: Any, questions: Sequence[str], max_length: int) -> list[str]:
    """Cut questions to what leaves at least half of the window to the text."""
    most = max_length // 2 - tokenizer.num_special_tokens_to_add(pair=True)
    found = tokenizer(
        list(questions),
        add_special_tokens=False,
        truncation=True,
        max_length=max(1, most),
        return_offsets_mapping=True,
    )
    return [
        question[: offsets[-1][1]] if offsets else question
        for question, offsets in zip(questions, found["offset_mapping"], strict=True)
    ]
