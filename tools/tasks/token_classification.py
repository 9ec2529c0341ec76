"""Named entities: stretches of a text, each with its type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...evals.metrics import FloatArray
from ..datasets.entities import (
    check_types,
    entity_rows,
    entity_spans,
    marked,
    read_entities,
    span_columns,
    token_columns,
    unmarked,
)
from ..datasets.types import Row, Split
from .pieces import Changed, Piece, moved_all
from .task import Answer, Answerer, Task

if TYPE_CHECKING:
    from ..datasets.columns import Asked
    from ..datasets.rows import Rows
    from ..datasets.tables import Table
    from ..deployment.saved import SavedModel
    from ..facts import OnProgress, Outcome
    from ..training.data import JobData
    from ..training.examples import Tuning


class TokenClassification(Task):
    """A BIO tag for each word; answers are spans of characters."""

    name = "token-classification"
    summary = "entities in each text, such as names"
    metrics = ("f1", "macro_f1")
    probes = ("lexicon", "frozen_linear")
    robust = True
    augments = ("noise", "replace_words", "oversample", "synthesise")

    def claims(self, table: Table) -> bool:
        """Tokens with tags, or texts with spans."""
        return token_columns(table) is not None or span_columns(table) is not None

    def read(self, table: Table, asked: Asked, *, train: bool) -> Rows:
        """Take tokens and tags out of a table, or texts and spans."""
        return read_entities(table, train=train)

    def ask(self, table: Table, column: str | None) -> Split:
        """Take tokens as they are, or texts, of which the words are found."""
        return entity_rows(table, column)

    def check(self, splits: Mapping[str, Split]) -> None:
        """Refuse types that train never saw."""
        check_types(splits)

    def pieces(self, split: Split, row: int) -> tuple[Piece, ...]:
        """The text around its entities."""
        own = split.rows[row]
        return (Piece(own["text"], tuple(s[:2] for s in entity_spans(own)), whole=False),)

    def rewritten(
        self, split: Split, row: int, changed: Sequence[Changed]
    ) -> tuple[str, Row | None] | None:
        """The same words' tags, where the words stand now."""
        own, text = split.rows[row], changed[0].text
        found = moved_all(changed[0], own["offsets"])
        if found is None or any(not text[a:b].strip() for a, b in found):
            return None
        tokens = [text[a:b] for a, b in found]
        return text, {**own, "text": text, "tokens": tokens, "offsets": [list(f) for f in found]}

    def example(self, split: Split, row: int) -> dict[str, str]:
        """The text with its entities marked: [aspirin](Drug)."""
        return {"text": marked(split.rows[row])}

    def composed(
        self, split: Split, row: int, fields: Mapping[str, str]
    ) -> tuple[str, Row | None] | None:
        """A text in which entities are marked, one of the wanted type among them."""
        known = {s.label for own in split.rows for s in entity_spans(own)}
        new = unmarked(fields["text"])
        types = {s.label for s in entity_spans(new)} if new else set()
        if new is None or not types <= known or split.labels[row] not in {*types, ""}:
            return None
        return new["text"], new

    def probe(
        self, data: JobData, folder: Path, wanted: Mapping[str, bool], on_progress: OnProgress
    ) -> Outcome:
        """A lexicon, and a linear head on frozen states."""
        from ..training.tag_probe import probe_tags

        return probe_tags(data, folder, wanted, on_progress)

    def tuning(self, data: JobData) -> Tuning:
        """A linear head on each word's first piece and its shape, cross entropy, valid BIO."""
        from ..training.tag_tuning import TagTuning

        return TagTuning(data)

    def load(self, card: SavedModel, folder: Path) -> Answerer:
        """A lexicon, or an encoder under its head."""
        from ..deployment.tagger import load_tagger

        return load_tagger(card, folder)

    def stats(self, split: Split, answers: Sequence[Answer]) -> dict[str, FloatArray]:
        """ "entities": right, given and true ones of each type."""
        from ...evals.measures.entities import entities, rows

        true = [entities(row["tags"]) for row in split.rows]
        given = [entities(answer["_tags"]) for answer in answers]
        known = {tag[2:] for answer in answers[:1] for tag in answer["_known"]} - {""}
        types = sorted(known | {kind for found in true for kind, _, _ in found})
        return {"entities": rows(true, given, types)}

    def faults(self, card: SavedModel, split: Split, answers: Sequence[Answer]) -> list[str]:
        """Spans outside their text, types that the model does not have."""
        types = {tag[2:] for tag in card.labels}
        return [
            f"answer {number} has the span {span}, which is not in its text"
            for number, (text, answer) in enumerate(zip(split.texts, answers, strict=True), 1)
            for span in answer["spans"]
            if text[span["start"] : span["end"]] != span["text"]
            or span["label"] not in types
            or not 0 <= span["score"] <= 1
        ]

    def gold(self, split: Split, row: int) -> str:
        """The entities, as `shown` says them."""
        from ..datasets.words import spans_of

        own = split.rows[row]
        return _said(
            (own["text"][own["offsets"][first][0] : own["offsets"][end - 1][1]], label)
            for first, end, label in spans_of(own["tags"])
        )

    def shown(self, answer: Answer) -> str:
        """The entities with their types."""
        return _said((span["text"], span["label"]) for span in answer["spans"])


def _said(found: Iterable[tuple[str, str]]) -> str:
    return "; ".join(f"{' '.join(text.split())} ({label})" for text, label in found) or "none"


TASK = TokenClassification()
