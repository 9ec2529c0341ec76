"""Where an answer begins and ends in its context: a linear head on every piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...evals.metrics import IntArray
from ..datasets.types import Row
from .embed import PrefixStates
from .network import Batch, Network, last_states, symmetric_kl
from .overlap import WIDTH, overlap
from .windows import Windows, windows

OVERLAP = 96  # pieces that neighbouring windows share
NOTHING = 0  # the piece that stands for "no answer": the first, which is special
_MASKED = -1e4


@dataclass(frozen=True)
class AnswerExamples:
    """Windows of contexts, the question before each; an output row for each piece.

    Attributes:
        pieces: The windows; `pieces.owner` says whose they are.
        features: (pieces, WIDTH): how each is written, and what is near.
        begins, ends: (pieces,), bool: where an answer may begin and end: at whole words.
        spans: (windows, 2), int64: the pieces of the answer in each window, first and last;
            NOTHING where the window does not hold all of it.
        states: Hidden states below the trained layers, or None to run all layers.
        final: Last hidden states, where only the head is trained, or None.
    """

    pieces: Windows
    features: NDArray[np.float32]
    begins: NDArray[np.bool_]
    ends: NDArray[np.bool_]
    spans: IntArray
    states: PrefixStates | None = None
    final: PrefixStates | None = None
    cut: int = 0

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(windows,), pieces of each."""
        return self.pieces.tokens.lengths

    @property
    def starts(self) -> NDArray[np.int64]:
        """(windows + 1,): an output row for each piece."""
        return self.pieces.tokens.starts

    def with_states(
        self, states: PrefixStates | None = None, final: PrefixStates | None = None
    ) -> AnswerExamples:
        """The same examples, with what was computed once."""
        return replace(self, states=states, final=final)

    def batch(self, chosen: NDArray[np.int64]) -> Batch:
        """ "ids", "mask", "open" (batch, pieces); "features" (…, WIDTH); "spans" (batch, 2)."""
        ids, mask = self.pieces.tokens.batch(chosen)
        inside = mask.numpy().astype(bool)
        units = np.concatenate([np.arange(self.starts[i], self.starts[i + 1]) for i in chosen])
        allowed = np.zeros(inside.shape, bool)
        allowed[inside] = self.pieces.first[units] >= 0
        allowed[:, NOTHING] = True
        features = np.zeros((*inside.shape, WIDTH), np.float32)
        features[inside] = self.features[units]
        arrays = {"open": allowed, "features": features, "spans": self.spans[chosen]}
        found = {"ids": ids, "mask": mask} | {n: torch.from_numpy(a) for n, a in arrays.items()}
        for name, kept in (("states", self.states), ("final", self.final)):
            if kept is not None:
                found[name] = kept.batch(chosen, ids.shape[1])
        return found


def answer_examples(tokenizer: Any, rows: Sequence[Row], max_length: int) -> AnswerExamples:
    """Cut contexts into windows and find the answers in them.

    Args:
        tokenizer: Of the base model.
        rows: With context, question and perhaps answers; the first of several is learned.
        max_length: Pieces of a window, the question included.
    """
    pieces = windows(
        tokenizer,
        [row["context"] for row in rows],
        max_length,
        overlap=OVERLAP,
        questions=[row["question"] for row in rows],
    )
    features = np.zeros((len(pieces.first), WIDTH), np.float32)
    begins, ends = np.zeros(len(pieces.first), bool), np.zeros(len(pieces.first), bool)
    spans = np.zeros((len(pieces), 2), np.int64)
    bounds = np.searchsorted(pieces.owner, np.arange(len(rows) + 1))
    for row, low, high in zip(rows, bounds[:-1], bounds[1:], strict=True):
        near = overlap(row["context"], row["question"])
        word_begins = np.array([start for start, _ in near.words], np.int64)
        word_ends = np.array([end for _, end in near.words], np.int64)
        answer = next(iter(row.get("answers") or ()), None)
        for window in range(low, high):
            spots, first, last = pieces.of_text(window)
            own = pieces.tokens.starts[window] + spots
            if len(near.words):
                which = np.searchsorted(word_ends, first, side="right")
                features[own] = near.features[np.minimum(which, len(near.words) - 1)]
            begins[own] = np.isin(first, word_begins)
            ends[own] = np.isin(last, word_ends)
            if answer is not None and len(spots):
                spans[window] = _span(spots, first, last, answer)
    return AnswerExamples(pieces, features, begins, ends, spans)


def _span(
    spots: IntArray, first: NDArray[np.int32], last: NDArray[np.int32], answer: dict[str, Any]
) -> tuple[int, int]:
    """The first and last piece of an answer in a window, or NOTHING twice."""
    start, end = answer["start"], answer["start"] + len(answer["text"])
    touched = np.flatnonzero((last > start) & (first < end))
    if not len(touched) or first[0] > start or last[-1] < end:
        return NOTHING, NOTHING
    return int(spots[touched[0]]), int(spots[touched[-1]])


class AnswerNetwork(Network):
    """An encoder, plain or wrapped by PEFT, under a linear head; see `AnswerExamples`."""

    width = 2

    def __init__(self, core: nn.Module, head: nn.Linear, dropout: float) -> None:
        super().__init__()
        self.core = core
        self.head = head
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: Batch) -> Tensor:
        """(batch, pieces, 2) scores of a beginning and an end there, float32."""
        hidden = batch["final"] if "final" in batch else last_states(self.core, batch)
        with torch.autocast(hidden.device.type, enabled=False):
            read = torch.cat([self.dropout(hidden.float()), batch["features"]], -1)
            scores: Tensor = self.head(read)
        return scores.masked_fill(~batch["open"].unsqueeze(-1), _MASKED)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Cross entropy of the beginning and of the end among the pieces, their mean."""
        begin, end = batch["spans"].unbind(-1)
        both = [(logits[..., 0], begin), (logits[..., 1], end)]
        return torch.stack([nn.functional.cross_entropy(s, gold) for s, gold in both]).mean()

    def divergence(self, one: Tensor, other: Tensor, batch: Batch) -> Tensor:
        """Of two distributions over the pieces, for the beginning and for the end."""
        return symmetric_kl(one.transpose(1, 2), other.transpose(1, 2))

    def outputs(self, logits: Tensor, batch: Batch) -> Tensor:
        """(pieces in the batch, 2) scores."""
        return logits[batch["mask"].bool()]
