"""Extractive question answering: the stretch of a context that answers, or that none does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...evals.metrics import FloatArray
from ..datasets.questions import question_columns, question_rows, read_questions
from ..datasets.types import Row, Split, text_key
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

NO_ANSWER = "no answer"


class QuestionAnswering(Task):
    """Answers are stretches of the context, with their places in it."""

    name = "question-answering"
    summary = "answers to questions, as they stand in a context"
    metrics = ("f1", "exact_match", "no_answer_f1")
    probes = ("no_answer", "best_sentence", "frozen_linear")
    asks = ("context", "question")
    robust = True
    augments = ("noise", "replace_words", "oversample", "back_translate")

    def claims(self, table: Table) -> bool:
        """Contexts, questions and answers."""
        return question_columns(table) is not None

    def read(self, table: Table, asked: Asked, *, train: bool) -> Rows:
        """Take contexts, questions and answers out of a table."""
        return read_questions(table)

    def ask(self, table: Table, column: str | None) -> Split:
        """Take contexts and questions out of a table."""
        return question_rows(table)

    def group(self, split: Split, row: int) -> str:
        """The context: its questions stay on one side."""
        return text_key(split.rows[row]["context"])

    def pieces(self, split: Split, row: int) -> tuple[Piece, ...]:
        """The context around its answers, and the question."""
        own = split.rows[row]
        held = tuple((a["start"], a["start"] + len(a["text"])) for a in own["answers"])
        return Piece(own["context"], held, whole=False), Piece(own["question"])

    def rewritten(
        self, split: Split, row: int, changed: Sequence[Changed]
    ) -> tuple[str, Row | None] | None:
        """The answers where they stand now."""
        own, (context, question) = split.rows[row], [c.text for c in changed]
        places = [(a["start"], a["start"] + len(a["text"])) for a in own["answers"]]
        found = moved_all(changed[0], places)
        if found is None:
            return None
        answers = [{**a, "start": at[0]} for a, at in zip(own["answers"], found, strict=True)]
        new = {**own, "context": context, "question": question, "answers": answers}
        return f"{context}\n{question}", new

    def probe(
        self, data: JobData, folder: Path, wanted: Mapping[str, bool], on_progress: OnProgress
    ) -> Outcome:
        """Always no answer, the sentence that shares most words, a head on frozen states."""
        from ..training.answer_probe import probe_answers

        return probe_answers(data, folder, wanted, on_progress)

    def tuning(self, data: JobData) -> Tuning:
        """A head for beginnings and ends over windows of the context."""
        from ..training.answer_tuning import AnswerTuning

        return AnswerTuning(data)

    def load(self, card: SavedModel, folder: Path) -> Answerer:
        """A rule, or an encoder under its head."""
        from ..deployment.answerer import load_answerer

        return load_answerer(card, folder)

    def stats(self, split: Split, answers: Sequence[Answer]) -> dict[str, FloatArray]:
        """ "squad": exact match, F1 of words, and whether there is an answer."""
        from ...evals.measures.squad import rows

        gold = [[answer["text"] for answer in row["answers"]] for row in split.rows]
        return {"squad": rows(gold, [str(answer["answer"]) for answer in answers])}

    def faults(self, card: SavedModel, split: Split, answers: Sequence[Answer]) -> list[str]:
        """Answers that do not stand where they say."""
        return [
            f"answer {number} is not at its place in the context"
            for number, (row, answer) in enumerate(zip(split.rows, answers, strict=True), 1)
            if answer["answer"] != row["context"][answer["start"] or 0 : answer["end"] or 0]
            or not 0 <= answer["score"] <= 1
        ]

    def gold(self, split: Split, row: int) -> str:
        """The first of the true answers."""
        answers = split.rows[row]["answers"]
        return str(answers[0]["text"]) if answers else NO_ANSWER

    def shown(self, answer: Answer) -> str:
        """The answer."""
        return " ".join(str(answer["answer"]).split()) or NO_ANSWER


TASK = QuestionAnswering()
