"""What a kind of task is: everything that differs between them, in one object."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ...evals.metrics import FloatArray
from ..datasets.types import Oddity, Row, Split, text_key
from .hiding import Hidden, hidden_fields
from .pieces import Changed, Piece

if TYPE_CHECKING:
    from ..anomaly.seen import Sight
    from ..datasets.columns import Asked
    from ..datasets.rows import Rows
    from ..datasets.tables import Table
    from ..deployment.saved import SavedModel
    from ..facts import OnProgress, Outcome
    from ..guardrails.masked_rows import Masker
    from ..training.data import JobData
    from ..training.examples import Tuning

Answer = dict[str, Any]  # JSON values; keys that begin with "_" are not for people
Progress = Callable[[int, int], None]
Answerer = Callable[[Split, Progress | None], list[Answer]]


def public(answer: Answer) -> Answer:
    """What of an answer is for people."""
    return {k: v for k, v in answer.items() if not k.startswith("_")}


@dataclass(frozen=True)
class Reading:
    """Every split as read.

    Attributes:
        splits: At least "train".
        oddities: What was unusual and how it was handled.
        guesses: What was inferred rather than said, to be shown.
        text_column, label_column: The columns used, where one holds the text or label.
    """

    splits: dict[str, Split]
    oddities: tuple[Oddity, ...] = ()
    guesses: tuple[str, ...] = ()
    text_column: str = ""
    label_column: str = ""


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
        opt_in: Those of `metrics` that are dear, and measured only where a target names them.
        spots_odd: Whether its models can tell inputs that are unlike those they learned from:
            it has a `sight`, and `load` looks for a detector.
        robust: Whether `robust_accuracy` can be measured: an answer is right or wrong as a whole,
            and rows written otherwise keep their gold.
        labelled: Whether each row has one label, `Split.labels`, of a fixed set.
        maskable: Fields of a row that hold texts, in which personal data is masked; where there
            are none, `Split.texts` alone is.
        follows: Fields whose texts repeat what stands in others.
        masks_unasked: Whether `mask_personal_data` may be used where the person asked for no
            masking: not where entities, answers or programs may consist of what is masked.
        asks: Fields that a row to be answered has, where it takes more than a text.
        augments: Ways of `tools.augment` whose new rows keep their gold; () where none does.
        changeable: Fields of a row whose words may be changed; () where that is the text.
        judge: The rung of `probes` that tells whether new rows pay; None: a short tuning.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    metrics: ClassVar[tuple[str, ...]]
    probes: ClassVar[tuple[str, ...]]
    opt_in: ClassVar[tuple[str, ...]] = ()
    labelled: ClassVar[bool] = False
    spots_odd: ClassVar[bool] = False
    maskable: ClassVar[tuple[str, ...]] = ()
    follows: ClassVar[tuple[str, ...]] = ()
    masks_unasked: ClassVar[bool] = True
    robust: ClassVar[bool] = False
    asks: ClassVar[tuple[str, ...]] = ()
    augments: ClassVar[tuple[str, ...]] = ()
    changeable: ClassVar[tuple[str, ...]] = ()
    judge: ClassVar[str | None] = "frozen_linear"

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

    def read_all(self, tables: Mapping[str, Table], asked: Asked) -> Reading:
        """Read every split, train among them, and check that they fit together."""
        rows = {n: self.read(t, asked, train=n == "train") for n, t in tables.items()}
        splits = {name: found.split for name, found in rows.items()}
        self.check(splits)
        return Reading(splits, tuple(o for found in rows.values() for o in found.oddities))

    def ask(self, table: Table, column: str | None) -> Split:
        """Take rows to be answered out of a table; their gold is not needed.

        Args:
            table: What the person gave.
            column: Of the text, where they named it.

        Raises:
            DatasetError: A field is missing; the message names the place.
        """
        from ..datasets.asked import asked_texts

        return asked_texts(table, column)

    def check(self, splits: Mapping[str, Split]) -> None:  # noqa: B027  most have nothing to check
        """Check what only shows across splits, such as labels that train never saw.

        Raises:
            DatasetError: They do not fit together.
        """

    def check_odd(self, train: Split, odd: Split) -> None:  # noqa: B027  most take any
        """Check that models learned from `train` can be asked rows out of the domain.

        Raises:
            DatasetError: They cannot; the message names the row.
        """

    def instead(self, table: Table) -> tuple[str, str] | None:
        """Another task that the table can only mean, though this one was asked for, and why."""
        return None

    def metrics_of(self, train: Split) -> tuple[str, ...]:
        """Those of `metrics` that the gold of such rows allows."""
        return self.metrics

    def group(self, split: Split, row: int) -> str:
        """What must stay on one side where splits are made: copies of a text, by default."""
        return text_key(split.texts[row])

    # Masking

    def hide(self, split: Split, row: int, masker: Masker) -> Hidden:
        """A row with personal data masked, and everything that points at it kept right.

        Args:
            split: Rows, with or without gold; not modified.
            row: Position of the one.
            masker: Says what is found, and what stands in its place.
        """
        own = split.rows[row] if split.rows else {}
        return hidden_fields(split.texts[row], own, masker, self.maskable, self.follows)

    def label_of(self, label: str, row: Row) -> str:
        """What a masked row is balanced by."""
        return label

    def led_back(self, answer: Answer, row: Row, hidden: Hidden) -> Answer:
        """An answer to a masked row, its places and texts those of the row as it was."""
        return answer

    # New rows out of old ones

    def pieces(self, split: Split, row: int) -> tuple[Piece, ...]:
        """The texts of a row in which words may be changed, and what in them may not."""
        if not self.changeable:
            return (Piece(split.texts[row]),)
        return tuple(Piece(str(split.rows[row][name])) for name in self.changeable)

    def rewritten(
        self, split: Split, row: int, changed: Sequence[Changed]
    ) -> tuple[str, Row | None] | None:
        """The text and the fields of a row whose pieces were changed; None where that cannot be.

        Args:
            split: Rows with their gold; not modified.
            row: Position of the old one.
            changed: One for each of `pieces`.
        """
        old = split.rows[row] if split.rows else None
        if not self.changeable or old is None:
            return changed[0].text, old
        new = {**old, **{n: c.text for n, c in zip(self.changeable, changed, strict=True)}}
        return "\n".join(str(new[name]) for name in self.changeable), new

    def example(self, split: Split, row: int) -> dict[str, str] | None:
        """A row as an LLM is shown it that shall write others: names and texts.

        None where such rows cannot be written. The gold that rows are balanced by,
        `Split.labels`, is shown beside it.
        """
        return None

    def composed(
        self, split: Split, row: int, fields: Mapping[str, str]
    ) -> tuple[str, Row | None] | None:
        """A row that an LLM wrote after another one, whose label it has; None where it is wrong.

        Args:
            split: Rows with their gold.
            row: Position of the one it was written after.
            fields: As `example` names them, all there.
        """
        return None

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

    def sight(self, card: SavedModel, folder: Path) -> Sight:
        """A saved model as a detector of odd inputs sees it; only where the task `spots_odd`.

        Raises:
            ModelError: The folder is incomplete or damaged.
            BaseModelError: The base model isn't there.
        """
        raise NotImplementedError(f"{self.name} cannot tell odd inputs")

    def unflattered(self, card: SavedModel, split: Split, answers: list[Answer]) -> list[Answer]:
        """The answers on the rows that a model's thresholds were fitted to, for scoring.

        Args:
            card: Of the model.
            split: n rows with their gold: those on validation.
            answers: As the model gives them.

        Returns:
            Answers with thresholds that were fitted to other rows than each's own.
        """
        return answers

    def faults(self, card: SavedModel, split: Split, answers: Sequence[Answer]) -> list[str]:
        """What is wrong with a model's answers whatever the gold: unknown labels, bad scores."""
        return []

    def gold(self, split: Split, row: int) -> str:
        """The right answer, for people."""
        return split.labels[row]

    @abstractmethod
    def shown(self, answer: Answer) -> str:
        """An answer, for people: one line."""
