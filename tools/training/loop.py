"""One fine-tune: batches of like length, warm-up and decay, early stopping, best weights kept."""

from __future__ import annotations

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
from .hardware import Device
from .linear import class_weights, softmax
from .network import EncoderClassifier
from .settings import TrainSettings
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
    """What a training run came to; the best weights are in the network."""

    probabilities: FloatArray
    value: float
    epochs: float
    cut_short: bool
    rows_per_second: float
    points: list[CurvePoint] = field(default_factory=list)


def train(
    network: EncoderClassifier,
    train_rows: Rows,
    validation: Rows,
    settings: TrainSettings,
    device: Device,
    watch: Watch,
    *,
    seed: int,
) -> Trained:
    """Tune the unfrozen parameters and leave the best epoch's weights in the network.

    The untrained state (a head warm-started on frozen embeddings) counts as
    epoch 0, so that tuning never ends below where it began on validation.

    Raises:
        Pruned: The watch gave the trial up.
        FloatingPointError: The loss is no longer a number.
    """
    rng = np.random.default_rng(seed)
    network.to(device.kind)
    trained = network.trained()
    optimizer = _optimizer(network, settings)
    per_epoch = math.ceil(len(train_rows.tokens) / settings.batch_size)
    total = per_epoch * settings.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: _rate(step, total, settings.warmup_ratio)
    )
    loss_function = _loss(train_rows.labels, settings, network.head.out_features, device)
    probabilities = predict(network, validation, device)
    best = Trained(probabilities, watch.score(validation.labels, probabilities), 0, False, 0)
    kept = _copy(trained)
    points = [CurvePoint(step=0, epoch=0, validation=best.value)]
    step, waited, rows_seen, busy = 0, 0, 0, 0.0
    cut_short = False
    for epoch in range(1, settings.epochs + 1):
        network.train()
        start, running = time.monotonic(), 0.0
        for rows in shuffled_buckets(train_rows.tokens.lengths, settings.batch_size, rng):
            if time.monotonic() > watch.deadline:
                cut_short = True
                break
            loss = _step(network, train_rows, rows, loss_function, optimizer, device)
            schedule.step()
            step, rows_seen = step + 1, rows_seen + len(rows)
            running = loss if step == 1 else 0.9 * running + 0.1 * loss if running else loss
            if step % LOG_EVERY == 0 or step == total:
                rate = rows_seen / max(busy + time.monotonic() - start, 1e-9)
                watch.progress(step / total, running, best.value, rate)
                points.append(CurvePoint(step=step, epoch=step / per_epoch, loss=running))
        busy += time.monotonic() - start
        probabilities = predict(network, validation, device)
        value = watch.score(validation.labels, probabilities)
        points.append(CurvePoint(step=step, epoch=step / per_epoch, validation=value))
        if value > best.value:
            best, waited = Trained(probabilities, value, step / per_epoch, False, 0), 0
            kept = _copy(trained)
        else:
            waited += 1
        if cut_short or waited >= settings.patience:
            break
        watch.report(epoch, value)
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(kept[name])
    best.points, best.cut_short = points, cut_short
    best.rows_per_second = rows_seen / max(busy, 1e-9)
    return best


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


def _copy(parameters: dict[str, torch.nn.Parameter]) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in parameters.items()}
