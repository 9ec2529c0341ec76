"""The step of each way of adversarial training is that of its formula, written out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from test_train_loop import CPU, TRAIN, VALIDATION, accuracy, make_network, same, weights
from torch import Tensor
from torch.nn import functional
from tuneos.tools.training.adversarial import Shift, backward
from tuneos.tools.training.checkpoint import Checkpoints, Snapshot
from tuneos.tools.training.loop import Trained, Watch, predict, train
from tuneos.tools.training.network import EncoderClassifier
from tuneos.tools.training.settings import Adversarial, TrainSettings


class Cut(Exception):
    """Stands in for a kill."""


WAYS: tuple[Adversarial, ...] = ("fgm", "pgd", "freelb", "rdrop", "smart")
MOVING = tuple(way for way in WAYS if way != "rdrop")
IDS = torch.tensor([[1, 2, 7], [5, 6, 0]])
MASK = torch.tensor([[1, 1, 1], [1, 1, 0]])
BATCH = {"ids": IDS, "mask": MASK, "labels": torch.tensor([0, 1])}
SIZE, WEIGHT = 0.3, 0.7


def settings(way: Adversarial, steps: int = 2, epochs: int = 3) -> TrainSettings:
    return TrainSettings(
        strategy="full", adversarial=way, adversarial_size=SIZE, adversarial_steps=steps,
        adversarial_weight=WEIGHT, learning_rate=0.05, epochs=epochs, batch_size=8, dropout=0.3,
    )  # fmt: skip


def by_hand(way: Adversarial, network: EncoderClassifier, steps: int) -> Tensor:
    """The loss whose gradient the step should be, from the vectors and the head alone."""
    vectors = network.core.table(IDS)
    limit = SIZE * vectors.detach().flatten(1).norm(dim=1)[:, None, None]
    stride = 1.0 if steps == 1 else 2.5 / steps

    def logits(delta: Tensor | float) -> Tensor:
        moved = (vectors + delta) * MASK[:, :, None]
        mean = moved.sum(1) / MASK.sum(1, keepdim=True)
        pooled = functional.dropout(functional.normalize(mean, dim=-1), network.dropout.p)
        return pooled @ network.head.weight.T + network.head.bias

    def loss(delta: Tensor | float) -> Tensor:
        picked = logits(delta).log_softmax(-1)[torch.arange(2), BATCH["labels"]]
        return -picked.mean()

    def kl(one: Tensor, other: Tensor) -> Tensor:
        p, q = one.softmax(-1), other.softmax(-1)
        return ((p * (p / q).log()).sum(-1) + (q * (q / p).log()).sum(-1)).mean() / 2

    def inside(delta: Tensor) -> Tensor:
        return delta * (limit / delta.flatten(1).norm(dim=1)[:, None, None]).clamp(max=1)

    def up(delta: Tensor, value: Tensor, by: float) -> Tensor:
        (g,) = torch.autograd.grad(value, [delta], retain_graph=True)
        g = g / (g.flatten(1).norm(dim=1)[:, None, None] + 1e-12)
        return inside(delta.detach() + by * limit * g).requires_grad_()

    def anywhere() -> Tensor:
        noise = (torch.rand(vectors.shape) * 2 - 1) * MASK[:, :, None]
        return (noise * limit / noise.flatten(1).norm(dim=1)[:, None, None]).requires_grad_()

    delta = torch.zeros_like(vectors).requires_grad_()
    if way == "fgm":
        return loss(0.0) + WEIGHT * loss(up(delta, loss(delta), 1.0).detach())
    if way == "pgd":
        for _ in range(steps):
            delta = up(delta, loss(delta), stride)
        return loss(0.0) + WEIGHT * loss(delta.detach())
    if way == "freelb":
        delta, total = anywhere(), torch.zeros(())
        for _ in range(steps):
            total = total + loss(delta.detach()) / steps
            delta = up(delta, loss(delta), stride)
        return total
    if way == "rdrop":
        one, other = logits(0.0), logits(0.0)
        labels = BATCH["labels"]
        both = functional.cross_entropy(one, labels) + functional.cross_entropy(other, labels)
        return both / 2 + WEIGHT * kl(one, other)
    delta = anywhere()
    for _ in range(steps):
        delta = up(delta, kl(logits(delta), logits(0.0).detach()), stride)
    return loss(0.0) + WEIGHT * kl(logits(delta.detach()), logits(0.0))


def gradients(network: EncoderClassifier) -> list[Tensor]:
    return [p.grad.clone() for p in network.parameters() if p.grad is not None]


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("way", WAYS)
def test_step_is_that_of_the_formula(way: Adversarial, steps: int) -> None:
    network = make_network()
    network.dropout.p = 0.5 if way == "rdrop" else 0.0
    network.train()
    torch.manual_seed(5)
    backward(network, BATCH, settings(way, steps), CPU)
    found = gradients(network)
    network.zero_grad()
    torch.manual_seed(5)
    by_hand(way, network, steps).backward()
    for one, other in zip(found, gradients(network), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_way_differs_from_plain_training(way: Adversarial) -> None:
    network = make_network()
    network.dropout.p = 0.5
    network.train()
    found = []
    for each in ("none", way):
        torch.manual_seed(5)
        network.zero_grad()
        backward(network, BATCH, settings(each), CPU)
        found.append(gradients(network))
    assert not all(torch.allclose(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize("way", MOVING)
def test_without_its_shift_a_way_is_plain_training(
    way: Adversarial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the ways gain comes from the shift: take it out, and every gradient is a plain one."""
    network = make_network()
    network.dropout.p = 0.0
    network.train()
    backward(network, BATCH, settings("none"), CPU)
    plain = gradients(network)
    network.zero_grad()
    monkeypatch.setattr(Shift, "put", lambda self, _: setattr(
        self, "delta", torch.zeros_like(self.delta).requires_grad_()))  # fmt: skip
    backward(network, BATCH, settings(way), CPU)
    times = 1 + WEIGHT if way in {"fgm", "pgd"} else 1.0
    for one, other in zip(gradients(network), plain, strict=True):
        assert torch.allclose(one, times * other, atol=1e-6)


