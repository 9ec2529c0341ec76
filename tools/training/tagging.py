"""A tag for each word: states of its first piece, and how it is written, under a linear head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...evals.metrics import IntArray
from ..datasets.types import Row
from .network import Batch, Network, last_states, symmetric_kl
from .shapes import WIDTH, word_shapes
from .windows import Windows, windows

OVERLAP = 64  # pieces that windows of a long text share
UNTAGGED = -100  # a word without gold, or padding: not in the loss


@dataclass(frozen=True)
class TagExamples:
    """Windows of texts; an output row for each word of each text, in order.

    Attributes:
        pieces: The windows.
        starts: (windows + 1,): the words that each window answers for.
        at: (words,), int64: the first piece of each word, counted in its window.
        shapes: (words, WIDTH): how each is written.
        tags: (words,), int64, positions among the tags, or UNTAGGED.
        states: Hidden states below the trained layers, or None to run all layers.
    """

    pieces: Windows
    starts: IntArray
    at: IntArray
    shapes: NDArray[np.float32]
    tags: IntArray
    states: Any = None
    cut: int = 0

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(windows,), pieces of each."""
        return self.pieces.tokens.lengths

    def with_states(self, states: Any) -> TagExamples:
        """The same examples, with what enters the trained layers."""
        return replace(self, states=states)

    def batch(self, chosen: NDArray[np.int64]) -> Batch:
        """ "ids" and "mask" (batch, pieces); "at", "tags" (batch, words), "shapes" and "inside"."""
        ids, mask = self.pieces.tokens.batch(chosen)
        counts = np.diff(self.starts)[chosen]
        inside = np.arange(counts.max(initial=1)) < counts[:, None]
        units = np.concatenate([np.arange(self.starts[i], self.starts[i + 1]) for i in chosen])
        at = np.zeros(inside.shape, np.int64)
        at[inside] = self.at[units]
        tags = np.full(inside.shape, UNTAGGED, np.int64)
        tags[inside] = self.tags[units]
        shapes = np.zeros((*inside.shape, WIDTH), np.float32)
        shapes[inside] = self.shapes[units]
        arrays = {"at": at, "tags": tags, "shapes": shapes, "inside": inside}
        found = {"ids": ids, "mask": mask} | {n: torch.from_numpy(a) for n, a in arrays.items()}
        if self.states is not None:
            found["states"] = self.states.batch(chosen, ids.shape[1])
        return found


def tag_examples(
    tokenizer: Any, rows: Sequence[Row], tags: Sequence[str], max_length: int
) -> TagExamples:
    """Cut texts into windows and say which window answers for which word.

    A word belongs to one window, where it stands furthest from the edge, and is read at its
    first piece; one that the tokenizer drops is read at the next piece.

    Args:
        tokenizer: Of the base model.
        rows: With text, tokens, offsets and perhaps tags.
        tags: Of the model; others count as no gold.
        max_length: Pieces of a window.
    """
    pieces = windows(tokenizer, [row["text"] for row in rows], max_length, overlap=OVERLAP)
    bounds = np.searchsorted(pieces.owner, np.arange(len(rows) + 1))
    counts = np.zeros(len(pieces), np.int64)
    at: list[IntArray] = []
    for row, low, high in zip(rows, bounds[:-1], bounds[1:], strict=True):
        begins = np.array([start for start, _ in row["offsets"]], np.int64)
        which, where = _placed(pieces, begins, int(low), int(high))
        counts += np.bincount(which, minlength=len(pieces))
        at.append(where)
    index = {tag: i for i, tag in enumerate(tags)}
    gold = [
        index.get(tag, UNTAGGED)
        for row in rows
        for tag in row.get("tags") or [""] * len(row["offsets"])
    ]
    shapes = [word_shapes(row["tokens"]) for row in rows]
    return TagExamples(
        pieces,
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.concatenate(at) if at else np.zeros(0, np.int64),
        np.concatenate(shapes) if shapes else np.zeros((0, WIDTH), np.float32),
        np.array(gold, np.int64),
    )


def _placed(pieces: Windows, begins: IntArray, low: int, high: int) -> tuple[IntArray, IntArray]:
    """For each word of a text: its window among low:high, and its first piece in that."""
    found = [pieces.of_text(window) for window in range(low, high)]
    ends = [(first[0], last[-1]) if len(first) else (0, 0) for _, first, last in found]
    middles = [(after[0] + before[1]) / 2 for before, after in pairwise(ends)]
    which = np.searchsorted(middles, begins, side="right")
    where = np.zeros(len(begins), np.int64)
    for window, (spots, _, last) in enumerate(found):
        own = which == window
        if len(spots):
            nearest = np.searchsorted(last, begins[own], side="right")
            where[own] = spots[np.minimum(nearest, len(spots) - 1)]
    return which + low, where


class TagNetwork(Network):
    """An encoder, plain or wrapped by PEFT, under a linear head on words; see `TagExamples`."""

    def __init__(
        self, core: nn.Module, head: nn.Linear, dropout: float, weight: Tensor | None = None
    ) -> None:
        super().__init__()
        self.core = core
        self.head = head
        self.width = head.out_features
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("by_tag", weight, persistent=False)

    def forward(self, batch: Batch) -> Tensor:
        """(batch, words, tags) logits, float32."""
        hidden = last_states(self.core, batch)
        with torch.autocast(hidden.device.type, enabled=False):
            return self.head(torch.cat([self.dropout(words(hidden, batch)), batch["shapes"]], -1))

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Cross entropy over the words that have gold."""
        gold = batch["tags"].flatten()
        by_tag: Any = self.by_tag
        total = nn.functional.cross_entropy(
            logits.flatten(0, 1), gold, by_tag, ignore_index=UNTAGGED, reduction="sum"
        )
        return total / (gold != UNTAGGED).sum().clamp(min=1)

    def weight(self, batch: Batch) -> float:
        """Words that have gold."""
        return max(1.0, float((batch["tags"] != UNTAGGED).sum()))

    def divergence(self, one: Tensor, other: Tensor, batch: Batch) -> Tensor:
        """Of two distributions over the tags of each word."""
        return symmetric_kl(one[batch["inside"]], other[batch["inside"]])

    def outputs(self, logits: Tensor, batch: Batch) -> Tensor:
        """(words in the batch, tags) probabilities, float64."""
        return torch.softmax(logits.double(), dim=-1)[batch["inside"]]


def words(hidden: Tensor, batch: Batch) -> Tensor:
    """(batch, pieces, width) states -> (batch, words, width), float32: those of first pieces."""
    at = batch["at"].unsqueeze(-1).expand(-1, -1, hidden.shape[-1])
    return hidden.float().gather(1, at)
