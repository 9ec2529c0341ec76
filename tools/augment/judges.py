"""Whether new rows pay: a cheap rung, or a short tuning, with and without them on validation."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from ...evals.measures import value
from ...evals.metrics import METRICS, FloatArray
from ...evals.statistics import compare
from ..datasets.types import Split
from ..deployment.model import load_model
from ..facts import Augmented, JobProgress, OnProgress, Setting
from ..training.data import JobData
from ..training.hardware import pick_device
from ..training.loop import Watch, train
from ..training.settings import TrainSettings
from .added import TUNE, Added, with_added

Stats = dict[str, FloatArray]


class Rows(Protocol):
    """Fits something to rows, and gives its statistics on validation."""

    def __call__(self, train: Split) -> Stats:
        """Of each validation row, what the metric follows from."""
        ...


class Judge:
    """Compares what is fitted with new rows to what is fitted without, row by row."""

    def __init__(self, data: JobData, on_progress: OnProgress) -> None:
        """Fit without; it may take as long as a verdict."""
        start = time.monotonic()
        self.data = data
        tuned = data.task.judge is None
        self.metric = "nll" if tuned else data.spec.what.metric
        self.what = "nats a character" if tuned else self.metric
        self._fit = _Tuned(data, on_progress) if tuned else _Probed(data)
        self.before = self._fit(data.train)
        self.seconds = time.monotonic() - start

    def verdict(self, method: str, added: Sequence[Added]) -> Augmented:
        """Whether these rows raise the score, by how much, and how sure that is."""
        if not added:
            return Augmented(method=method)
        after = self._fit(with_added(self.data.train, added))
        difference = compare(self.metric, after, self.before, seed=self.data.spec.what.seed)
        sign = 1.0 if METRICS[self.metric].direction == "higher" else -1.0
        return Augmented(
            method=method,
            rows=len(added),
            before=value(self.metric, self.before),
            after=value(self.metric, after),
            gain=sign * difference.value,
            ci=(difference.low, difference.high),
            pays=sign * difference.value > 0,
            measured=self.what,
        )


class _Probed:
    """The rung of the task that judges, saved and loaded again as ever."""

    def __init__(self, data: JobData) -> None:
        self.data = data
        self.rung = str(data.task.judge)

    def __call__(self, train: Split) -> Stats:
        data, task = replace(self.data, train=train), self.data.task
        wanted = {name: name == self.rung for name in task.probes}
        with tempfile.TemporaryDirectory() as folder:
            task.probe(data, Path(folder), wanted, lambda _: None)
            model = load_model(Path(folder) / self.rung)
            answers = model.answers(data.validation, prepared=True)
        return task.stats(data.validation, answers)


class _Tuned:
    """A few epochs, as many steps with new rows as without, and how likely the gold is then.

    By the character: a vocabulary that is learned from the targets may differ with them.
    """

    def __init__(self, data: JobData, on_progress: OnProgress) -> None:
        self.data = data
        self.on_progress = on_progress
        self.settings = tuning_settings(data.spec.what.settings)
        self.steps = 2 * self.settings.epochs * len(data.train)  # rows seen in all
        pairs = [data.task.gold(data.validation, i) for i in range(len(data.validation))]
        self.characters = np.array([max(1, len(text)) for text in pairs], np.float64)

    def __call__(self, train_rows: Split) -> Stats:
        import torch

        data = replace(self.data, train=train_rows)
        epochs = max(1, round(self.steps / len(train_rows)))
        settings = self.settings.model_copy(update={"epochs": epochs, "patience": epochs})
        torch.manual_seed(data.spec.what.seed)
        tuning = data.task.tuning(data)
        network = tuning.network(settings, lambda _: None)
        trained = train(
            network,
            tuning.examples(data.train),
            tuning.examples(data.validation),
            settings,
            pick_device(),
            Watch(
                lambda outputs: tuning.value(data.validation, outputs, self.data.spec.what.metric),
                lambda share, loss, best, rate: self.on_progress(
                    JobProgress(share=share, text="a short tuning", loss=loss, rate=rate)
                ),
                deadline=math.inf,
            ),
            seed=data.spec.what.seed,
        )
        return {"tokens": np.column_stack([trained.outputs[:, 0], self.characters])}


def tuning_settings(said: dict[str, Setting]) -> TrainSettings:
    """Settings of a short tuning, out of those of a job."""
    found = {name.removeprefix(TUNE): v for name, v in said.items() if name.startswith(TUNE)}
    return TrainSettings.model_validate(found)
