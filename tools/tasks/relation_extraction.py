"""Relation extraction: which relation, and in which direction, holds between two spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...evals.measures import relations
from ...evals.metrics import FloatArray
from ..datasets.cells import refuse_unseen
from ..datasets.columns import Asked
from ..datasets.relations import holds_relations, read_relations
from ..datasets.rows import Rows
from ..datasets.types import Split, text_key
from .headed import Extra, HeadedTask
from .task import Answer
from .text_classification import label_answers

if TYPE_CHECKING:
    from ..datasets.tables import Table
    from ..deployment.saved import SavedModel
    from ..training.goals import Goal
    from ..training.inputs import Inputs


class RelationExtraction(HeadedTask):
    """One directed label, or none, for two spans of a text."""

    name = "relation-extraction"
    summary = "the relation between two spans of a text"
    metrics = ("macro_f1", "micro_f1", "accuracy")
    asks = ("text", "head", "tail")

    def claims(self, table: Table) -> bool:
        """Head and tail spans, or tags in the text."""
        return holds_relations(table)

    def read(self, table: Table, asked: Asked, *, train: bool) -> Rows:
        """Take texts, spans and relations out of a table."""
        return read_relations(table, asked.text, asked.label)

    def ask(self, table: Table, column: str | None) -> Split:
        """Texts and spans; no relation is needed."""
        return read_relations(table, column, None, gold=False).split

    def check(self, splits: Mapping[str, Split]) -> None:
        """Refuse relations that train never shows."""
        refuse_unseen(splits, lambda split, row: (split.labels[row],))

    def group(self, split: Split, row: int) -> str:
        """The text without its spans: one text may hold several pairs."""
        return text_key(split.rows[row]["text"])

    def labels_of(self, train: Split) -> tuple[str, ...]:
        """All that occur, sorted."""
        return tuple(sorted(set(train.labels)))

    def inputs(self, extra: Extra) -> Inputs:
        """The text with markers around the spans."""
        from ..training.inputs import MarkedSpans

        return MarkedSpans()

    def goal(self, labels: Sequence[str], extra: Extra, train: Split | None = None) -> Goal:
        """One class of several."""
        from ..training.goals import Classes

        return Classes(labels)

    def answers(self, split: Split, outputs: FloatArray, card: SavedModel) -> list[Answer]:
        """The likeliest relation."""
        return label_answers(outputs, card.labels)

    def stats(self, split: Split, answers: Sequence[Answer]) -> dict[str, FloatArray]:
        """ "relations", scored as SemEval-2010 Task 8 does."""
        labels = answers[0]["_labels"] if answers else self.labels_of(split)
        given = [a["label"] for a in answers]
        return {"relations": relations.rows(split.labels, given, labels)}

    def shown(self, answer: Answer) -> str:
        """The relation."""
        return str(answer["label"])


TASK = RelationExtraction()
