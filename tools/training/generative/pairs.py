"""Rows of one split as `Examples` of a generative model: padded batches, and what was cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .codec import IGNORED, Codec, Ids, Pair
from .prompted import Prompted

if TYPE_CHECKING:
    from ..network import Batch


class Pairs:
    """Prompts with their targets, one unit of output each: see `training.examples.Examples`.

    Attributes:
        lengths: (n,), tokens of a row, read and written.
        starts: (n + 1,), int64; one output row for each example.
        cut: Rows whose prompt or target lost tokens.
        cut_prompts, cut_targets: Rows whose one or other did.
        targets: (n,), tokens that are learned.
    """

    def __init__(self, codec: Codec, rows: Sequence[Prompted], start: int | None) -> None:
        """Encode rows.

        Args:
            codec: Of the model.
            rows: With targets.
            start: What a decoder's input begins with; None for a causal LM.
        """
        self._pairs = [codec.pair(row) for row in rows]
        self._pad_source = pad_id(codec.source)
        self._pad_target = pad_id(codec.target)
        self._start = start
        seq2seq = codec.kind == "seq2seq"
        self.lengths: NDArray[np.int64] = np.array(
            [len(p.read) + (len(p.labels) if seq2seq else 0) for p in self._pairs], np.int64
        )
        self.starts: NDArray[np.int64] = np.arange(len(rows) + 1, dtype=np.int64)
        self.targets: NDArray[np.int64] = np.array([_learned(p) for p in self._pairs], np.int64)
        self.cut_prompts = sum(p.cut_prompt for p in self._pairs)
        self.cut_targets = sum(p.cut_target for p in self._pairs)
        self.cut = sum(p.cut_prompt or p.cut_target for p in self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def batch(self, chosen: NDArray[np.int64]) -> Batch:
        """Pad some rows on the right.

        Returns:
            int64 tensors: input_ids and attention_mask, (rows, longest read); labels,
            (rows, longest labels), IGNORED where nothing is learned; for an
            encoder-decoder decoder_input_ids, the labels moved one to the right.
        """
        import torch

        pairs = [self._pairs[i] for i in chosen]
        read, mask = padded([p.read for p in pairs], self._pad_source)
        labels, said = padded([p.labels for p in pairs], IGNORED)
        batch = {"input_ids": read, "attention_mask": mask, "labels": labels}
        if self._start is not None:
            moved = np.roll(np.where(said, labels, self._pad_target), 1, axis=1)
            moved[:, 0] = self._start
            batch["decoder_input_ids"] = moved
        return {name: torch.from_numpy(values) for name, values in batch.items()}


def padded(
    rows: Sequence[Ids], pad: int, *, left: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of ids as one array, and which of it is real: both (rows, longest), int64.

    Args:
        rows: At least one.
        pad: What fills the shorter ones.
        left: Fill before them, as a causal LM must be asked; else behind.
    """
    width = max(len(row) for row in rows)
    ids = np.full((len(rows), width), pad, np.int64)
    mask = np.zeros((len(rows), width), np.int64)
    for i, row in enumerate(rows):
        place = slice(width - len(row), width) if left else slice(0, len(row))
        ids[i, place], mask[i, place] = row, 1
    return ids, mask


def pad_id(tokenizer: Any) -> int:
    """What to pad with: any id will do, as masks and labels leave it out."""
    found = tokenizer.pad_token_id
    return int(tokenizer.eos_token_id or 0) if found is None else int(found)


def _learned(pair: Pair) -> int:
    return int((pair.labels != IGNORED).sum())
