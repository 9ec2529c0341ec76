"""Relation extraction: which relation, and in which direction, holds between two spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...evals.measures import calibration, relations
from ...evals.metrics import FloatArray
from ..datasets.cells import refuse_unseen
from ..datasets.columns import Asked
from ..datasets.relations import holds_relations, read_relations, tagged, untagged
from ..datasets.rows import Rows
from ..datasets.types import Row, Split, text_key
from ..errors import DatasetError
from .headed import Extra, HeadedTask
from .hiding import Hidden
from .pieces import Changed, Piece, moved_all
from .task import Answer
from .text_classification import label_answers

if TYPE_CHECKING:
    from ..datasets.tables import Table
    from ..deployment.saved import SavedModel
    from ..guardrails.masked_rows import Masker
    from ..training.goals import Goal
    from ..training.inputs import Inputs


class RelationExtraction(HeadedTask):
    """One directed label, or none, for two spans of a text."""

    name = "relation-extraction"
    summary = "the relation between two spans of a text"
    metrics = ("macro_f1", "micro_f1", "accuracy", "ece")
    maskable = ("text",)
    masks_unasked = False
    asks = ("text", "head", "tail")
    robust = True
    augments = ("noise", "replace_words", "oversample", "synthesise")

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

    def hide(self, split: Split, row: int, masker: Masker) -> Hidden:
        """The text; its spans stay about the same words."""
        own = split.rows[row]
        edited = masker.text(own["text"], "text")
        new = {**own, "text": edited.new}
        for name in ("head", "tail"):
            a, b = masker.moved(edited, own[name]["start"], own[name]["end"])
            new[name] = {**own[name], "text": edited.new[a:b], "start": a, "end": b}
        return Hidden(tagged(new), new, edited)

    def pieces(self, split: Split, row: int) -> tuple[Piece, ...]:
        """The text around its spans."""
        own = split.rows[row]
        held = tuple((own[name]["start"], own[name]["end"]) for name in ("head", "tail"))
        return (Piece(own["text"], held, whole=False),)

    def rewritten(
        self, split: Split, row: int, changed: Sequence[Changed]
    ) -> tuple[str, Row | None] | None:
        """The spans where they stand now."""
        own, text = split.rows[row], changed[0].text
        found = moved_all(changed[0], [(own[n]["start"], own[n]["end"]) for n in ("head", "tail")])
        if found is None:
            return None
        head, tail = ({"text": text[a:b], "start": a, "end": b} for a, b in found)
        new = {**own, "text": text, "head": head, "tail": tail}
        return tagged(new), new

    def example(self, split: Split, row: int) -> dict[str, str]:
        """The text with tags around its spans."""
        return {"text": split.texts[row]}

    def composed(
        self, split: Split, row: int, fields: Mapping[str, str]
    ) -> tuple[str, Row | None] | None:
        """A text in which both spans are marked."""
        try:
            text, head, tail = untagged(fields["text"], "a written row")
        except DatasetError:
            return None
        new = {**split.rows[row], "text": text, "head": head, "tail": tail}
        return tagged(new), new

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
        """ "relations", scored as SemEval-2010 Task 8 does, and "calibration"."""
        labels = answers[0]["_labels"] if answers else self.labels_of(split)
        given = [a["label"] for a in answers]
        sure = [float(a["_probabilities"].max()) for a in answers]
        hit = [a == b for a, b in zip(given, split.labels, strict=True)]
        return {
            "relations": relations.rows(split.labels, given, labels),
            "calibration": calibration.rows(sure, hit),
        }

    def shown(self, answer: Answer) -> str:
        """The relation."""
        return str(answer["label"])


TASK = RelationExtraction()
