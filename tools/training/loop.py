"""One fine-tune: batches of like length, warm-up and decay, early stopping, best weights kept."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from ...evals.metrics import FloatArray
from ...evals.result import CurvePoint
from .adversarial import backward
from .checkpoint import Checkpoints
from .examples import Examples
from .hardware import Device
from .network import Batch, Network
from .settings import TrainSettings
from .state import Position, TrainingState
from .tokens import by_length, shuffled_buckets

LOG_EVERY = 10  # optimiser steps between progress reports
EVAL_BATCH = 64
# Passes over validation kept for after the last step: one here, one of the model as saved and
# loaded again, and the loading.
WRAP_UP = 3.0


class Pruned(Exception):
    """The search asked to give this trial up."""


@dataclass(frozen=True)
class Watch:
    """Who looks on while a model trains, and when it must end.

    Attributes:
        score: (units, width) outputs on validation -> value, higher is better.
        progress: Called with (share done 0..1, loss, best value, rows per second).
        report: Called after each epoch with (epoch, value); may raise Pruned.
        deadline: `time.monotonic()` after which no further step is started.
    """

    score: Callable[[FloatArray], float]
    progress: Callable[[float, float, float | None, float], None] = lambda *_: None
    report: Callable[[int, float], None] = lambda *_: None
    deadline: float = math.inf


@dataclass
class Trained:
    """What a training run came to; the best weights are in the network.

    Attributes:
        outputs: (units, width), float64, of the best epoch on validation.
        earlier: Seconds that processes before this one spent on the same training.
    """

    outputs: FloatArray
    value: float
    epochs: float
    cut_short: bool
    rows_per_second: float
    points: list[CurvePoint] = field(default_factory=list)
    earlier: float = 0.0


def train(
    network: Network,
    train_rows: Examples,
    validation: Examples,
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
        began = time.monotonic()
        outputs = predict(network, validation, device)
        state.keep_best(watch.score(outputs), 0, outputs)
        wrap_up = WRAP_UP * (time.monotonic() - began)
        watch = replace(watch, deadline=watch.deadline - wrap_up)
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
        outputs = predict(network, validation, device)
        value = watch.score(outputs)
        at.points.append(CurvePoint(step=at.step, epoch=at.step / per_epoch, validation=value))
        if value > at.best:
            state.keep_best(value, at.step / per_epoch, outputs)
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
    return Trained(state.outputs, at.best, at.best_epochs, cut_short, rate, at.points, earlier)


def _begin(
    network: Network, rows: Examples, settings: TrainSettings, device: Device, seed: int
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


def _steps(rows: Examples, settings: TrainSettings) -> int:
    """Of an epoch."""
    return math.ceil(len(rows.lengths) / settings.batch_size)


def _epoch(
    network: Network,
    state: TrainingState,
    train_rows: Examples,
    settings: TrainSettings,
    device: Device,
    watch: Watch,
    save: Callable[..., None],
) -> bool:
    """Train on the batches of the epoch that are left; returns whether the time ran out."""
    at = state.position
    per_epoch = _steps(train_rows, settings)
    total = per_epoch * settings.epochs
    state.rng.bit_generator.state = at.order
    batches = shuffled_buckets(train_rows.lengths, settings.batch_size, state.rng)
    network.train()
    if at.batch == 0:
        at.loss = 0.0
    start, before, cut_short = time.monotonic(), at.busy, False
    for rows in itertools.islice(batches, at.batch, None):
        if time.monotonic() > watch.deadline:
            cut_short = True
            break
        loss = _step(network, train_rows, rows, state.optimizer, device, settings)
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
    network: Network,
    examples: Examples,
    device: Device,
    progress: Callable[[int, int], None] | None = None,
) -> FloatArray:
    """Run every example: (units, width) outputs, float64, in the order of the examples."""
    network.to(device.kind).eval()
    starts = examples.starts
    out = np.zeros((int(starts[-1]), network.width), np.float64)
    done = 0
    for chunk in by_length(examples.lengths, EVAL_BATCH):
        batch = _moved(examples.batch(chunk), device)
        with torch.inference_mode(), device.autocast():
            found = network.outputs(network(batch), batch)
        units = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in chunk])
        out[units] = found.double().cpu().numpy()
        done += len(chunk)
        if progress:
            progress(done, len(examples.lengths))
    return out


def _step(
    network: Network,
    examples: Examples,
    chosen: NDArray[np.int64],
    optimizer: torch.optim.Optimizer,
    device: Device,
    settings: TrainSettings,
) -> float:
    """One optimiser step; returns the loss.

    A batch that is computed in parts gives the gradient of the whole: each part counts by
    what its mean is over, such as tokens.
    """
    batches = [
        examples.batch(part)
        for part in np.array_split(chosen, min(settings.accumulate, len(chosen)))
    ]
    weights = [network.weight(batch) for batch in batches]
    value = 0.0
    optimizer.zero_grad(set_to_none=True)
    for cpu_batch, weight in zip(batches, weights, strict=True):
        batch = _moved(cpu_batch, device)
        value += backward(network, batch, settings, device, weight / sum(weights))
        if not math.isfinite(value):
            raise FloatingPointError(f"the loss became {value}; try a lower learning rate")
    torch.nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], 1.0)
    optimizer.step()
    return value


def _moved(batch: Batch, device: Device) -> Batch:
    return {name: tensor.to(device.kind) for name, tensor in batch.items()}


def _optimizer(network: Network, settings: TrainSettings) -> torch.optim.Optimizer:
    """Biases and norms are not decayed, as usual; what starts anew may learn faster."""
    parts: dict[tuple[float, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in network.trained().items():
        parts.setdefault((network.rate(name), parameter.ndim > 1), []).append(parameter)
    groups = [
        {
            "params": parameters,
            "weight_decay": settings.weight_decay if decayed else 0.0,
            "lr": settings.learning_rate * rate,
        }
        for (rate, decayed), parameters in sorted(
            parts.items(), key=lambda part: (part[0][0], not part[0][1])
        )
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
