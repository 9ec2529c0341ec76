"""Layers that stay frozen run once: what they give is kept, and a stand-in takes their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..facts import JobProgress, OnProgress
from .embed import PrefixStates, prefix_states
from .hardware import pick_device
from .network import CachedPrefix, encoder_layers
from .settings import TrainSettings
from .tokens import Tokens

PREFIX_BYTES = 2 * 2**30  # hidden states kept in memory at most; beyond that all layers run


def cached_prefix(
    encoder: Any, settings: TrainSettings, tokens: Sequence[Tokens], on_progress: OnProgress
) -> list[PrefixStates] | None:
    """Compute what enters the trained top layers, once, if it fits in memory.

    Args:
        encoder: Before `prepare_encoder`; not modified.
        settings: Only the strategy "top_layers" leaves layers frozen.
        tokens: Of the training examples, then of others.
        on_progress: Told about the first.

    Returns:
        States for each of `tokens`, or None where all layers have to run.
    """
    if settings.strategy != "top_layers" or settings.layers >= len(encoder_layers(encoder)):
        return None
    total = sum(int(part.starts[-1]) for part in tokens)
    if total * encoder.config.hidden_size * 2 > PREFIX_BYTES:
        return None

    def tell(done: int, total: int) -> None:
        on_progress(JobProgress(share=0.15 * done / total, text="running the frozen layers once"))

    device = pick_device()
    return [
        prefix_states(encoder, part, settings.layers, device, None if i else tell)
        for i, part in enumerate(tokens)
    ]


def put_prefix(encoder: Any, settings: TrainSettings) -> Callable[[], None]:
    """Swap the frozen layers for the cached states; the returned call swaps them back."""
    stack = encoder_layers(encoder)
    below = [stack[i] for i in range(len(stack) - settings.layers)]
    for _ in below:
        del stack[0]
    stand_in = CachedPrefix()
    stack.insert(0, stand_in)
    encoder.add_module("prefix_stand_in", stand_in)

    def put_back() -> None:
        del stack[0]
        del encoder.prefix_stand_in
        for i, layer in enumerate(below):
            stack.insert(i, layer)

    return put_back
