"""The classifier that is tuned: encoder, mean pooling, unit length, linear head."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..errors import BaseModelError
from .peft_methods import wrap
from .settings import TrainSettings


def mean_pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Average over real tokens and scale to unit length.

    Args:
        hidden: (batch, tokens, width), any float type.
        mask: (batch, tokens), 1 for real tokens.

    Returns:
        (batch, width), float32, unit length.

    Source: Reimers & Gurevych 2019, Sentence-BERT.
    """
    weights = mask.unsqueeze(-1).float()
    total = (hidden.float() * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
    return nn.functional.normalize(total, dim=-1)


class EncoderClassifier(nn.Module):
    """An encoder (plain or wrapped by PEFT) under a linear head on the pooled embedding."""

    def __init__(self, encoder: nn.Module, head: nn.Linear, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(batch, tokens) ids and mask -> (batch, n_classes) logits, float32."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        with torch.autocast(ids.device.type, enabled=False):
            return self.head(self.dropout(mean_pool(hidden, mask)))

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that training changes, by name."""
        return {n: p for n, p in self.named_parameters() if p.requires_grad}


def encoder_layers(encoder: nn.Module) -> nn.ModuleList:
    """Find the stack of transformer layers by its length, whatever the architecture calls it.

    Raises:
        BaseModelError: The model has no such stack.
    """
    n = getattr(encoder.config, "num_hidden_layers", None)
    for module in encoder.modules():
        if isinstance(module, nn.ModuleList) and len(module) == n:
            return module
    raise BaseModelError(
        f"{type(encoder).__name__} has no stack of {n} layers; use the strategy 'lora' or 'full'"
    )


def prepare_encoder(encoder: Any, settings: TrainSettings) -> nn.Module:
    """Freeze and wrap the encoder as the strategy says; only what is left trains.

    Returns:
        The encoder itself, or a `PeftModel` around it for "lora".

    Raises:
        BaseModelError: The PEFT method does not fit the model.
    """
    if settings.strategy == "full":
        return encoder
    if settings.strategy == "top_layers":
        encoder.requires_grad_(False)
        stack = encoder_layers(encoder)
        for layer in list(stack)[-min(settings.layers, len(stack)) :]:
            layer.requires_grad_(True)
        return encoder
    return wrap(encoder, settings, "encoder")


class CachedPrefix(nn.Module):
    """Stands in for the frozen lower layers: returns hidden states computed once.

    Put in place of the first layers, it lets any encoder whose layers pass one
    tensor along run its top layers as it always does, masks included.
    """

    def __init__(self) -> None:
        super().__init__()
        self.states: Tensor | None = None

    def forward(self, hidden: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Ignore the input; return (batch, tokens, width) set beforehand."""
        if self.states is None:
            raise RuntimeError("CachedPrefix: set `states` before the forward pass")
        return self.states
