"""Reasoning with checked answers: a question, the way to its answer, and the answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...evals.metrics import FloatArray
from ...evals.numbers import MARK, final_answer, normal
from ..datasets.columns import Asked
from ..datasets.fields import Field, rows_at, text_at, usable_rows
from ..datasets.rows import Rows
from ..datasets.types import Row, Split
from ..errors import DatasetError
from .sequence import UNTUNED, SequenceTask, one_line
from .task import Answer

if TYPE_CHECKING:
    from ..datasets.tables import Table
    from ..training.cheap import Way
    from ..training.generative.prompted import Prompted

QUESTION = Field("question", ("problem", "prompt", "frage", "input"), "--text")
SOLUTION = Field("solution", ("rationale", "explanation", "reasoning", "steps"))
ANSWER = Field("answer", ("final_answer", "antwort", "target"), "--label")
_CALCULATOR = re.compile(r"<<[^<>\n]*>>")  # GSM8K's marks for a calculator nobody has here


class Reasoning(SequenceTask):
    """A question whose answer can be checked; the way to it is learned with it."""

    name = "reasoning"
    summary = "a question, the way to its answer, and an answer that can be checked"
    metrics = ("exact_match", "nll", "perplexity")
    probes = ("majority_answer", "nearest_solution", UNTUNED)
    maskable = ("question", "solution")
    follows = ("answer",)
    asked = QUESTION
    ways = {"majority_answer": "constant", "nearest_solution": "nearest"}  # noqa: RUF012
    augments = ("noise",)
    changeable = ("question",)

    def claims(self, table: Table) -> bool:
        """A question beside a solution and an answer, or answers that end in "#### 42"."""
        names = {column.strip().lower(): column for column in table.columns}
        if "context" in names or not {"question", "problem"} & names.keys():
            return False
        if names.keys() & {"solution", "rationale"}:
            return bool(names.keys() & {"answer", "final_answer"})
        cells = table.cells[names["answer"]] if "answer" in names else []
        return bool(cells) and all(MARK in str(cell) for cell in cells)

    def read(self, table: Table, asked: Asked, *, train: bool) -> Rows:
        """Question, solution and answer of each row."""
        question = QUESTION.require(table, asked.text)
        solution = SOLUTION.column(table)
        answer = ANSWER.require(table, asked.label)
        kept, oddities = usable_rows(table, question, [answer], train=train)
        rows: list[Row] = []
        for i in kept:
            said = text_at(table, answer, i)
            way = text_at(table, solution, i)
            if MARK in said:  # the answer at the end of its own solution
                way, said = way or said, said.rpartition(MARK)[2]
            if not normal(said):
                raise DatasetError(
                    f"{table.places[i]}: the answer is missing; fill it in or delete the row"
                )
            rows.append(
                {"question": text_at(table, question, i), "solution": way, "answer": said.strip()}
            )
        return rows_at(table, kept, [row["question"] for row in rows], rows, oddities)

    def prompted(self, row: Row) -> Prompted:
        """The question, and how the answer is to be given."""
        from ..training.generative.prompted import Prompted

        return Prompted(
            prompt=f"{row['question']}\nThink step by step, and end with a line "
            f"{MARK} and the answer alone.",
            bare=row["question"],
            target=self.target(row),
        )

    def target(self, row: Row) -> str:
        """The solution, then the answer in a form that is found again."""
        if "answer" not in row:
            return ""
        way = _CALCULATOR.sub("", row.get("solution", "")).rpartition(MARK)
        steps = (way[0] if way[1] else way[2]).strip()
        return f"{steps}\n{MARK} {row['answer']}" if steps else f"{MARK} {row['answer']}"

    def cheap_target(self, way: Way, row: Row) -> str:
        """The answer alone is what may be most frequent."""
        return f"{MARK} {row['answer']}" if way == "constant" else self.target(row)

    def answer(self, text: str, row: Row) -> Answer:
        """The text, and the answer it comes to."""
        return {"text": text, "answer": final_answer(text)}

    def stats(self, split: Split, answers: Sequence[Answer]) -> dict[str, FloatArray]:
        """Whether the answer is right, as a number where it is one; the gold's likelihood."""
        from ...evals.measures import exact

        right = [
            float(answer["answer"] == normal(row["answer"]))
            for answer, row in zip(answers, split.rows, strict=True)
        ]
        return {"exact": exact.rows(right), **self.likelihood(answers)}

    def gold(self, split: Split, row: int) -> str:
        """The right answer, as it is compared."""
        return normal(split.rows[row]["answer"])

    def shown(self, answer: Answer) -> str:
        """The answer that was found in the text, or the text where none was."""
        return str(answer["answer"]) or one_line(str(answer["text"]))


TASK = Reasoning()
