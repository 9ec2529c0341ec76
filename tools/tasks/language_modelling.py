"""Language modelling: the base model goes on learning from raw text of a domain."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...evals.metrics import FloatArray
from ..datasets.columns import Asked
from ..datasets.fields import Field, rows_at, text_at, usable_rows
from ..datasets.rows import Rows
from ..datasets.types import Split
from .task import Answer, Answerer, Task

if TYPE_CHECKING:
    from ..datasets.tables import Table
    from ..deployment.saved import SavedModel
    from ..facts import OnProgress, Outcome
    from ..training.data import JobData
    from ..training.examples import Tuning

TEXT = Field("text", ("content", "body", "document", "article", "abstract", "sentence"), "--text")
UNTUNED = "untuned"


class LanguageModelling(Task):
    """Texts, and nothing else: hidden or following words are foreseen."""

    name = "language-modelling"
    summary = "raw text, which the base model learns to foresee: continued pre-training"
    metrics = ("perplexity", "nll")
    probes = ("unigram", "bigram", UNTUNED)
    maskable = ()

    def claims(self, table: Table) -> bool:
        """A file of plain text."""
        return table.columns == (TEXT.name,) and table.name.lower().endswith(".txt")

    def read(self, table: Table, asked: Asked, *, train: bool) -> Rows:
        """The text of each row."""
        column = TEXT.require(table, asked.text)
        kept, oddities = usable_rows(table, column, (), train=train)
        return rows_at(table, kept, [text_at(table, column, i) for i in kept], (), oddities)

    def probe(
        self, data: JobData, folder: Path, wanted: Mapping[str, bool], on_progress: OnProgress
    ) -> Outcome:
        """Counts of tokens and of pairs, and the base model before any tuning."""
        from ..facts import JobProgress, Outcome
        from ..training.generative.modelling import ModellingTuning
        from ..training.measure import rung, saved_scores

        tuning, candidates, frozen = ModellingTuning(data), [], 0.0
        chosen = [name for name in self.probes if wanted[name]]
        for step, name in enumerate(chosen):
            on_progress(JobProgress(share=step / len(chosen), text=name))
            start = time.monotonic()
            if name == UNTUNED:
                tuning.save_untuned(folder / name, name)
                frozen = tuning.pass_seconds()
            else:
                tuning.save_counts(folder / name, name)
            scores = saved_scores(folder / name, data.validation, data.spec)
            candidates.append(rung(data.spec, name, scores, time.monotonic() - start))
        return Outcome(candidates=tuple(candidates), frozen_seconds=frozen, notes=tuning.notes())

    def tuning(self, data: JobData) -> Tuning:
        """Masked for an encoder, causal for a causal LM."""
        from ..training.generative.modelling import ModellingTuning

        return ModellingTuning(data)

    def load(self, card: SavedModel, folder: Path) -> Answerer:
        """Counts, or a language model."""
        from ..training.generative.modelling import load_modeller

        return load_modeller(card, folder)

    def stats(self, split: Split, answers: Sequence[Answer]) -> dict[str, FloatArray]:
        """ "tokens": nats of each text, and how many tokens were foreseen."""
        from ...evals.measures import tokens

        nats, counts = ([answer[key] for answer in answers] for key in ("_nll", "_tokens"))
        return {"tokens": tokens.rows(nats, counts)}

    def gold(self, split: Split, row: int) -> str:
        """The text itself."""
        return " ".join(split.texts[row].split())

    def shown(self, answer: Answer) -> str:
        """The perplexity."""
        if answer["perplexity"] is None:
            return "nothing to foresee"
        return f"perplexity {answer['perplexity']:.2f}"


TASK = LanguageModelling()
