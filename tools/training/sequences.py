"""Tuning for a task whose answer is a text: the generative engine, and what the task adds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...evals.metrics import FloatArray
from .data import JobData
from .generative.codec import IGNORED
from .generative.decoding import generate
from .generative.network import LanguageNetwork
from .generative.pairs import Pairs
from .generative.tuning import GenerativeTuning
from .hardware import pick_device
from .loop import predict
from .settings import TrainSettings

if TYPE_CHECKING:
    from ..tasks.sequence import SequenceTask

TIMED_ROWS = 48
WARM_ROWS = 4  # run before, as the first pass of a process is up to twice as slow
WRITTEN_ROWS, WRITTEN_TOKENS = 32, 12  # of the answers that are timed


class SequenceTuning(GenerativeTuning):
    """A model that writes what a task's rows ask for, saved with what the task adds to it."""

    def __init__(self, task: SequenceTask, data: JobData) -> None:
        measured = (data.spec.what.metric, *data.spec.what.measured)
        super().__init__(data, task.row, task.decoding(measured))
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
        network, device = LanguageNetwork(language.core), pick_device()
        predict(network, Pairs(self.codec, some[:WARM_ROWS], language.start), device)
        pairs = Pairs(self.codec, some, language.start)
        start = time.monotonic()
        predict(network, pairs, device)
        return (time.monotonic() - start) * len(rows) / len(some)

    def answer_seconds(self) -> float:
        """Measure how long one answer with its samples takes: many at once, none ends early."""
        rows = self.rows(self.data.validation)[:WRITTEN_ROWS]
        if not rows or self.codec.limits is None:
            return 0.0
        few = self._decoding.model_copy(update={"most": WRITTEN_TOKENS})
        start = time.monotonic()
        generate(self.language(), self.codec, rows, few, pick_device())
        steps = min(WRITTEN_TOKENS, self.codec.limits.target)
        usual = min(self.codec.limits.target, self._usual_length())
        one = (time.monotonic() - start) / len(rows) * usual / steps
        return one * (1 + self._decoding.samples)

    def _usual_length(self) -> int:
        """Tokens of a long answer: batches wait for their longest."""
        gold = [self.codec.pair(row).labels for row in self.rows(self.data.validation)]
        lengths = [int((labels != IGNORED).sum()) for labels in gold]
        return int(np.percentile(lengths, 95)) if lengths else 0

    def notes(self) -> tuple[str, ...]:
        """What the engine says, and how the task measures."""
        said = (*super().notes(), *self.task.remarks(self.data.validation))
        drawn = self._decoding.samples
        if not drawn:
            return said
        how = f"at temperature {self._decoding.temperature:g}"
        return (*said, f"{drawn} answers were drawn for each row to be scored, {how}")
