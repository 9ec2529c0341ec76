"""Multi-label classification: any number of labels for each text, such as its emotions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...evals.measures import labelsets
from ...evals.metrics import FloatArray
from ..datasets.cells import refuse_unseen
from ..datasets.columns import Asked, require_columns
from ..datasets.columns import Columns as Chosen
from ..datasets.label_sets import find_layout, holds_label_sets, read_label_sets
from ..datasets.rows import Rows
from ..datasets.types import Oddity, Row, Split
from .headed import Extra, HeadedTask
from .task import Answer, Reading

if TYPE_CHECKING:
    from ..anomaly.seen import Marks
    from ..datasets.tables import Table
    from ..deployment.saved import SavedModel
    from ..training.goals import Goal
    from ..training.inputs import Inputs
    from ..training.linear import LinearHead

FITTED = "fitted"  # in `extra`: the thresholds suit the validation rows


class MultiLabelClassification(HeadedTask):
    """Any number of labels for each text."""

    name = "multi-label-classification"
    summary = "several labels for each text, or none"
    metrics = ("macro_f1", "micro_f1", "weighted_f1", "map", "accuracy", "ece")
    maskable = ()
    robust = True
    augments = ("noise", "replace_words", "oversample", "back_translate", "synthesise")

    def claims(self, table: Table) -> bool:
        """A column of lists by a label's name, or cells such as "a, b" beside "a" and "b"."""
        return holds_label_sets(table)

    def read_all(self, tables: Mapping[str, Table], asked: Asked) -> Reading:
        """Find columns and separator on train, and read every split with them."""
        layout = find_layout(tables["train"], asked.text, asked.label)
        splits: dict[str, Split] = {}
        oddities: list[Oddity] = []
        for name, table in tables.items():
            require_columns(table, Chosen(layout.text, layout.labels, None, ()))
            rows = read_label_sets(table, layout, keep_blank=name != "train")
            splits[name] = rows.split
            oddities += rows.oddities
        refuse_unseen(splits, _labels)
        return Reading(splits, tuple(oddities), layout.guesses, layout.text, layout.labels)

    def read(self, table: Table, asked: Asked, *, train: bool) -> Rows:
        """Take texts and label sets out of a table."""
        layout = find_layout(table, asked.text, asked.label)
        return read_label_sets(table, layout, keep_blank=not train)

    def example(self, split: Split, row: int) -> dict[str, str]:
        """The text."""
        return {"text": split.texts[row]}

    def composed(self, split: Split, row: int, fields: Mapping[str, str]) -> tuple[str, Row | None]:
        """Another text with the same labels."""
        return fields["text"], split.rows[row]

    def labels_of(self, train: Split) -> tuple[str, ...]:
        """All that occur, sorted."""
        return tuple(sorted({label for row in train.rows for label in row["labels"]}))

    def inputs(self, extra: Extra) -> Inputs:
        """The text."""
        from ..training.inputs import Texts

        return Texts()

    def goal(self, labels: Sequence[str], extra: Extra, train: Split | None = None) -> Goal:
        """A sigmoid for each label."""
        from ..training.goals import LabelSets

        if train is None:
            return LabelSets(labels)
        return LabelSets(labels, LabelSets(labels).gold(train).mean(axis=0))

    def fitted(self, split: Split, outputs: FloatArray, labels: Sequence[str]) -> Extra:
        """A threshold for each label."""
        from ..training.goals import LabelSets
        from ..training.thresholds import fit_thresholds

        true = LabelSets(labels).gold(split).astype(np.float64)
        found = [round(float(t), 6) for t in fit_thresholds(true, outputs)]
        return {"thresholds": found, FITTED: True}

    def blind(self, head: LinearHead, labels: Sequence[str]) -> Extra:
        """One threshold that only the most frequent label passes."""
        rates = np.sort(1 / (1 + np.exp(-head.bias.astype(np.float64))))
        return {"thresholds": [float(rates[-2:].mean())] * len(labels)}

    def answers(self, split: Split, outputs: FloatArray, card: SavedModel) -> list[Answer]:
        """The labels above their thresholds, and the score of each label."""
        thresholds = np.array(card.extra["thresholds"])
        given = outputs >= thresholds
        return [
            {
                "labels": [card.labels[j] for j in np.flatnonzero(passed)],
                "scores": {n: round(float(p), 6) for n, p in zip(card.labels, row, strict=True)},
                "_given": passed,
                "_scores": row,
                "_labels": card.labels,
                "_thresholds": thresholds,
            }
            for row, passed in zip(outputs, given, strict=True)
        ]

    def cooled(self, card: SavedModel, temperature: float) -> SavedModel:
        """The thresholds, as log odds, are divided as the logits are."""
        thresholds = np.clip(card.extra["thresholds"], 1e-12, 1 - 1e-12)
        odds = np.log(thresholds / (1 - thresholds)) / temperature
        extra = {**card.extra, "thresholds": (1 / (1 + np.exp(-odds))).tolist()}
        return card.model_copy(update={"extra": extra})

    def given(self, split: Split, logits: FloatArray, card: SavedModel) -> Marks:
        """The labels above thresholds that were fitted to other rows."""
        outputs = self.goal(card.labels, card.extra).outputs(logits, np.ones(len(logits), np.int64))
        answers = self.unflattered(card, split, self.answers(split, outputs, card))
        return np.array([a["_given"] for a in answers], bool).reshape(logits.shape)

    def unflattered(self, card: SavedModel, split: Split, answers: list[Answer]) -> list[Answer]:
        """With the thresholds of the other folds, where thresholds were fitted at all."""
        from ..training.goals import LabelSets
        from ..training.thresholds import out_of_fold

        if not card.extra.get(FITTED) or len(answers) < 2:
            return answers
        scores = np.array([a["_scores"] for a in answers], np.float64)
        given = out_of_fold(LabelSets(card.labels).gold(split).astype(np.float64), scores)
        return [
            {**a, "labels": [card.labels[j] for j in np.flatnonzero(passed)], "_given": passed}
            for a, passed in zip(answers, given, strict=True)
        ]

    def stats(self, split: Split, answers: Sequence[Answer]) -> dict[str, FloatArray]:
        """ "labelsets": for each label of the model whether it is true, given, and its score."""
        from ..training.goals import LabelSets

        labels = answers[0]["_labels"] if answers else self.labels_of(split)
        true = LabelSets(labels).gold(split).astype(bool)
        given = np.array([a["_given"] for a in answers], bool).reshape(true.shape)
        scores = np.array([a["_scores"] for a in answers], np.float64).reshape(true.shape)
        return {"labelsets": labelsets.rows(true, given, scores)}

    def gold(self, split: Split, row: int) -> str:
        """The labels."""
        return ", ".join(_labels(split, row)) or "none"

    def shown(self, answer: Answer) -> str:
        """The labels."""
        return ", ".join(answer["labels"]) or "none"


def _labels(split: Split, row: int) -> Sequence[str]:
    found: Sequence[str] = split.rows[row]["labels"]
    return found


TASK = MultiLabelClassification()
