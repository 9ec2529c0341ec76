"""A saved model of any task: rows in, one answer a row out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...evals.metrics import FloatArray
from ..datasets.types import Split
from ..guardrails.model_folder import check_model_folder
from ..tasks import MODULES, find_task
from ..tasks.task import Answer, Answerer, Progress, Task
from .saved import CARD, PARTS, SavedModel, read_card
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
    """

    task: Task
    card: SavedModel
    folder: Path
    base_folder: Path | None
    answerer: Answerer

    def answers(
        self, split: Split, progress: Progress | None = None, *, prepared: bool = False
    ) -> list[Answer]:
        """Answer every row.

        Args:
            split: Rows; their gold is not looked at.
            progress: Called with (done, all).
            prepared: The rows are masked already where the model wants that.
        """
        if not len(split):
            return []
        if self.card.masked and not prepared:
            from ..guardrails.personal_data import mask_split

            split = mask_split(split, self.task.maskable or ())
        return self.answerer(split, progress)

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


def load_model(folder: Path) -> Model:
    """Load any folder that `saved.write_description` described.

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
    return Model(task, card, folder, base_folder_of(card, folder), answerer)


def stands_on_base(folder: Path) -> bool:
    """Tell whether a saved model, or a part of a blend, has a base model within."""
    card = read_card(folder)
    if card.encoder == "parts":
        return any(stands_on_base(folder / PARTS / part.name) for part in card.parts)
    return card.encoder != "none"


def base_folder_of(card: SavedModel, folder: Path) -> Path | None:
    """The base model's folder where prediction needs it: for adapters, and the base as it is.

    Raises:
        ModelError: It is there with other weights.
        BaseModelError: It isn't there.
    """
    if card.encoder == "parts":
        parts = [folder / PARTS / part.name for part in card.parts]
        found = [base_folder_of(read_card(part), part) for part in parts]
        return next((f for f in found if f is not None), None)
    if card.encoder not in {"base", "adapter"}:
        return None
    from ..errors import ModelError
    from ..training.base_model import find_base_model

    base = find_base_model(card.base_model)
    if card.base_digest and base.digest != card.base_digest:
        raise ModelError(
            f"model {folder}: was tuned on other weights of {card.base_model} "
            f"(digest {card.base_digest}, here {base.digest}); get the base model it names"
        )
    return base.path
