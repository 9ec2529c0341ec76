"""Summarisation: a long text to a short one that says what matters in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...evals.metrics import FloatArray
from ..datasets.columns import Asked
from ..datasets.fields import Field, rows_at, text_at, texts_at, usable_rows
from ..datasets.rows import Rows
from ..datasets.types import Row, Split
from .sequence import UNTUNED, SequenceTask, written
from .task import Answer

if TYPE_CHECKING:
    from ..datasets.tables import Table
    from ..training.generative.prompted import Prompted

SOURCE = Field("source", ("document", "article", "text", "src", "quelle", "dialogue"), "--text")
SUMMARY = Field("summary", ("target", "highlights", "tldr", "zusammenfassung"), "--label")
SUMMARIES = Field("summaries", ("references", "targets"))


class Summarisation(SequenceTask):
    """A text to a short one; several summaries may be right."""

    name = "summarisation"
    summary = "a text to a short summary of it"
    metrics = ("rougeL", "rouge1", "rouge2", "nll", "perplexity")
    probes = ("lead_1", "nearest_target", UNTUNED)
    maskable = ("source", "target", "references")
    asked = SOURCE
    ways = {"lead_1": "lead", "nearest_target": "nearest"}  # noqa: RUF012
    augments = ("noise", "replace_words")
    changeable = ("source",)

    def claims(self, table: Table) -> bool:
        """A column that is called a summary, beside a text."""
        names = {column.strip().lower() for column in table.columns}
        short = {"summary", "summaries", "highlights", "tldr", "zusammenfassung"}
        return bool(names & short) and bool(names & {SOURCE.name, *SOURCE.others})

    def read(self, table: Table, asked: Asked, *, train: bool) -> Rows:
        """Source and summaries of each row; the first is learned."""
        source = SOURCE.require(table, asked.text)
        several = SUMMARIES.column(table)
        one = SUMMARY.column(table, asked.label)
        gold = one or several or SUMMARY.require(table, asked.label)
        kept, oddities = usable_rows(table, source, [gold], train=train)
        rows: list[Row] = []
        for i in kept:
            found = list(dict.fromkeys([*texts_at(table, one, i), *texts_at(table, several, i)]))
            rows.append(
                {"source": text_at(table, source, i), "target": found[0], "references": found}
            )
        return rows_at(table, kept, [row["source"] for row in rows], rows, oddities)

    def prompted(self, row: Row) -> Prompted:
        """The text after an instruction; the beginning stays where it is too long."""
        from ..training.generative.prompted import Prompted

        return Prompted(
            prompt=f"Summarise in one or two sentences:\n{row['source']}",
            bare=row["source"],
            target=self.target(row),
            keep="start",
        )

    def target(self, row: Row) -> str:
        """The first of the right summaries."""
        return str(row.get("target", ""))

    def stats(self, split: Split, answers: Sequence[Answer]) -> dict[str, FloatArray]:
        """ROUGE against the best of the references; the likelihood of the first."""
        from ...evals.measures import rouge

        references = [row["references"] for row in split.rows]
        return {"rouge": rouge.rows(references, written(answers)), **self.likelihood(answers)}

    def remarks(self, validation: Split) -> tuple[str, ...]:
        """How ROUGE finds words, and how many references it had."""
        from ...evals.measures import rouge

        references = [row["references"] for row in validation.rows]
        most = max(map(len, references), default=1)
        several = f", the best of up to {most} references" if most > 1 else ""
        return (f"ROUGE: F1 of rouge-score, words: {rouge.scheme(references)}{several}",)


TASK = Summarisation()