@pytest.mark.parametrize("way", MOVING)
def test_cached_states_are_shifted_where_the_layers_below_ran_before(way: Adversarial) -> None:
    network = make_network()
    network.dropout.p = 0.0
    stand_in = torch.nn.Module()
    network.core.add_module("prefix_stand_in", stand_in)

    def forward(**_: Tensor) -> object:
        from types import SimpleNamespace

        return SimpleNamespace(last_hidden_state=stand_in.states)

    network.core.forward = forward
    states = torch.randn(2, 3, 8)
    found = []
    for each in ("none", way):
        network.zero_grad()
        backward(network, {**BATCH, "states": states}, settings(each), CPU)
        found.append(network.head.weight.grad.clone())
    assert not torch.allclose(*found)


@pytest.mark.parametrize("way", WAYS)
def test_batch_of_which_all_ran_before_is_learned_plainly(way: Adversarial) -> None:
    network = make_network()
    network.dropout.p = 0.0
    found = []
    for each in ("none", way):
        network.zero_grad()
        backward(network, {**BATCH, "final": torch.zeros(1)}, settings(each), CPU)
        found.append(gradients(network))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize("way", MOVING)
def test_network_answers_as_before_once_the_step_is_over(way: Adversarial) -> None:
    network = make_network()
    before = predict(network, VALIDATION, CPU)
    network.train()
    backward(network, BATCH, settings(way), CPU)
    assert np.array_equal(predict(network, VALIDATION, CPU), before)


def tuned(
    way: Adversarial, folder: Path | None = None, cut_after: int = 0
) -> tuple[EncoderClassifier, Trained]:
    network = make_network()
    network.dropout.p = 0.3
    torch.manual_seed(3)
    checkpoints = Checkpoints(folder) if folder else None
    if checkpoints and cut_after:
        save, saves = checkpoints.save, list[int]()

        def counted(snapshot: Snapshot) -> bool:
            saved = save(snapshot)
            saves.append(1)
            if len(saves) == cut_after:
                raise Cut
            return saved

        checkpoints.save = counted  # type: ignore[method-assign]
    found = train(
        network, TRAIN, VALIDATION, settings(way), CPU, Watch(accuracy), seed=3,
        checkpoints=checkpoints,
    )  # fmt: skip
    return network, found


@pytest.mark.parametrize("way", WAYS)
def test_training_that_was_cut_off_ends_in_the_same_bits(
    way: Adversarial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Checkpoints, "due", lambda *_, **__: True)
    network, whole = tuned(way)
    with pytest.raises(Cut):
        tuned(way, tmp_path / "steps", 11)
    torch.manual_seed(99)
    again, found = tuned(way, tmp_path / "steps")
    assert same(weights(network), weights(again))
    assert (found.outputs == whole.outputs).all()


@pytest.mark.parametrize("way", WAYS)
def test_training_learns_with_each_way(way: Adversarial) -> None:
    assert tuned(way)[1].value == 1.0
