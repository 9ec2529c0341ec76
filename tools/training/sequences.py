"""Tuning for a task whose answer is a text: the generative engine, and what the task adds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from ...evals.metrics import FloatArray
from .data import JobData
from .generative.network import LanguageNetwork
from .generative.pairs import Pairs
from .generative.tuning import GenerativeTuning
from .hardware import pick_device
from .loop import predict
from .settings import TrainSettings

if TYPE_CHECKING:
    from ..tasks.sequence import SequenceTask

TIMED_ROWS = 128


class SequenceTuning(GenerativeTuning):
    """A model that writes what a task's rows ask for, saved with what the task adds to it."""

    def __init__(self, task: SequenceTask, data: JobData) -> None:
        super().__init__(data, task.row, task.decoding())
        self.task = task

    def save(
        self, network: LanguageNetwork, settings: TrainSettings, folder: Path, outputs: FloatArray
    ) -> None:
        """Write the model folder."""
        super().save(network, settings, folder, outputs)
        self.task.finish(self.data, folder)

    def pass_seconds(self) -> float:
        """Measure one forward pass over the training rows, on some of them.

        Estimates of what training costs start from it.
        """
        rows = self.rows(self.data.train)
        some = rows[:: max(1, len(rows) // TIMED_ROWS)]
        language = self.language()
        pairs = Pairs(self.codec, some, language.start)
        start = time.monotonic()
        predict(LanguageNetwork(language.core), pairs, pick_device())
        return (time.monotonic() - start) * len(rows) / len(some)

    def notes(self) -> tuple[str, ...]:
        """What the engine says, and how the task measures."""
        return (*super().notes(), *self.task.remarks(self.data.validation))
