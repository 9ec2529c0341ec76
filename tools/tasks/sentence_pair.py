"""Sentence pairs: a label, such as entailment, or a score, such as similarity, for two texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...evals.measures import values
from ...evals.metrics import FloatArray
from ..datasets.cells import refuse_unseen
from ..datasets.columns import Asked
from ..datasets.pairs import holds_pairs, read_pairs
from ..datasets.rows import Rows
from ..datasets.types import Row, Split
from ..errors import DatasetError
from .headed import Extra, HeadedTask
from .task import Answer
from .text_classification import class_stats, label_answers

if TYPE_CHECKING:
    from ..datasets.tables import Table
    from ..deployment.saved import SavedModel
    from ..training.goals import Goal
    from ..training.inputs import Inputs


class SentencePair(HeadedTask):
    """A label or a score for two texts, read together."""

    name = "sentence-pair"
    summary = "a label or a score for two texts"
    metrics = ("accuracy", "macro_f1", "mcc", "ece", "spearman")
    maskable = ("first", "second")
    changeable = ("first", "second")
    robust = True
    augments = ("noise", "replace_words", "oversample", "back_translate", "synthesise")
    asks = ("first", "second")

    def claims(self, table: Table) -> bool:
        """Two columns of texts by their usual names, and a label or score."""
        return holds_pairs(table)

    def read(self, table: Table, asked: Asked, *, train: bool) -> Rows:
        """Take pairs and their labels or scores out of a table."""
        return read_pairs(table, asked.label)

    def ask(self, table: Table, column: str | None) -> Split:
        """Pairs; no gold is needed."""
        return read_pairs(table, None, gold=False).split

    def check(self, splits: Mapping[str, Split]) -> None:
        """Labels everywhere or scores everywhere, and no label that train never shows."""
        scored = _scored(splits["train"])
        for split in splits.values():
            if _scored(split) != scored:
                said, other = ("scores", "labels") if scored else ("labels", "scores")
                raise DatasetError(
                    f"{split.places[0]}: has {other}, train has {said}; give all splits the same"
                )
        if not scored:
            refuse_unseen(splits, lambda split, row: (split.labels[row],))
        elif len({row["score"] for row in splits["train"].rows}) < 2:
            raise DatasetError("train: all scores are equal; add rows with other scores")

    def example(self, split: Split, row: int) -> dict[str, str] | None:
        """Both texts, where pairs have labels."""
        own = split.rows[row]
        return None if "score" in own else {"first": own["first"], "second": own["second"]}

    def composed(self, split: Split, row: int, fields: Mapping[str, str]) -> tuple[str, Row | None]:
        """Another pair with the same label."""
        new = {**split.rows[row], **fields}
        return f"{new['first']}\n{new['second']}", new

    def metrics_of(self, train: Split) -> tuple[str, ...]:
        """Spearman's for scores, the others for labels."""
        return ("spearman",) if _scored(train) else self.metrics[:-1]

    def labels_of(self, train: Split) -> tuple[str, ...]:
        """All that occur, sorted; none where pairs have scores."""
        return () if _scored(train) else tuple(sorted(set(train.labels)))

    def extra(self, train: Split) -> Extra:
        """Mean and spread of the scores."""
        if not _scored(train):
            return {}
        scores = np.array([row["score"] for row in train.rows])
        return {"mean": float(scores.mean()), "spread": float(scores.std()) or 1.0}

    def inputs(self, extra: Extra) -> Inputs:
        """Both texts in one sequence."""
        from ..training.inputs import Pairs

        return Pairs()

    def goal(self, labels: Sequence[str], extra: Extra, train: Split | None = None) -> Goal:
        """One class of several, or a number."""
        from ..training.goals import Classes, Scores

        return Classes(labels) if labels else Scores(extra["mean"], extra["spread"])

    def answers(self, split: Split, outputs: FloatArray, card: SavedModel) -> list[Answer]:
        """The likeliest label, or the score."""
        if card.labels:
            return label_answers(outputs, card.labels)
        return [{"score": round(float(score), 6)} for score in outputs[:, 0]]

    def stats(self, split: Split, answers: Sequence[Answer]) -> dict[str, FloatArray]:
        """ "classes", or "values" where pairs have scores."""
        if not _scored(split):
            return {"classes": class_stats(split, answers)}
        true = [row["score"] for row in split.rows]
        return {"values": values.rows(true, [a["score"] for a in answers])}

    def gold(self, split: Split, row: int) -> str:
        """The label or the score."""
        return str(split.rows[row]["score"]) if _scored(split) else split.labels[row]

    def shown(self, answer: Answer) -> str:
        """The label or the score."""
        return str(answer.get("label", answer["score"]))


def _scored(split: Split) -> bool:
    return bool(split.rows) and "score" in split.rows[0]


TASK = SentencePair()
