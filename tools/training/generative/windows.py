"""Texts of any length as `Examples` of a language model: windows, and what is to be foreseen."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import BaseModelError
from .codec import IGNORED, Ids
from .pairs import pad_id, padded

if TYPE_CHECKING:
    from ..network import Batch

Foreseeing = Literal["masked", "causal"]
MASKED_SHARE = 0.15
TO_MASK, TO_RANDOM = 0.8, 0.1  # of the masked tokens, in training; the rest stays as it is
CHUNK = 1000


@dataclass(frozen=True)
class Framing:
    """How a model's texts begin and end.

    Attributes:
        before, after: Ids around every window of a masked model's text; a causal one has
            the last of `before` ahead of a text, and `after` behind it.
        mask: Id that hides a token; -1 for a causal model.
        pad: Id to pad with.
        words: How many ids there are to draw from.
    """

    kind: Foreseeing
    before: tuple[int, ...]
    after: tuple[int, ...]
    mask: int
    pad: int
    words: int


def framing(tokenizer: Any, kind: Foreseeing) -> Framing:
    """Read it off a tokenizer.

    Raises:
        BaseModelError: It lacks the token that a masked model needs, or has no token to
            begin or end a text with.
    """
    if kind == "masked":
        if tokenizer.mask_token_id is None:
            raise BaseModelError(
                "the base model's tokenizer has no mask token; language modelling of an encoder "
                "needs one: add mask_token to its tokenizer_config.json"
            )
        bare = list(tokenizer("a", add_special_tokens=False)["input_ids"])
        full = list(tokenizer("a")["input_ids"])
        at = next((i for i in range(len(full)) if full[i : i + len(bare)] == bare), 0)
        before, after = tuple(full[:at]), tuple(full[at + len(bare) :])
        return Framing(
            kind, before, after, int(tokenizer.mask_token_id), pad_id(tokenizer), len(tokenizer)
        )
    end = tokenizer.eos_token_id
    begin = end if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    if begin is None:
        raise BaseModelError("the base model's tokenizer has no token that ends a text")
    after = () if end is None else (int(end),)
    return Framing(kind, (int(begin),), after, -1, pad_id(tokenizer), len(tokenizer))


class Windows:
    """Windows of texts, one unit of output each: see `training.examples.Examples`.

    A causal model foresees every token of a text and its end, each from what precedes it
    in the window; where a text goes on in another, from the last token before it. A masked
    one foresees a share of the tokens, which are hidden: drawn anew each time in training,
    and always the same ones when it is scored.

    Attributes:
        owners: (n windows,), the text that each is of.
        cut: Texts that are longer than one window; nothing of them is lost.
    """

    def __init__(
        self, tokenizer: Any, texts: Sequence[str], size: int, frame: Framing, *, train: bool
    ) -> None:
        """Tokenise texts and lay windows over them.

        Args:
            tokenizer: Of the model.
            texts: Any strings.
            size: Tokens of a window, what frames it included.
            frame: How texts begin and end.
            train: Draw what is hidden anew for each batch.
        """
        self._frame = frame
        self._train = train
        self._windows: list[Ids] = []
        owners: list[int] = []
        for owner, ids in enumerate(token_ids(tokenizer, texts)):
            found = _laid(ids, size, frame)
            self._windows += found
            owners += [owner] * len(found)
        self.owners: NDArray[np.int64] = np.array(owners, np.int64)
        self.cut = int((np.bincount(self.owners) > 1).sum()) if owners else 0
        self.lengths: NDArray[np.int64] = np.array([len(w) for w in self._windows], np.int64)
        self.starts: NDArray[np.int64] = np.arange(len(self._windows) + 1, dtype=np.int64)

    def batch(self, chosen: NDArray[np.int64]) -> Batch:
        """Pad some windows on the right: input_ids, attention_mask, labels; int64."""
        import torch

        windows = [self._windows[i] for i in chosen]
        read, mask = padded(windows, self._frame.pad)
        if self._frame.kind == "causal":
            labels, _ = padded([self.hidden(i) for i in chosen], IGNORED)
        elif self._train:
            read, labels = self._drawn(read, mask)
        else:
            labels, _ = padded([self.hidden(i) for i in chosen], IGNORED)
            read = np.where(labels != IGNORED, self._frame.mask, read)
        found = {"input_ids": read, "attention_mask": mask, "labels": labels}
        return {name: torch.from_numpy(np.ascontiguousarray(v)) for name, v in found.items()}

    def window(self, number: int) -> Ids:
        """The ids of one window, nothing hidden."""
        return self._windows[number]

    def hidden(self, number: int) -> Ids:
        """What of a window is foreseen when it is scored: ids, IGNORED elsewhere."""
        window = self._windows[number]
        labels = np.full(len(window), IGNORED, np.int32)
        if self._frame.kind == "causal":
            labels[1:] = window[1:]
            return labels
        before, after = len(self._frame.before), len(self._frame.after)
        inside = np.arange(before, len(window) - after)
        if len(inside):
            rng = np.random.default_rng(zlib.crc32(window.tobytes()))
            count = max(1, round(MASKED_SHARE * len(inside)))
            places = rng.choice(inside, count, replace=False)
            labels[places] = window[places]
        return labels

    def _drawn(
        self, read: NDArray[np.int64], mask: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Hide some tokens; drawn by torch, whose state a checkpoint holds.

        Source: Devlin et al. 2019, BERT: 15%, of which 80% masked and 10% replaced.
        """
        import torch

        before, after = len(self._frame.before), len(self._frame.after)
        places = np.arange(read.shape[1])
        inside = (places >= before) & (places < mask.sum(1, keepdims=True) - after)
        chance = np.where(inside, torch.rand(read.shape).numpy(), 1.0)
        first = (chance == chance.min(1, keepdims=True)) & inside  # at least one of each
        hidden = ((chance < MASKED_SHARE) & inside) | first
        labels = np.where(hidden, read, IGNORED)
        how = torch.rand(read.shape).numpy()
        others = torch.randint(self._frame.words, read.shape).numpy()
        read = np.where(hidden & (how < TO_MASK), self._frame.mask, read)
        swapped = hidden & (how >= TO_MASK) & (how < TO_MASK + TO_RANDOM)
        return np.where(swapped, others, read), labels


def token_ids(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Ids of every text, without what frames it; marks in it are read as text."""
    found: list[list[int]] = []
    for start in range(0, len(texts), CHUNK):
        part = list(texts[start : start + CHUNK])
        ids = tokenizer(part, add_special_tokens=False, split_special_tokens=True, verbose=False)[
            "input_ids"
        ]
        found += [list(row) for row in ids]
    return found


def _laid(ids: list[int], size: int, frame: Framing) -> list[Ids]:
    if frame.kind == "causal":
        whole = np.asarray([*frame.before, *ids, *frame.after], np.int32)
        step = max(1, size - 1)
        return [whole[i : i + size] for i in range(0, max(1, len(whole) - 1), step)]
    room = max(1, size - len(frame.before) - len(frame.after))
    parts = [ids[i : i + room] for i in range(0, len(ids), room)] or [[]]
    return [np.asarray([*frame.before, *part, *frame.after], np.int32) for part in parts]
