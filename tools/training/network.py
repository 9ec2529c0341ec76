"""What is tuned: a base model under a head; the classifier pools, scales and maps linearly."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..errors import BaseModelError
from .peft_methods import wrap
from .settings import TrainSettings

Batch = dict[str, Any]  # tensors by name, on the CPU: what the network reads, and the gold


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


def symmetric_kl(one: Tensor, other: Tensor) -> Tensor:
    """The mean over rows of both ways' divergence, halved; softmax is over the last axis."""
    p, q = one.float().log_softmax(-1), other.float().log_softmax(-1)
    return ((p.exp() - q.exp()) * (p - q)).sum(-1).mean() / 2


class Network(nn.Module):
    """What is tuned: a base model under a task's head.

    Attributes:
        core: The base model, plain or wrapped by PEFT.
        width: Columns of an output row.
    """

    core: nn.Module
    width: int

    def forward(self, batch: Batch) -> Any:
        """Logits for a batch of examples."""
        raise NotImplementedError

    def loss(self, logits: Any, batch: Batch) -> Tensor:
        """The mean loss over the batch: a scalar with a gradient."""
        raise NotImplementedError

    def divergence(self, one: Any, other: Any, batch: Batch) -> Tensor:
        """How far two answers to the same batch lie apart: a scalar with a gradient, 0 if equal.

        The mean squared difference of their logits, where a task has nothing better.
        """
        return nn.functional.mse_loss(one.float(), other.float())

    def outputs(self, logits: Any, batch: Batch) -> Tensor:
        """(units in the batch, width): what the task's answers and scores are made of."""
        raise NotImplementedError

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that training changes, by name."""
        return {n: p for n, p in self.named_parameters() if p.requires_grad}

    def weight(self, batch: Batch) -> float:
        """How many things the loss of a batch is the mean of."""
        return float(len(next(iter(batch.values()))))

    def rate(self, name: str) -> float:
        """How fast a parameter learns, in times the learning rate."""
        return 1.0


class EncoderClassifier(Network):
    """An encoder (plain or wrapped by PEFT) under a linear head on the pooled embedding.

    A batch holds "ids" and "mask" (batch, tokens), for the loss "labels" (batch,), and
    "states" (batch, tokens, width) where the frozen layers were run before.
    """

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Linear,
        dropout: float,
        criterion: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.core = encoder
        self.head = head
        self.width = head.out_features
        self.dropout = nn.Dropout(dropout)
        self.criterion = criterion or nn.CrossEntropyLoss()

    def forward(self, batch: Batch) -> Tensor:
        """(batch, n_classes) logits, float32."""
        hidden = last_states(self.core, batch)
        with torch.autocast(hidden.device.type, enabled=False):
            return self.head(self.dropout(self.pool(hidden, batch)))

    def pool(self, hidden: Tensor, batch: Batch) -> Tensor:
        """(batch, tokens, width) -> (batch, width of the head)."""
        return mean_pool(hidden, batch["mask"])

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Of the criterion, cross entropy if none was given."""
        return self.criterion(logits, batch["labels"])

    def divergence(self, one: Tensor, other: Tensor, batch: Batch) -> Tensor:
        """Of two distributions over the classes."""
        return symmetric_kl(one, other)

    def outputs(self, logits: Tensor, batch: Batch) -> Tensor:
        """(batch, n_classes) probabilities, float64."""
        return torch.softmax(logits.double(), dim=-1)


class ClassifierStates(EncoderClassifier):
    """The same, with what the head looks at beside its logits: (batch, n_classes + width)."""

    def __init__(self, encoder: nn.Module, head: nn.Linear, dropout: float) -> None:
        super().__init__(encoder, head, dropout)
        self.width = head.out_features + head.in_features

    def forward(self, batch: Batch) -> Tensor:
        """Logits, then the pooled embedding, float32."""
        hidden = last_states(self.core, batch)
        with torch.autocast(hidden.device.type, enabled=False):
            pooled = self.pool(hidden, batch)
            return torch.cat([self.head(pooled), pooled], dim=-1)

    def outputs(self, logits: Tensor, batch: Batch) -> Tensor:
        """As they are, float64."""
        return logits.double()


def last_states(core: nn.Module, batch: Batch) -> Tensor:
    """Run an encoder: (batch, tokens, width); only its top where "states" hold the rest."""
    if "states" in batch:
        prefix: Any = core.get_submodule("prefix_stand_in")
        prefix.states = batch["states"]
    hidden: Tensor = core(input_ids=batch["ids"], attention_mask=batch["mask"]).last_hidden_state
    return hidden


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
        BaseModelError: The PEFT method does not fit the model, or it was to be quantised.
    """
    if settings.quantised:
        raise BaseModelError(
            "quantised loading is for language models; this task tunes an encoder: leave it out"
        )
    if settings.checkpointing:
        encoder.activation_checkpointing_enable({"use_reentrant": False})
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
