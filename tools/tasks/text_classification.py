"""Text classification: one label for each text, such as its intent, topic or sentiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...evals.metrics import FloatArray
from ..datasets.classes import check_labels
from ..datasets.columns import Asked, Columns, choose_columns, require_columns
from ..datasets.label_sets import holds_label_sets
from ..datasets.rows import Rows, to_rows
from ..datasets.types import Oddity, Row, Split
from .task import Answer, Answerer, Progress, Reading, Task

if TYPE_CHECKING:
    from ..anomaly.seen import Marks, Sight, States
    from ..datasets.tables import Table
    from ..deployment.saved import SavedModel
    from ..facts import OnProgress, Outcome
    from ..training.data import JobData
    from ..training.examples import Tuning


class TextClassification(Task):
    """One label for each text."""

    name = "text-classification"
    summary = "one label for each text"
    metrics = ("macro_f1", "accuracy", "micro_f1", "weighted_f1", "mcc", "ece")
    probes = ("majority", "tfidf_linear", "label_descriptions", "described_linear", "frozen_linear")
    labelled = True
    spots_odd = True
    maskable = ()
    robust = True
    augments = ("noise", "replace_words", "oversample", "back_translate", "synthesise")

    def claims(self, table: Table) -> bool:
        """Any table may hold texts and labels: the last to be asked, it never claims."""
        return False

    def instead(self, table: Table) -> tuple[str, str] | None:
        """Multi-label classification, where rows have several labels."""
        if not holds_label_sets(table):
            return None
        return "multi-label-classification", "rows have several labels"

    def read_all(self, tables: Mapping[str, Table], asked: Asked) -> Reading:
        """Choose the columns on train, and read every split with them."""
        columns = choose_columns(tables["train"], text=asked.text, label=asked.label)
        splits: dict[str, Split] = {}
        oddities: list[Oddity] = []
        for name, table in tables.items():
            require_columns(table, columns)
            rows = to_rows(table, columns, keep_blank=name != "train")
            splits[name] = rows.split
            oddities += rows.oddities
        check_labels(splits, columns.label)
        return Reading(splits, tuple(oddities), columns.guesses, columns.text, columns.label)

    def read(self, table: Table, asked: Asked, *, train: bool) -> Rows:
        """Take text and label out of a table; the columns are named or inferred."""
        columns: Columns = choose_columns(table, text=asked.text, label=asked.label)
        return to_rows(table, columns, keep_blank=not train)

    def example(self, split: Split, row: int) -> dict[str, str]:
        """The text."""
        return {"text": split.texts[row]}

    def composed(self, split: Split, row: int, fields: Mapping[str, str]) -> tuple[str, Row | None]:
        """Another text."""
        return fields["text"], None

    def probe(
        self, data: JobData, folder: Path, wanted: Mapping[str, bool], on_progress: OnProgress
    ) -> Outcome:
        """Most frequent class, tf-idf, frozen embeddings, perhaps what labels are called."""
        from ..training.probe import probe_classes

        return probe_classes(data, folder, wanted, on_progress)

    def tuning(self, data: JobData) -> Tuning:
        """A linear head on the pooled embedding, with cross entropy."""
        from ..training.pooled import PooledTuning

        return PooledTuning(data)

    def load(self, card: SavedModel, folder: Path) -> Answerer:
        """Tf-idf, an encoder with its head, or a blend of these."""
        from ..anomaly.saved import read_detector
        from ..deployment.load import load_classifier

        classifier = load_classifier(folder)
        detector = read_detector(folder, len(card.labels))

        def answer(split: Split, progress: Progress | None) -> list[Answer]:
            if detector is None:
                found = classifier.probabilities(split.texts, progress, prepared=True)
                return label_answers(found, card.labels)
            states = classifier.states(split.texts, progress)
            answers = label_answers(detector.probabilities(states.logits), card.labels)
            return detector.marked(answers, states)

        return answer

    def sight(self, card: SavedModel, folder: Path) -> Sight:
        """The classifier's logits and what its head looks at."""
        from ..anomaly.seen import Sight, likeliest, marked
        from ..deployment.load import load_classifier

        classifier = load_classifier(folder)
        index = {label: i for i, label in enumerate(card.labels)}

        def look(split: Split, progress: Progress | None) -> States:
            return classifier.states(split.texts, progress)

        def true(split: Split) -> Marks:
            return marked([index.get(label, -1) for label in split.labels], len(index))

        return Sight("softmax", True, look, true, lambda _, logits: likeliest(logits))

    def stats(self, split: Split, answers: Sequence[Answer]) -> dict[str, FloatArray]:
        """ "classes": the true class, then the probabilities; classes as the model has them."""
        return {"classes": class_stats(split, answers)}

    def faults(self, card: SavedModel, split: Split, answers: Sequence[Answer]) -> list[str]:
        """Labels the model does not have, scores that are none."""
        from ..guardrails.checks import check_outputs

        labels = [str(a["label"]) for a in answers]
        return check_outputs(labels, [float(a["score"]) for a in answers], card.labels)

    def shown(self, answer: Answer) -> str:
        """The label."""
        return str(answer["label"])


def label_answers(probabilities: FloatArray, labels: Sequence[str]) -> list[Answer]:
    """(n, n_classes) -> the likeliest label of each row, its score, and all of them."""
    best = probabilities.argmax(axis=1)
    return [
        {
            "label": labels[i],
            "score": round(float(row[i]), 6),
            "_probabilities": row,
            "_labels": labels,
        }
        for i, row in zip(best, probabilities, strict=True)
    ]


def class_stats(split: Split, answers: Sequence[Answer]) -> FloatArray:
    """(n, 1 + n_classes): the true class's position in the model's labels, then probabilities."""
    index = {label: i for i, label in enumerate(answers[0]["_labels"])} if answers else {}
    true = np.array([index[label] for label in split.labels], np.float64)
    return np.column_stack([true, np.array([a["_probabilities"] for a in answers])])


TASK = TextClassification()
