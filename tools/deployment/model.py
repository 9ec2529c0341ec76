"""A saved model of any task: rows in, one answer a row out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ...evals.metrics import FloatArray
from ..datasets.types import Split
from ..guardrails.masker import RowGuard, input_guard
from ..guardrails.model_folder import check_model_folder
from ..tasks import MODULES, find_task
from ..tasks.task import Answer, Answerer, Progress, Task
from .saved import CARD, SavedModel, base_folder_of, read_card
from .sums import check_sums


@dataclass(frozen=True)
class Model:
    """A model ready to answer.

    Attributes:
        task: Its kind of task.
        card: What its folder says of it.
        folder: Where it was loaded from.
        base_folder: The base model's folder, or None when none is used.
        answerer: What answers.
        names: Where the model lies that found names in its rows, if not where it was.
    """

    task: Task
    card: SavedModel
    folder: Path
    base_folder: Path | None
    answerer: Answerer
    names: Path | None = None

    @cached_property
    def guard(self) -> RowGuard | None:
        """What masks inputs as the training rows were; None where they were not.

        Raises:
            ModelError: It needs a model of names that is not there.
        """
        return input_guard(self.card, self.folder, self.names)

    def answers(
        self, split: Split, progress: Progress | None = None, *, prepared: bool = False
    ) -> list[Answer]:
        """Answer every row.

        Args:
            split: Rows; their gold is not looked at.
            progress: Called with (done, all).
            prepared: The rows are masked already where the model wants that.

        Returns:
            Answers; their offsets and texts are those of the rows as given.
        """
        if not len(split):
            return []
        if prepared or self.guard is None:
            return self.answerer(split, progress)
        masked = self.guard(self.task, split)
        return masked.led_back(self.task, split, self.answerer(masked.split, progress))

    def latencies(self, split: Split) -> FloatArray:
        """Time each row alone: (n,), milliseconds, after a warm-up."""
        alone = [split.take([i]) for i in range(len(split))]
        for row in alone[:3]:
            self.answers(row)
        laps = np.empty(len(alone))
        for i, row in enumerate(alone):
            start = time.perf_counter()
            self.answers(row)
            laps[i] = 1000 * (time.perf_counter() - start)
        return laps


def load_model(folder: Path, names: Path | None = None) -> Model:
    """Load any folder that `saved.write_description` described.

    Args:
        folder: Of the model.
        names: Where the model lies that found names in its rows, if not where it was.

    Raises:
        ModelError: The folder is not a model, incomplete or damaged.
        BaseModelError: Its base model isn't there.
    """
    from ..errors import ModelError
    from ..fusion.use import under_knowledge

    check_sums(folder)
    check_model_folder(folder)
    card = read_card(folder)
    if card.task not in MODULES:
        raise ModelError(f"model {folder / CARD}: is for the unknown task {card.task!r}")
    task = find_task(card.task)
    answerer = under_knowledge(task.load(card, folder), folder)
    return Model(task, card, folder, base_folder_of(card, folder), answerer, names)
