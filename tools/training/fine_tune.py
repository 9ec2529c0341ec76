"""One fine-tune as a job: prepare, train, save, score."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ...evals.result import Curve
from ..anomaly.job import fit_into, wants_detector
from ..facts import Candidate, JobProgress, OnProgress, Outcome, Setting
from ..jobs.spec import JobSpec
from ..tasks import find_task
from .checkpoint import Checkpoints
from .data import JobData
from .hardware import pick_device, pin_threads
from .loop import Watch, train
from .measure import saved_scores
from .settings import TrainSettings


@dataclass(frozen=True)
class Tuned:
    """A finished fine-tune, saved in `folder`."""

    folder: Path
    scores: dict[str, float]
    value: float
    curve: Curve
    seconds: float
    cut_short: bool
    notes: tuple[str, ...] = ()


def run(spec: JobSpec, folder: Path, on_progress: OnProgress) -> Outcome:
    """Train one candidate with the settings of the job and save it under its name.

    One that was cut off goes on from its last checkpoint.
    """
    pin_threads(Path(spec.cache))
    data = JobData.of(spec)
    settings = settings_of(spec.what.settings)
    left = math.inf if spec.seconds is None else max(0.0, spec.seconds - spec.answering)
    deadline = time.monotonic() + left
    checkpoints = Checkpoints(Path(spec.checkpoints)) if spec.checkpoints else None
    tuned = tune(
        data, settings, folder / "model", on_progress, deadline=deadline, checkpoints=checkpoints
    )
    notes = []
    if tuned.cut_short:
        notes.append(f"{spec.name}: stopped at the end of its time; its best epoch was kept")
    notes += tuned.notes
    candidate = Candidate(
        name=spec.name,
        strategy=settings.strategy,
        settings=spec.what.settings,
        validation=tuned.scores,
        seconds=tuned.seconds,
        folder="model",
        data=spec.data_name,
    )
    return Outcome(candidates=(candidate,), curves=(tuned.curve,), notes=tuple(notes))


def settings_of(given: dict[str, Setting]) -> TrainSettings:
    """Fill in what was not said."""
    return TrainSettings.model_validate(given)


def tune(
    data: JobData,
    settings: TrainSettings,
    folder: Path,
    on_progress: OnProgress,
    *,
    deadline: float = math.inf,
    report: Callable[[int, float], None] = lambda *_: None,
    checkpoints: Checkpoints | None = None,
) -> Tuned:
    """Train with one set of settings, save the best epoch and score it on validation.

    Args:
        data: Rows and base model; caches of earlier rungs are used.
        settings: Of this fine-tune.
        folder: Where the model is written.
        on_progress: Called some times a second.
        deadline: `time.monotonic()` after which training ends with what it has.
        report: Called after each epoch with (epoch, value); may raise `Pruned`.
        checkpoints: Of an earlier go at the same training, and of this one.
    """
    import torch

    start = time.monotonic()
    torch.manual_seed(data.spec.what.seed)
    metric, task = data.spec.what.metric, find_task(data.spec.what.task)
    learned = _noised(data, settings)
    tuning = task.tuning(learned)
    network = tuning.network(settings, on_progress)
    trained = train(
        network,
        tuning.examples(learned.train),
        tuning.examples(data.validation),
        settings,
        pick_device(),
        Watch(
            lambda outputs: tuning.value(data.validation, outputs, metric),
            _teller(on_progress),
            report,
            deadline,
        ),
        seed=data.spec.what.seed,
        checkpoints=checkpoints,
    )
    tuning.save(network, settings, folder, trained.outputs)
    del network
    odd = fit_into(folder, data, on_progress) if wants_detector(data.spec) else {}
    scores = saved_scores(folder, data.validation, data.spec, on_progress) | odd
    curve = Curve(candidate=data.spec.name, metric=metric, points=trained.points)
    seconds = trained.earlier + time.monotonic() - start
    return Tuned(folder, scores, trained.value, curve, seconds, trained.cut_short, tuning.notes())


def _noised(data: JobData, settings: TrainSettings) -> JobData:
    """The data with noisy copies of the training rows, where the settings want them."""
    if settings.noise == "none":
        return data
    from ..robustness.noisy import with_noise

    spec, held_out = data.spec, frozenset(data.spec.held_out)
    train = with_noise(
        data.task, data.train, settings.noise, settings.noisy_copies, spec.what.seed, held_out
    )
    return replace(data, train=train)


def _teller(on_progress: OnProgress) -> Callable[[float, float, float | None, float], None]:
    def tell(share: float, loss: float, best: float | None, rate: float) -> None:
        on_progress(
            JobProgress(share=0.15 + 0.83 * share, text="training", loss=loss, best=best, rate=rate)
        )

    return tell
