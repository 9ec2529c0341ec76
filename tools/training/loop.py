"""One fine-tune: batches of like length, warm-up and decay, early stopping, best weights kept."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...evals.metrics import FloatArray, IntArray
from ...evals.result import CurvePoint
from .checkpoint import Checkpoints
from .hardware import Device
from .linear import class_weights, softmax
from .network import EncoderClassifier
from .settings import TrainSettings
from .state import Position, TrainingState
from .tokens import Tokens, by_length, shuffled_buckets

LOG_EVERY = 10  # optimiser steps between progress reports
EVAL_BATCH = 64


class Pruned(Exception):
    """The search asked to give this trial up."""


@dataclass(frozen=True)
class Rows:
    """Texts ready to be trained on or scored.

    Attributes:
        tokens: Token ids of n texts.
        labels: (n,), int64.
        states: Hidden states below the trained layers, or None to run all layers.
    """

    tokens: Tokens
    labels: IntArray
    states: Any = None


@dataclass(frozen=True)
class Watch:
    """Who looks on while a model trains, and when it must end.

    Attributes:
        score: (true, probabilities) -> value, higher is better.
        progress: Called with (share done 0..1, loss, best value, rows per second).
        report: Called after each epoch with (epoch, value); may raise Pruned.
        deadline: `time.monotonic()` after which no further step is started.
    """

    score: Callable[[IntArray, FloatArray], float]
    progress: Callable[[float, float, float | None, float], None] = lambda *_: None
    report: Callable[[int, float], None] = lambda *_: None
    deadline: float = math.inf


@dataclass
class Trained:
    """What a training run came to; the best weights are in the network.

    `earlier`: seconds that processes before this one spent on the same training.
    """

    probabilities: FloatArray
    value: float
    epochs: float
    cut_short: bool
    rows_per_second: float
    points: list[CurvePoint] = field(default_factory=list)
    earlier: float = 0.0


def train(
    network: EncoderClassifier,
    train_rows: Rows,
    validation: Rows,
    settings: TrainSettings,
    device: Device,
    watch: Watch,
    *,
    seed: int,
    checkpoints: Checkpoints | None = None,
) -> Trained:
    """Tune the unfrozen parameters and leave the best epoch's weights in the network.

    The untrained state (a head warm-started on frozen embeddings) counts as
    epoch 0, so that tuning never ends below where it began on validation.

    With checkpoints, a training that was cut off goes on from the last of them, and
    on the same machine with the same number of threads ends in the same weights, to
    the bit, as one that was not. A deadline breaks that promise: how many steps fit
    before it depends on the machine's mood.

    Raises:
        Pruned: The watch gave the trial up.
        FloatingPointError: The loss is no longer a number.
    """
    start = time.monotonic()
    network.to(device.kind)
    state = _begin(network, train_rows, settings, device, seed)
    at = state.position
    saved = checkpoints.latest() if checkpoints else None
    if saved is None:
        probabilities = predict(network, validation, device)
        state.keep_best(watch.score(validation.labels, probabilities), 0, probabilities)
        at.points.append(CurvePoint(step=0, epoch=0, validation=at.best))
    else:
        state.restore(saved)
        at = state.position
        for epoch, value in enumerate(at.values, 1):
            watch.report(epoch, value)
    earlier = at.seconds

    def save(*, epoch_ended: bool) -> None:
        if checkpoints and checkpoints.due(epoch_ended=epoch_ended):
            at.seconds = earlier + time.monotonic() - start
            checkpoints.save(state.snapshot())

    cut_short = False
    per_epoch = _steps(train_rows, settings)
    while at.epoch <= settings.epochs and at.waited < settings.patience:
        cut_short = _epoch(network, state, train_rows, settings, device, watch, save)
        probabilities = predict(network, validation, device)
        value = watch.score(validation.labels, probabilities)
        at.points.append(CurvePoint(step=at.step, epoch=at.step / per_epoch, validation=value))
        if value > at.best:
            state.keep_best(value, at.step / per_epoch, probabilities)
        else:
            at.waited += 1
        if cut_short:
            break
        if at.waited < settings.patience:
            watch.report(at.epoch, value)
        at.values.append(value)
        at.epoch, at.batch, at.order = at.epoch + 1, 0, dict(state.rng.bit_generator.state)
        save(epoch_ended=True)
    state.put_best()
    rate = at.rows / max(at.busy, 1e-9)
    return Trained(
        state.probabilities, at.best, at.best_epochs, cut_short, rate, at.points, earlier
    )


def _begin(
    network: EncoderClassifier, rows: Rows, settings: TrainSettings, device: Device, seed: int
) -> TrainingState:
    """Everything as it is before the first step."""
    optimizer = _optimizer(network, settings)
    total = _steps(rows, settings) * settings.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: _rate(step, total, settings.warmup_ratio)
    )
    rng = np.random.default_rng(seed)
    position = Position(order=dict(rng.bit_generator.state))
    nothing = np.zeros((0, 0))
    return TrainingState(
        network.trained(), optimizer, schedule, rng, device.kind, position, {}, nothing
    )


def _steps(rows: Rows, settings: TrainSettings) -> int:
    """Of an epoch."""
    return math.ceil(len(rows.tokens) / settings.batch_size)


def _epoch(
    network: EncoderClassifier,
    state: TrainingState,
    train_rows: Rows,
    settings: TrainSettings,
    device: Device,
    watch: Watch,
    save: Callable[..., None],
) -> bool:
    """Train on the batches of the epoch that are left; returns whether the time ran out."""
    at = state.position
    loss_function = _loss(train_rows.labels, settings, network.head.out_features, device)
    per_epoch = _steps(train_rows, settings)
    total = per_epoch * settings.epochs
    state.rng.bit_generator.state = at.order
    batches = shuffled_buckets(train_rows.tokens.lengths, settings.batch_size, state.rng)
    network.train()
    if at.batch == 0:
        at.loss = 0.0
    start, before, cut_short = time.monotonic(), at.busy, False
    for rows in itertools.islice(batches, at.batch, None):
        if time.monotonic() > watch.deadline:
            cut_short = True
            break
        loss = _step(network, train_rows, rows, loss_function, state.optimizer, device)
        state.schedule.step()
        at.batch, at.step, at.rows = at.batch + 1, at.step + 1, at.rows + len(rows)
        at.loss = 0.9 * at.loss + 0.1 * loss if at.loss else loss
        if at.step % LOG_EVERY == 0 or at.step == total:
            at.busy = before + time.monotonic() - start
            watch.progress(at.step / total, at.loss, at.best, at.rows / max(at.busy, 1e-9))
            at.points.append(CurvePoint(step=at.step, epoch=at.step / per_epoch, loss=at.loss))
        save(epoch_ended=False)
    at.busy = before + time.monotonic() - start
    return cut_short


def predict(
    network: EncoderClassifier,
    rows: Rows,
    device: Device,
    progress: Callable[[int, int], None] | None = None,
) -> FloatArray:
    """Score every text: (n, n_classes) probabilities in the order of `rows`."""
    network.to(device.kind).eval()
    out = np.zeros((len(rows.tokens), network.head.out_features), np.float64)
    done = 0
    for chunk in by_length(rows.tokens.lengths, EVAL_BATCH):
        with torch.inference_mode(), device.autocast():
            logits = _forward(network, rows, chunk, device)
        out[chunk] = softmax(logits.float().cpu().numpy())
        done += len(chunk)
        if progress:
            progress(done, len(rows.tokens))
    return out


def _step(
    network: EncoderClassifier,
    train_rows: Rows,
    rows: NDArray[np.int64],
    loss_function: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    device: Device,
) -> float:
    """One optimiser step; returns the loss."""
    with device.autocast():
        logits = _forward(network, train_rows, rows, device)
    loss = loss_function(logits, torch.from_numpy(train_rows.labels[rows]).to(device.kind))
    value = float(loss.detach())
    if not math.isfinite(value):
        raise FloatingPointError(f"the loss became {value}; try a lower learning rate")
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], 1.0)
    optimizer.step()
    return value


def _forward(
    network: EncoderClassifier, rows: Rows, chosen: NDArray[np.int64], device: Device
) -> Tensor:
    ids, mask = (t.to(device.kind) for t in rows.tokens.batch(chosen))
    if rows.states is not None:
        prefix: Any = network.encoder.get_submodule("prefix_stand_in")
        prefix.states = rows.states.batch(chosen, ids.shape[1]).to(device.kind)
    return network(ids, mask)


def _optimizer(network: EncoderClassifier, settings: TrainSettings) -> torch.optim.Optimizer:
    """Biases and norms are not decayed, as usual."""
    decayed = [p for p in network.trained().values() if p.ndim > 1]
    plain = [p for p in network.trained().values() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=0.9)
    return torch.optim.AdamW(groups, lr=settings.learning_rate)


def _rate(step: int, total: int, warmup_ratio: float) -> float:
    """Share of the peak learning rate: linear warm-up, then linear decay to 0."""
    warmup = max(1, int(total * warmup_ratio))
    if step < warmup:
        return (step + 1) / warmup
    return max(0.0, (total - step) / max(1, total - warmup))


def _loss(
    labels: IntArray, settings: TrainSettings, n_classes: int, device: Device
) -> torch.nn.Module:
    weight = None
    if settings.class_weights:
        weight = torch.from_numpy(class_weights(labels, n_classes)).to(device.kind)
    return torch.nn.CrossEntropyLoss(weight=weight, label_smoothing=settings.label_smoothing)
