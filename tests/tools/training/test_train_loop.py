"""The training loop on an encoder of one embedding table."""

from __future__ import annotations

import math
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from tuneos.tools.training.hardware import Device
from tuneos.tools.training.loop import Pruned, Watch, _rate, predict, train
from tuneos.tools.training.network import EncoderClassifier
from tuneos.tools.training.pooled import Rows, _criterion
from tuneos.tools.training.settings import TrainSettings
from tuneos.tools.training.tokens import Tokens

CPU = Device("cpu", bf16=False)


class Bag(nn.Module):  # type: ignore[misc]
    """The smallest encoder: a table of word vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 8)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SimpleNamespace:
        return SimpleNamespace(last_hidden_state=self.table(input_ids))


def make_rows(n: int, seed: int) -> Rows:
    """Texts of 1 to 6 ids; class 0 holds small ids, class 1 large ones."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    pieces = [rng.integers(1, 5, rng.integers(1, 7)) + 4 * label for label in labels]
    starts = np.concatenate([[0], np.cumsum([len(p) for p in pieces])]).astype(np.int64)
    return Rows(Tokens(np.concatenate(pieces).astype(np.int32), starts, 0, 0), labels)


def make_network(seed: int = 0) -> EncoderClassifier:
    torch.manual_seed(seed)
    return EncoderClassifier(Bag(), nn.Linear(8, 2), dropout=0.0)


TRAIN, VALIDATION = make_rows(64, 0), make_rows(20, 1)
SETTINGS = TrainSettings(
    strategy="full", learning_rate=0.05, epochs=6, batch_size=8, patience=2, dropout=0.0
)


def accuracy(outputs: np.ndarray) -> float:
    return float((outputs.argmax(axis=1) == VALIDATION.labels).mean())


def scripted(values: list[float]) -> Watch:
    """A watch whose scores come from a list: the untrained state first."""
    left = iter(values)
    return Watch(lambda *_: next(left))


