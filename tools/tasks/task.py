"""What a kind of task is: everything that differs between them, in one object."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ...evals.metrics import FloatArray
from ..datasets.types import Split, text_key

if TYPE_CHECKING:
    from ..datasets.columns import Asked
    from ..datasets.rows import Rows
    from ..datasets.tables import Table
    from ..deployment.saved import SavedModel
    from ..facts import OnProgress, Outcome
    from ..training.data import JobData
    from ..training.examples import Tuning

Answer = dict[str, Any]  # JSON values; keys that begin with "_" are not shown to people
Progress = Callable[[int, int], None]
Answerer = Callable[[Split, Progress | None], list[Answer]]


class Task(ABC):
    """A kind of task: how its data is read, learned, answered and scored.

    Attributes:
        name: As `--task` takes it.
        summary: What it is, in a few words, as shown where the task was inferred.
        metrics: Names in `evals.metrics.METRICS` that it reports; the first is what
            training maximises where no target says otherwise.
        probes: Strategies of the cheap rungs, cheapest first, as the knowledge graph names
            them. The last is the untuned model where the task has one: the chosen
            candidate is compared with it first.
        maskable: Fields of a row in which personal data may be replaced without harm to
            others (no offsets point into them); () where it cannot.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    metrics: ClassVar[tuple[str, ...]]
    probes: ClassVar[tuple[str, ...]]
    maskable: ClassVar[tuple[str, ...]] = ()

    # Data

    @abstractmethod
    def claims(self, table: Table) -> bool:
        """Tell whether a table's columns can only mean this task."""

    @abstractmethod
    def read(self, table: Table, asked: Asked, *, train: bool) -> Rows:
        """Take the rows out of a table and check each.

        Args:
            table: One file; JSONL cells may hold lists and objects.
            asked: Columns that the person named.
            train: Whether the file is the train split.

        Raises:
            DatasetError: A row is wrong; the message names its place and how to mend it.
        """

    def check(self, splits: Mapping[str, Split]) -> None:  # noqa: B027  most have nothing to check
        """Check what only shows across splits, such as labels that train never saw.

        Raises:
            DatasetError: They do not fit together.
        """

    def group(self, split: Split, row: int) -> str:
        """What must stay on one side where splits are made: copies of a text, by default."""
        return text_key(split.texts[row])

    # Learning

    @abstractmethod
    def probe(
        self, data: JobData, folder: Path, wanted: Mapping[str, bool], on_progress: OnProgress
    ) -> Outcome:
        """Fit the cheap rungs, each saved in a folder of its own name under `folder`.

        Args:
            data: Rows and base model.
            folder: Of the job.
            wanted: Which of `probes` to fit; one that is not named is wanted.
            on_progress: Called as it goes on.
        """

    @abstractmethod
    def tuning(self, data: JobData) -> Tuning:
        """How the base model is tuned to this task."""

    # Answering

    @abstractmethod
    def load(self, card: SavedModel, folder: Path) -> Answerer:
        """Load a saved model of this task: rows in, one answer a row out.

        Raises:
            ModelError: The folder is incomplete or damaged.
            BaseModelError: The base model isn't there.
        """

    @abstractmethod
    def stats(self, split: Split, answers: Sequence[Answer]) -> dict[str, FloatArray]:
        """What the metrics are computed from: see `evals.measures`.

        Args:
            split: n rows with their gold.
            answers: n answers of a model of this task.

        Returns:
            Kind of statistics -> (n, k): one line for each row.
        """

    def gold(self, split: Split, row: int) -> str:
        """The right answer, for people."""
        return split.labels[row]

    @abstractmethod
    def shown(self, answer: Answer) -> str:
        """An answer, for people: one line."""
