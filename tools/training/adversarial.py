"""Adversarial training: a step that also learns from inputs moved to where the loss is high.

What moves is the word vectors as they enter the encoder, or the cached states where the layers
below ran before; never an id, so that one way serves every task. How far is a share of the
length of an example's own vectors, as base models differ in scale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .hardware import Device
from .network import Batch, Network
from .settings import TrainSettings

STRIDE = 2.5  # times size / steps: how far one of several steps goes (Madry et al. 2018)
TINY = 1e-12


class Shift:
    """What is added to the vectors of a batch.

    Attributes:
        delta: (sequences, tokens, width), float32, a leaf with a gradient; zeros once a
            forward pass has told the shape.
        limit: (sequences, 1, 1), the longest that a sequence's delta may be.
    """

    def __init__(self, size: float) -> None:
        self.size = size
        self.delta: Tensor | None = None
        self.limit: Tensor | None = None

    def add(self, vectors: Tensor) -> Tensor:
        """The vectors, shifted; the first call starts from nothing."""
        if self.delta is None:
            plain = vectors.detach().float()
            self.limit = self.size * _lengths(plain)
            self.delta = torch.zeros_like(plain).requires_grad_()
        return vectors + self.delta.to(vectors.dtype)

    def climb(self, gradient: Tensor, stride: float) -> None:
        """Go along the gradient by `stride` times the limit, and back inside the limit."""
        assert self.delta is not None
        assert self.limit is not None
        step = stride * self.limit * gradient.float() / (_lengths(gradient.float()) + TINY)
        self.put(self.delta.detach() + step)

    def put(self, delta: Tensor) -> None:
        """Take a delta, shortened where it is over the limit."""
        assert self.limit is not None
        kept = (self.limit / (_lengths(delta) + TINY)).clamp(max=1.0)
        self.delta = (kept * delta).detach().requires_grad_()

    def scatter(self, batch: Batch) -> None:
        """Begin at a random place as far away as the limit, padding left alone."""
        assert self.delta is not None
        assert self.limit is not None
        noise = torch.rand(self.delta.shape).to(self.delta.device) * 2 - 1
        mask = batch.get("mask")
        if mask is not None and mask.shape == noise.shape[:2]:
            noise = noise * mask.unsqueeze(-1)
        self.put(noise * (self.limit / (_lengths(noise) + TINY)))


@contextmanager
def shifted(network: Network, batch: Batch, shift: Shift) -> Iterator[Batch]:
    """Run what is inside with the vectors of the batch shifted; the network stays as it was."""
    if "states" in batch:
        yield {**batch, "states": shift.add(batch["states"])}
        return
    met = False

    def add(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        nonlocal met
        if met:  # a decoder may look words up in the same table
            return output
        met = True
        return shift.add(output)

    hook = word_vectors(network.core).register_forward_hook(add)
    try:
        yield batch
    finally:
        hook.remove()


def word_vectors(core: nn.Module) -> nn.Module:
    """The table that turns ids into vectors."""
    find = getattr(core, "get_input_embeddings", None)
    if find is not None:
        table: nn.Module = find()
        return table
    return next(m for m in core.modules() if isinstance(m, nn.Embedding))


def backward(
    network: Network, batch: Batch, settings: TrainSettings, device: Device, share: float = 1.0
) -> float:
    """Add the gradients of one batch to the parameters, in the way that the settings name.

    Args:
        network: In training mode.
        batch: On the device.
        settings: `adversarial` and what goes with it.
        device: Says how the forward pass is computed.
        share: What the batch counts, where it is part of a larger one.

    Returns:
        The loss on the batch as it is, times the share; on shifted vectors for "freelb",
        which has no pass without.
    """
    # Where the whole encoder ran before, nothing that could move is left.
    way = "none" if "final" in batch else settings.adversarial
    return _WAYS[way](_Pass(network, batch, device), settings, share)


class _Pass:
    """Forward passes of one batch."""

    def __init__(self, network: Network, batch: Batch, device: Device) -> None:
        self.network, self.batch, self.device = network, batch, device

    def logits(self, shift: Shift | None = None) -> Any:
        if shift is None:
            with self.device.autocast():
                return self.network(self.batch)
        with shifted(self.network, self.batch, shift) as batch, self.device.autocast():
            return self.network(batch)

    def loss(self, shift: Shift | None = None) -> Tensor:
        return self.network.loss(self.logits(shift), self.batch)

    def apart(self, one: Any, other: Any) -> Tensor:
        return self.network.divergence(one, other, self.batch)


def _plain(run: _Pass, settings: TrainSettings, share: float) -> float:
    loss = run.loss() * share
    loss.backward()
    return float(loss.detach())


def _fgm(run: _Pass, settings: TrainSettings, share: float) -> float:
    """One step to where the loss is highest by its gradient.

    Source: Miyato et al. 2017, Adversarial Training Methods for Semi-Supervised Text
    Classification.
    """
    shift = Shift(settings.adversarial_size)
    loss = run.loss(shift) * share
    loss.backward()
    assert shift.delta is not None
    assert shift.delta.grad is not None
    shift.climb(shift.delta.grad, 1.0)
    (run.loss(shift) * share * settings.adversarial_weight).backward()
    return float(loss.detach())


def _pgd(run: _Pass, settings: TrainSettings, share: float) -> float:
    """Several smaller steps, each kept inside the limit; the parameters learn from the last.

    Source: Madry et al. 2018, Towards Deep Learning Models Resistant to Adversarial Attacks.
    """
    shift, steps = Shift(settings.adversarial_size), settings.adversarial_steps
    loss = run.loss(shift) * share
    loss.backward()
    assert shift.delta is not None
    assert shift.delta.grad is not None
    gradient = shift.delta.grad
    for step in range(steps):
        shift.climb(gradient, STRIDE / steps if steps > 1 else 1.0)
        if step < steps - 1:
            (gradient,) = torch.autograd.grad(run.loss(shift), [shift.delta])
    (run.loss(shift) * share * settings.adversarial_weight).backward()
    return float(loss.detach())


def _freelb(run: _Pass, settings: TrainSettings, share: float) -> float:
    """From a random place, the parameters learn from every step on the way up.

    Source: Zhu et al. 2020, FreeLB.
    """
    shift, steps = Shift(settings.adversarial_size), settings.adversarial_steps
    with torch.no_grad():
        run.logits(shift)  # tells the shape
    shift.scatter(run.batch)
    value = 0.0
    for _ in range(steps):
        loss = run.loss(shift) * (share / steps)
        loss.backward()
        value += float(loss.detach())
        assert shift.delta is not None
        assert shift.delta.grad is not None
        shift.climb(shift.delta.grad, STRIDE / steps if steps > 1 else 1.0)
    return value


def _rdrop(run: _Pass, settings: TrainSettings, share: float) -> float:
    """Two passes under other dropout masks should agree.

    Source: Liang et al. 2021, R-Drop.
    """
    one, other = run.logits(), run.logits()
    loss = (run.network.loss(one, run.batch) + run.network.loss(other, run.batch)) / 2
    total = loss + settings.adversarial_weight * run.apart(one, other)
    (total * share).backward()
    return float(loss.detach()) * share


def _smart(run: _Pass, settings: TrainSettings, share: float) -> float:
    """The answer should change little where it could change most nearby; no label is needed.

    Source: Jiang et al. 2020, SMART (smoothness-inducing regularisation).
    """
    shift, steps = Shift(settings.adversarial_size), settings.adversarial_steps
    plain = run.logits(shift)
    still = plain.detach()
    shift.scatter(run.batch)
    for _ in range(steps):
        assert shift.delta is not None
        apart = run.apart(run.logits(shift), still)
        (gradient,) = torch.autograd.grad(apart, [shift.delta])
        shift.climb(gradient, STRIDE / steps if steps > 1 else 1.0)
    loss = run.network.loss(plain, run.batch)
    total = loss + settings.adversarial_weight * run.apart(run.logits(shift), plain)
    (total * share).backward()
    return float(loss.detach()) * share


_WAYS: dict[str, Callable[[_Pass, TrainSettings, float], float]] = {
    "none": _plain,
    "fgm": _fgm,
    "pgd": _pgd,
    "freelb": _freelb,
    "rdrop": _rdrop,
    "smart": _smart,
}


def _lengths(vectors: Tensor) -> Tensor:
    """(sequences, 1, 1), of a sequence's vectors as one."""
    return vectors.flatten(1).norm(dim=1)[:, None, None]
