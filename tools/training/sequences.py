"""Tuning for a task whose answer is a text: the generative engine, and what the task adds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...evals.metrics import FloatArray
from .data import JobData
from .generative import GenerativeTuning
from .generative.network import LanguageNetwork
from .settings import TrainSettings

if TYPE_CHECKING:
    from ..tasks.sequence import SequenceTask


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

    def notes(self) -> tuple[str, ...]:
        """What the engine says, and how the task measures."""
        return (*super().notes(), *self.task.remarks(self.data.validation))
