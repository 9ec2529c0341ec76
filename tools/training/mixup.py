"""Mix-up: texts are blended where they are one vector each, and so are their labels."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from .network import Batch, EncoderClassifier


class MixedClassifier(EncoderClassifier):
    """A classifier that, while it learns, blends each pooled embedding with another's.

    Where a row is several sequences, such as choices, nothing is blended.

    Source: Zhang et al. 2018, mixup; on sentence embeddings Guo et al. 2019.
    """

    gold: ClassVar[str] = "labels"  # what of a batch holds the right answers

    def __init__(self, *args: Any, alpha: float) -> None:
        """Take what the classifier takes.

        Args:
            args: See `EncoderClassifier`.
            alpha: Of the Beta distribution that shares are drawn from, > 0; the larger, the
                more even the blends.
        """
        super().__init__(*args)
        self.shares = torch.distributions.Beta(alpha, alpha)
        self.blend: tuple[float, Tensor] | None = None

    def pool(self, hidden: Tensor, batch: Batch) -> Tensor:
        """As usual, then blended with the batch in another order."""
        pooled = super().pool(hidden, batch)
        self.blend = None
        if not self.training or len(pooled) != len(batch[self.gold]):
            return pooled
        share = float(self.shares.sample())
        partners = torch.randperm(len(pooled)).to(pooled.device)
        self.blend = share, partners
        return share * pooled + (1 - share) * pooled[partners]

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """The loss against both labels, each by its share."""
        own = super().loss(logits, batch)
        if self.blend is None:
            return own
        share, partners = self.blend
        other = super().loss(logits, {**batch, self.gold: batch[self.gold][partners]})
        return share * own + (1 - share) * other
