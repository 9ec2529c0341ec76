"""Run the frozen encoder over many texts: pooled embeddings, or the states below the top layers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .hardware import Device
from .network import encoder_layers, mean_pool
from .tokens import Tokens, by_length

BATCH = 64
Progress = Callable[[int, int], None]


def embed(
    encoder: nn.Module, tokens: Tokens, device: Device, progress: Progress | None = None
) -> NDArray[np.float32]:
    """Pool every text with the encoder as it is.

    Returns:
        (n_texts, width), float32, unit length, in the order of `tokens`.
    """
    out: NDArray[np.float32] | None = None
    done = 0
    encoder.to(device.kind).eval()
    for rows in by_length(tokens.lengths, BATCH):
        ids, mask = (t.to(device.kind) for t in tokens.batch(rows))
        with torch.inference_mode(), device.autocast():
            hidden = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
            pooled = mean_pool(hidden, mask).cpu().numpy()
        if out is None:
            out = np.zeros((len(tokens), pooled.shape[1]), np.float32)
        out[rows] = pooled
        done += len(rows)
        if progress:
            progress(done, len(tokens))
    return np.zeros((0, 0), np.float32) if out is None else out


@dataclass(frozen=True)
class PrefixStates:
    """What enters the top layers, for every token of every text.

    Attributes:
        flat: (total tokens, width), bfloat16 (float32 where bf16 is slow).
        tokens: The ids they belong to; text i owns flat[starts[i]:starts[i + 1]].
    """

    flat: Tensor
    tokens: Tokens

    def batch(self, rows: NDArray[np.int64], width: int) -> Tensor:
        """Pad the states of some rows: (len(rows), width, hidden)."""
        out = self.flat.new_zeros(len(rows), width, self.flat.shape[1])
        starts = self.tokens.starts
        for i, row in enumerate(rows):
            states = self.flat[starts[row] : starts[row + 1]]
            out[i, : len(states)] = states
        return out


def prefix_states(
    encoder: Any, tokens: Tokens, top: int, device: Device, progress: Progress | None = None
) -> PrefixStates:
    """Run all texts through the layers below the top ones, once.

    Args:
        encoder: Not modified; its top layers are not run.
        tokens: (n_texts) token ids.
        top: Layers that will be trained; the rest are run here.
        device: Where to compute; the states stay in main memory.
    """
    stack = encoder_layers(encoder)
    below = len(stack) - min(top, len(stack))
    caught: list[Tensor] = []

    def catch(_module: nn.Module, args: tuple[Tensor, ...]) -> None:
        caught.append(args[0])
        raise _Caught

    def entering(ids: Tensor, mask: Tensor) -> Tensor:
        with contextlib.suppress(_Caught):
            encoder(input_ids=ids, attention_mask=mask)
        return caught.pop()

    hook = stack[below].register_forward_pre_hook(catch)
    try:
        return _every_token(encoder, tokens, device, entering, progress)
    finally:
        hook.remove()


def final_states(
    encoder: Any, tokens: Tokens, device: Device, progress: Progress | None = None
) -> PrefixStates:
    """Run all texts through all layers, once: the last hidden state of every token."""

    def last(ids: Tensor, mask: Tensor) -> Tensor:
        hidden: Tensor = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        return hidden

    return _every_token(encoder, tokens, device, last, progress)


def _every_token(
    encoder: Any,
    tokens: Tokens,
    device: Device,
    states: Callable[[Tensor, Tensor], Tensor],
    progress: Progress | None,
) -> PrefixStates:
    """Put what `states` gives for batches (texts, tokens, width) side by side, without padding."""
    kind = torch.bfloat16 if device.bf16 else torch.float32
    flat = torch.zeros(int(tokens.starts[-1]), encoder.config.hidden_size, dtype=kind)
    done = 0
    encoder.to(device.kind).eval()
    for rows in by_length(tokens.lengths, BATCH):
        ids, mask = (t.to(device.kind) for t in tokens.batch(rows))
        with torch.no_grad(), device.autocast():
            hidden = states(ids, mask).to("cpu", kind)
        for i, row in enumerate(rows):
            start, stop = tokens.starts[row], tokens.starts[row + 1]
            flat[start:stop] = hidden[i, : stop - start]
        done += len(rows)
        if progress:
            progress(done, len(tokens))
    return PrefixStates(flat, tokens)


class _Caught(Exception):
    """Leaves the forward pass at the first top layer: the layers above need not run."""
