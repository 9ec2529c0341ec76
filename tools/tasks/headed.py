"""What tasks have in common whose answers a linear head gives, over one sequence or several."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...evals.metrics import FloatArray
from ..datasets.types import Split
from .task import Answer, Answerer, Progress, Task

if TYPE_CHECKING:
    from ..anomaly.seen import Marks, Sight, States
    from ..deployment.saved import SavedModel
    from ..facts import OnProgress, Outcome
    from ..training.data import JobData
    from ..training.examples import Tuning
    from ..training.goals import Goal
    from ..training.inputs import Inputs
    from ..training.linear import LinearHead
    from ..training.settings import TrainSettings

Extra = dict[str, Any]  # what a saved model needs beside labels and weights; JSON values


class HeadedTask(Task):
    """A task of inputs, a goal, and how the head's outputs become answers."""

    probes = ("majority", "tfidf_linear", "frozen_linear")
    spots_odd = True

    @abstractmethod
    def labels_of(self, train: Split) -> tuple[str, ...]:
        """The labels, in the order of the head's outputs; () where it has no labels."""

    @abstractmethod
    def inputs(self, extra: Extra) -> Inputs:
        """How rows are read."""

    @abstractmethod
    def goal(self, labels: Sequence[str], extra: Extra, train: Split | None = None) -> Goal:
        """What the head predicts.

        Args:
            labels: As `labels_of` gives them.
            extra: As `extra` gives it.
            train: Rows to learn from; None where a saved model is loaded.
        """

    @abstractmethod
    def answers(self, split: Split, outputs: FloatArray, card: SavedModel) -> list[Answer]:
        """The answers of n rows, from (sequences, width) outputs."""

    def extra(self, train: Split) -> Extra:
        """What a saved model needs to know of the training rows."""
        return {}

    def tuned(self, extra: Extra, train: Split, settings: TrainSettings) -> Extra:
        """What `extra` becomes where a fine-tune's settings ask for another head."""
        return extra

    def fitted(self, split: Split, outputs: FloatArray, labels: Sequence[str]) -> Extra:
        """What is fitted to the outputs on validation, such as thresholds."""
        return {}

    def blind(self, head: LinearHead, labels: Sequence[str]) -> Extra:
        """The same for a head that does not look at the rows."""
        return {}

    def probe(
        self, data: JobData, folder: Path, wanted: Mapping[str, bool], on_progress: OnProgress
    ) -> Outcome:
        """Most frequent answer, tf-idf + linear, frozen encoder + linear."""
        from ..training.headed_probes import probe_headed

        return probe_headed(self, data, folder, wanted, on_progress)

    def tuning(self, data: JobData) -> Tuning:
        """A linear head on the pooled states."""
        from ..training.headed import HeadedTuning

        return HeadedTuning(self, data)

    def cooled(self, card: SavedModel, temperature: float) -> SavedModel:
        """A model's description where logits are divided by a temperature: answers stay."""
        return card

    def given(self, split: Split, logits: FloatArray, card: SavedModel) -> Marks:
        """Which outputs the answers to n rows with their gold hold: (n, C)."""
        from ..anomaly.seen import likeliest

        return likeliest(logits)

    def load(self, card: SavedModel, folder: Path) -> Answerer:
        """Tf-idf, an encoder with its head, or a blend; with a detector where it has one."""
        from ..anomaly.saved import read_detector
        from ..deployment.headed import load_headed

        goal, inputs = self.goal(card.labels, card.extra), self.inputs(card.extra)
        model = load_headed(card, folder, inputs, goal)
        detector = read_detector(folder, len(card.labels), goal.link)

        def answer(split: Split, progress: Progress | None) -> list[Answer]:
            ready = self.completed(split, card)
            if detector is None:
                return self.answers(ready, model.outputs(ready, progress), card)
            states, sizes = model.states(ready, progress), inputs.sizes(ready)
            temperature = detector.notes.temperature
            outputs = goal.outputs(states.logits / temperature, sizes)
            answers = self.answers(ready, outputs, self.cooled(card, temperature))
            return detector.marked(answers, goal.by_row(states, sizes))

        return answer

    def sight(self, card: SavedModel, folder: Path) -> Sight:
        """The head's logits, and what it looks at."""
        from ..anomaly.seen import Sight
        from ..deployment.headed import load_headed

        goal, inputs = self.goal(card.labels, card.extra), self.inputs(card.extra)
        model = load_headed(card, folder, inputs, goal)

        def look(split: Split, progress: Progress | None) -> States:
            ready = self.completed(split, card)
            return goal.by_row(model.states(ready, progress), inputs.sizes(ready))

        def given(split: Split, logits: FloatArray) -> Marks:
            return self.given(split, logits, card)

        return Sight(goal.link, False, look, goal.true, given)

    def completed(self, split: Split, card: SavedModel) -> Split:
        """Rows to be answered with what they may leave out, such as choices that never differ."""
        return split
