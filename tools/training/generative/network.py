"""A language model as a `Network`: its loss, and how likely it finds each row's target."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from ..network import Batch, Network
from .codec import IGNORED


class TokenNetwork(Network):
    """What learns tokens, and what of it is fresh faster; an output row is nats and tokens.

    Args:
        core: Of transformers, plain or wrapped by PEFT.
        fresh: Parameters that start from nothing, and learn `fresh_rate` times as fast.
        fresh_rate: See there.
    """

    width = 2

    def __init__(self, core: nn.Module, fresh: list[Any], fresh_rate: float = 1.0) -> None:
        super().__init__()
        self.core = core
        known = {id(p) for p in fresh}
        self._fresh = {name for name, p in self.named_parameters() if id(p) in known}
        self._fresh_rate = fresh_rate

    def weight(self, batch: Batch) -> float:
        """Tokens that are learned, so that parts of a batch count by them."""
        return float((batch["labels"] != IGNORED).sum())

    def rate(self, name: str) -> float:
        """What is fresh learns faster."""
        return self._fresh_rate if name in self._fresh else 1.0


class LanguageNetwork(TokenNetwork):
    """A causal LM or an encoder-decoder under the likelihood of what is learned.

    An output row is one example's: the sum of its negative log likelihood in nats, and how
    many tokens that is of.
    """

    def __init__(
        self,
        core: nn.Module,
        *,
        smoothing: float = 0.0,
        fresh: list[nn.Parameter] | None = None,
        fresh_rate: float = 1.0,
    ) -> None:
        """Hold a core.

        Args:
            core: Of transformers, plain or wrapped by PEFT.
            smoothing: Of the labels, in the loss alone.
            fresh: Parameters that start from nothing, and learn `fresh_rate` times as fast.
            fresh_rate: See there.
        """
        super().__init__(core, fresh or [], fresh_rate)
        self.smoothing = smoothing
        inside: Any = core.get_base_model() if hasattr(core, "get_base_model") else core
        self._can_keep = "logits_to_keep" in inspect.signature(inside.forward).parameters

    def forward(self, batch: Batch) -> Tensor:
        """(rows, positions, vocabulary): logits where something may be learned."""
        core: Any = self.core
        read = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
        if "decoder_input_ids" in batch:
            written = batch["decoder_input_ids"]
            return core(**read, decoder_input_ids=written, use_cache=False).logits
        # A prompt is long and not learned: its logits would be computed for nothing.
        kept = batch["labels"].shape[1] - _first(batch["labels"]) + 1
        if self._can_keep:
            return core(**read, use_cache=False, logits_to_keep=kept).logits[:, :-1]
        return core(**read, use_cache=False).logits[:, -kept:-1]

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Per token that is learned."""
        losses, learned = _losses(logits, batch, self.smoothing)
        return losses.sum() / learned.sum()

    def outputs(self, logits: Tensor, batch: Batch) -> Tensor:
        """(rows, 2): nats and tokens."""
        losses, learned = _losses(logits, batch, 0.0)
        return torch.stack([losses.double().sum(1), learned.double().sum(1)], dim=1)


def _losses(logits: Tensor, batch: Batch, smoothing: float) -> tuple[Tensor, Tensor]:
    """(rows, positions): the loss of each token, 0 where none is learned; and where it is."""
    labels = batch["labels"]
    if "decoder_input_ids" not in batch:  # each token is told from those before it
        labels = labels[:, _first(labels) :]
    learned = labels != IGNORED
    losses = torch.zeros(labels.shape, dtype=torch.float32, device=logits.device)
    losses[learned] = nn.functional.cross_entropy(
        logits[learned].float(), labels[learned], reduction="none", label_smoothing=smoothing
    )
    return losses, learned


def _first(labels: Tensor) -> int:
    """The first position at which some row learns; a sequence's first is never one."""
    return int((labels != IGNORED).any(0).nonzero()[0])