def weights(network: EncoderClassifier) -> dict[str, Tensor]:
    return {n: p.detach().clone() for n, p in network.named_parameters()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return all(torch.equal(a[n], b[n]) for n in a)


def test_training_learns_and_says_how_it_went() -> None:
    network, told = make_network(), []
    watch = Watch(accuracy, lambda *said: told.append(said))
    found = train(network, TRAIN, VALIDATION, SETTINGS, CPU, watch, seed=0)
    assert found.value == 1.0 == accuracy(predict(network, VALIDATION, CPU))
    assert found.rows_per_second > 0
    assert not found.cut_short
    share, loss, best, rate = told[-1]
    assert 0 < share <= 1
    assert math.isfinite(loss)
    assert best is not None
    assert rate > 0
    losses = [p.loss for p in found.points if p.loss is not None]
    assert losses[-1] < losses[0]


def test_best_epoch_is_kept_and_training_stops_when_nothing_is_gained() -> None:
    network, seen = make_network(), {}
    watch = scripted([0.1, 0.5, 0.9, 0.3, 0.2, 1.0])
    watch = Watch(watch.score, report=lambda epoch, _: seen.update({epoch: weights(network)}))
    found = train(network, TRAIN, VALIDATION, SETTINGS, CPU, watch, seed=0)
    assert (found.value, found.epochs) == (0.9, 2)
    assert same(weights(network), seen[2])
    assert not same(seen[1], seen[2])
    assert np.allclose(found.outputs, predict(network, VALIDATION, CPU))
    said = [p.validation for p in found.points if p.validation is not None]
    assert said == [0.1, 0.5, 0.9, 0.3, 0.2]


def test_a_gain_starts_patience_anew() -> None:
    watch = scripted([0.1, 0.0, 0.2, 0.1, 0.3, 0.1, 0.1])
    found = train(make_network(), TRAIN, VALIDATION, SETTINGS, CPU, watch, seed=0)
    assert found.epochs == 4


def test_training_that_only_harms_leaves_the_start() -> None:
    network = make_network()
    before = weights(network)
    found = train(network, TRAIN, VALIDATION, SETTINGS, CPU, scripted([0.5, 0.4, 0.3]), seed=0)
    assert (found.value, found.epochs) == (0.5, 0)
    assert same(weights(network), before)


def test_deadline_ends_training_before_the_next_step() -> None:
    network = make_network()
    before = weights(network)
    watch = Watch(accuracy, deadline=time.monotonic() - 1)
    found = train(network, TRAIN, VALIDATION, SETTINGS, CPU, watch, seed=0)
    assert found.cut_short
    assert found.epochs == 0
    assert same(weights(network), before)


def test_deadline_keeps_what_was_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr("tuneos.tools.training.loop.time.monotonic", lambda: next(clock))
    watch = Watch(accuracy, deadline=12)  # some steps into the second epoch
    network = make_network()
    found = train(network, TRAIN, VALIDATION, SETTINGS, CPU, watch, seed=0)
    assert found.cut_short
    assert 0 < found.epochs < 2
    assert found.value == accuracy(predict(network, VALIDATION, CPU))


def test_loss_that_is_no_number_is_an_error_with_advice() -> None:
    network = make_network()
    with torch.no_grad():
        network.head.bias[0] = float("nan")
    with pytest.raises(FloatingPointError, match="became nan; try a lower learning rate"):
        train(network, TRAIN, VALIDATION, SETTINGS, CPU, scripted([0.5] * 9), seed=0)


def test_watch_may_give_a_trial_up() -> None:
    seen = []

    def report(epoch: int, value: float) -> None:
        seen.append((epoch, value))
        if epoch == 2:
            raise Pruned

    watch = Watch(scripted([0.1, 0.2, 0.3, 0.4]).score, report=report)
    with pytest.raises(Pruned):
        train(make_network(), TRAIN, VALIDATION, SETTINGS, CPU, watch, seed=0)
    assert seen == [(1, 0.2), (2, 0.3)]


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_the_same_seed_gives_the_same_weights(optimizer: str) -> None:
    settings = SETTINGS.model_copy(update={"optimizer": optimizer, "epochs": 1})

    def tuned(seed: int) -> dict[str, Tensor]:
        network = make_network()
        train(network, TRAIN, VALIDATION, settings, CPU, scripted([0.0, 1.0]), seed=seed)
        return weights(network)

    assert same(tuned(0), tuned(0))
    assert not same(tuned(0), tuned(1))


def test_frozen_parameters_do_not_move() -> None:
    network = make_network()
    network.core.requires_grad_(False)
    before = weights(network)
    train(network, TRAIN, VALIDATION, SETTINGS, CPU, scripted([0.1, 0.2, 0.1, 0.1]), seed=0)
    after = weights(network)
    assert torch.equal(before["core.table.weight"], after["core.table.weight"])
    assert not torch.equal(before["head.weight"], after["head.weight"])


def test_predictions_come_in_the_order_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    network, told = make_network(), []
    whole = predict(network, VALIDATION, CPU)
    monkeypatch.setattr("tuneos.tools.training.loop.EVAL_BATCH", 3)
    batched = predict(network, VALIDATION, CPU, lambda *said: told.append(said))
    assert np.allclose(whole, batched)
    assert np.allclose(whole.sum(axis=1), 1)
    assert told[-1] == (20, 20)


def test_learning_rate_rises_then_falls_to_nothing() -> None:
    rates = [_rate(step, 100, 0.1) for step in range(101)]
    assert rates[:3] == pytest.approx([0.1, 0.2, 0.3])
    assert max(rates) == 1
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == 0
    assert _rate(0, 1, 0.0) > 0  # a single step does train


def test_class_weights_enter_the_loss() -> None:
    labels = np.array([0] * 9 + [1])
    weighted = _criterion(labels, SETTINGS.model_copy(update={"class_weights": True}), 2)
    assert isinstance(weighted, nn.CrossEntropyLoss)
    assert weighted.weight is not None
    assert (weighted.weight[1] / weighted.weight[0]).item() == pytest.approx(3)
    assert _criterion(labels, SETTINGS, 2).weight is None
