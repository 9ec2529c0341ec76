"""What the tasks whose answer is a text share: cheap rungs, tuning, answering."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ...evals.metrics import FloatArray
from ..datasets.fields import Field, text_at
from ..datasets.types import Row, Split
from .task import Answer, Answerer, Progress, Task

if TYPE_CHECKING:
    from ..datasets.tables import Table
    from ..deployment.saved import SavedModel
    from ..facts import Candidate, OnProgress, Outcome
    from ..training.cheap import Way
    from ..training.data import JobData
    from ..training.examples import Tuning
    from ..training.generative.decoding import Decoding
    from ..training.generative.prompted import Prompted
    from ..training.sequences import SequenceTuning

UNTUNED = "untuned"
IN_TIME = 0.8  # of a job's time limit; its start took some, and estimates err


class SequenceTask(Task):
    """A task whose answer is a text.

    Attributes:
        asked: The field of a row that is answered, as files call it.
        ways: Cheap rungs by strategy, cheapest first: how each answers.
    """

    asked: ClassVar[Field]
    ways: ClassVar[dict[str, Way]]
    judge = None

    # What a row says

    @abstractmethod
    def prompted(self, row: Row) -> Prompted:
        """What a model is asked, and what it should say ("" where that is not known)."""

    @abstractmethod
    def target(self, row: Row) -> str:
        """The text that a model learns to write; "" where it is not known."""

    def cheap_target(self, way: Way, row: Row) -> str:
        """What a cheap way says of a training row."""
        return self.target(row)

    def answer(self, text: str, row: Row) -> Answer:
        """Make the answer out of what was written."""
        return {"text": text}

    def decoding(self, measured: Collection[str]) -> Decoding | None:
        """How answers are written for such metrics; None for the usual way."""
        return None

    # Data

    def ask(self, table: Table, column: str | None) -> Split:
        """Rows with the field that is answered, under any of its usual names or "text"."""
        from ..datasets.asked import asked_split, asked_texts

        found = self.asked.column(table, column)
        if found is None:
            split = asked_texts(table, column)
            texts = list(split.texts)
        else:
            texts = [text_at(table, found, row) for row in range(len(table))]
        rows = tuple(self.asked_row(table, row, text) for row, text in enumerate(texts))
        return asked_split(table, texts, rows)

    def asked_row(self, table: Table, row: int, text: str) -> Row:
        """The fields of a row to be answered; the table may hold more that help."""
        return {self.asked.name: text}

    def gold(self, split: Split, row: int) -> str:
        """The right text."""
        return one_line(self.target(split.rows[row]))

    def shown(self, answer: Answer) -> str:
        """The text, on one line."""
        return one_line(str(answer["text"]))

    # Learning

    def probe(
        self, data: JobData, folder: Path, wanted: Mapping[str, bool], on_progress: OnProgress
    ) -> Outcome:
        """The cheap ways to answer, then the base model before any tuning."""
        from ..facts import JobProgress, Outcome
        from ..training.measure import rung, saved_scores

        candidates: list[Candidate] = []
        chosen = [name for name in self.probes if wanted[name]]
        frozen = writing = 0.0
        began, notes = time.monotonic(), list(self.remarks(data.validation))
        for step, name in enumerate(chosen):
            on_progress(JobProgress(share=step / len(chosen), text=name.replace("_", " ")))
            start = time.monotonic()
            if name == UNTUNED:
                tuning = self._tuning(data)
                tuning.save_untuned(folder / name)
                frozen, writing = tuning.pass_seconds(), tuning.answer_seconds()
                rows = len(data.validation)
                needed = rows * (writing + frozen / max(1, len(data.train)))
                if not _fits(needed, began, data.spec.seconds):
                    notes.append(f"untuned: left out, as scoring it would take {needed:.0f} s")
                    continue
            else:
                self._remember(name, data, folder / name)
            self.finish(data, folder / name)
            scores = saved_scores(folder / name, data.validation, data.spec)
            candidates.append(rung(data.spec, name, scores, time.monotonic() - start))
        return Outcome(
            candidates=tuple(candidates),
            frozen_seconds=frozen,
            answer_seconds=writing,
            notes=tuple(notes),
        )

    def finish(self, data: JobData, folder: Path) -> None:
        """Add to a saved model what else the task's answers need."""

    def remarks(self, validation: Split) -> tuple[str, ...]:
        """What the report should say of how it was measured: full phrases."""
        return ()

    def tuning(self, data: JobData) -> Tuning:
        """The base model learns to write the targets, by their likelihood."""
        return self._tuning(data)

    def _tuning(self, data: JobData) -> SequenceTuning:
        from ..training.sequences import SequenceTuning

        return SequenceTuning(self, data)

    def _remember(self, name: str, data: JobData, folder: Path) -> None:
        from ..deployment.saved import write_description
        from ..training.card import card_of
        from ..training.cheap import remember

        train, way = data.train, self.ways[name]
        remember(way, folder, train.texts, [self.cheap_target(way, row) for row in train.rows])
        write_description(folder, card_of(data, name, "none"))

    # Answering

    def load(self, card: SavedModel, folder: Path) -> Answerer:
        """A cheap way to answer, or a model that writes."""
        if card.encoder == "none":
            write = self._cheap(card, folder)
        else:
            from ..training.generative.answers import load_generator

            write = load_generator(card, folder, self.row)
        return self._finished(write, self.also(card, folder))

    def row(self, split: Split, row: int) -> Prompted:
        """A row as a model is asked it."""
        return self.prompted(split.rows[row])

    def also(self, card: SavedModel, folder: Path) -> Answerer | None:
        """What else a saved model answers beside the text."""
        return None

    def _cheap(self, card: SavedModel, folder: Path) -> Answerer:
        from ..errors import ModelError
        from ..training.cheap import recall

        if card.strategy not in self.ways:
            raise ModelError(f"model {folder}: {self.name} knows no strategy {card.strategy!r}")
        reply = recall(self.ways[card.strategy], folder)

        def write(split: Split, progress: Progress | None) -> list[Answer]:
            found = reply(split.texts)
            if progress:
                progress(len(found), len(found))
            return [{"text": text} for text in found]

        return write

    def _finished(self, write: Answerer, also: Answerer | None) -> Answerer:
        def answer(split: Split, progress: Progress | None) -> list[Answer]:
            written = write(split, progress)
            more = also(split, None) if also else [{} for _ in written]
            return [
                said | self.answer(str(said["text"]), row) | extra
                for said, row, extra in zip(written, split.rows, more, strict=True)
            ]

        return answer

    # Scoring

    def likelihood(self, answers: Sequence[Answer]) -> dict[str, FloatArray]:
        """ "tokens", where the model says how likely it finds the gold."""
        from ...evals.measures import tokens

        if not answers or any("_nll" not in answer for answer in answers):
            return {}
        nll, counts = ([answer[key] for answer in answers] for key in ("_nll", "_tokens"))
        return {"tokens": tokens.rows(nll, counts)}


def _fits(seconds: float, began: float, limit: float | None) -> bool:
    """Tell whether a step ends in time; what was done before it would be lost as well."""
    return limit is None or time.monotonic() - began + seconds < IN_TIME * limit


def one_line(text: str) -> str:
    """A text without line breaks."""
    return " ".join(text.split())


def written(answers: Sequence[Answer]) -> list[str]:
    """The texts of answers."""
    return [str(answer["text"]) for answer in answers]
