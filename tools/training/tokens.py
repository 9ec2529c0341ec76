"""Texts to token ids, once; and batches of rows of like length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK = 1000


@dataclass(frozen=True)
class Tokens:
    """Token ids of many texts, one after the other.

    Attributes:
        flat: (total,), int32.
        starts: (n + 1,), int64; text i is flat[starts[i]:starts[i + 1]].
        cut: How many texts were longer than the limit.
        pad: Id to pad with.
    """

    flat: NDArray[np.int32]
    starts: NDArray[np.int64]
    cut: int
    pad: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n,), tokens of each text."""
        return np.diff(self.starts)

    def batch(self, rows: NDArray[np.int64]) -> tuple[Any, Any]:
        """Pad some rows: two int64 tensors (len(rows), longest), ids and attention mask."""
        import torch

        lengths = self.lengths[rows]
        width = int(lengths.max())
        ids = np.full((len(rows), width), self.pad, dtype=np.int64)
        mask = (np.arange(width) < lengths[:, None]).astype(np.int64)
        for i, row in enumerate(rows):
            ids[i, : lengths[i]] = self.flat[self.starts[row] : self.starts[row + 1]]
        return torch.from_numpy(ids), torch.from_numpy(mask)


def notes_of(tokens: Tokens, max_length: int) -> tuple[str, ...]:
    """How many of the training texts were cut, for the report."""
    if not tokens.cut:
        return ()
    share = tokens.cut / len(tokens)
    return (f"{share:.1%} of the training texts were cut at {max_length} tokens",)


def tokenize(
    tokenizer: Any,
    texts: Sequence[str],
    max_length: int,
    seconds: Sequence[str] | None = None,
) -> Tokens:
    """Tokenise all texts, cutting at `max_length` tokens and counting the cuts.

    Args:
        tokenizer: A fast tokenizer of transformers.
        texts: Any strings; blank ones give just the special tokens.
        max_length: Tokens, special ones counted in.
        seconds: Texts that follow the first ones in the same sequences; of such a pair
            the longer text is cut.
    """
    pieces: list[NDArray[np.int32]] = []
    cut = 0
    for start in range(0, len(texts), CHUNK):
        found = tokenizer(
            list(texts[start : start + CHUNK]),
            None if seconds is None else list(seconds[start : start + CHUNK]),
            truncation=True,
            max_length=max_length,
            return_attention_mask=False,
            return_overflowing_tokens=True,
        )
        owners = found["overflow_to_sample_mapping"]
        seen = -1
        for owner, ids in zip(owners, found["input_ids"], strict=True):
            if owner == seen:  # an overflow of the same text: its first window is kept
                continue
            seen = owner
            pieces.append(np.asarray(ids or [tokenizer.pad_token_id], dtype=np.int32))
        cut += sum(count > 1 for count in np.bincount(owners))
    starts = np.concatenate([[0], np.cumsum([len(p) for p in pieces])]).astype(np.int64)
    flat = np.concatenate(pieces) if pieces else np.zeros(0, np.int32)
    return Tokens(flat, starts, cut, int(tokenizer.pad_token_id or 0))


def by_length(lengths: NDArray[np.int64], batch_size: int) -> list[NDArray[np.int64]]:
    """Cut rows into batches of like length, longest first: for inference, where order is free."""
    order = np.argsort(-lengths, kind="stable")
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


def shuffled_buckets(
    lengths: NDArray[np.int64], batch_size: int, rng: np.random.Generator, *, window: int = 32
) -> Iterator[NDArray[np.int64]]:
    """Yield one epoch of training batches: random, yet padded little.

    Rows are shuffled, sorted by length within windows of `window` batches, and
    the batches of all windows are shuffled again.
    """
    order = rng.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), window * batch_size):
        rows = order[start : start + window * batch_size]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
    for i in rng.permutation(len(batches)):
        yield batches[i]
