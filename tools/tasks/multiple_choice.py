"""Multiple choice: which of a question's choices is right; yes or no are choices, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...evals.measures import classes
from ...evals.metrics import FloatArray
from ..datasets.choices import as_one, holds_choices, read_choices
from ..datasets.columns import Asked
from ..datasets.rows import Rows
from ..datasets.types import Row, Split
from ..errors import DatasetError
from .headed import Extra, HeadedTask
from .pieces import Changed
from .task import Answer

if TYPE_CHECKING:
    from ..datasets.tables import Table
    from ..deployment.saved import SavedModel
    from ..training.goals import Goal
    from ..training.inputs import Inputs
    from ..training.settings import TrainSettings

OWN = "own_weights"  # in `extra`: the head has weights for each of the choices


class MultipleChoice(HeadedTask):
    """One of the choices that each question brings along, or that never differ."""

    name = "multiple-choice"
    summary = "the right one of a question's choices"
    metrics = ("accuracy", "ece")
    maskable = ("question", "choices")
    robust = True
    augments = ("noise", "oversample", "back_translate")
    changeable = ("question",)
    asks = ("question", "choices")

    def claims(self, table: Table) -> bool:
        """A question and a list of choices."""
        return holds_choices(table)

    def read(self, table: Table, asked: Asked, *, train: bool) -> Rows:
        """Take questions, choices and answers out of a table."""
        return read_choices(table, asked.text, asked.label)

    def ask(self, table: Table, column: str | None) -> Split:
        """Questions, with their choices where they have some."""
        return read_choices(table, column, None, gold=False).split

    def check(self, splits: Mapping[str, Split]) -> None:
        """Where choices never differ in train, they must be those of every split."""
        fixed = _fixed(splits["train"])
        for split in splits.values():
            for row, place in zip(split.rows, split.places, strict=True):
                other = [c for c in row["choices"] if c not in fixed]
                if fixed and split.labels[0] and other:
                    raise DatasetError(
                        f"{place}: the answer {other[0]!r} is none of train's, "
                        f"{', '.join(map(repr, fixed))}; mend it or add such rows to train"
                    )

    def check_odd(self, train: Split, odd: Split) -> None:
        """Rows need choices where those of train differ, and no others where they never do."""
        fixed = _fixed(train)
        for row, place in zip(odd.rows, odd.places, strict=True):
            _refuse_choices(row, place, fixed, "train" if fixed else "")

    def rewritten(
        self, split: Split, row: int, changed: Sequence[Changed]
    ) -> tuple[str, Row | None]:
        """Another question; the choices stay."""
        own = split.rows[row]
        new = {**own, "question": changed[0].text}
        apart = split.texts[row] != own["question"]
        return as_one(new, with_choices=apart), new

    def label_of(self, label: str, row: Row) -> str:
        """The right choice, where rows are balanced by it."""
        return str(row["choices"][row["answer"]]) if label else label

    def labels_of(self, train: Split) -> tuple[str, ...]:
        """The choices, where they never differ."""
        return _fixed(train)

    def extra(self, train: Split) -> Extra:
        """The choices, where they never differ."""
        return {"choices": list(_fixed(train))}

    def tuned(self, extra: Extra, train: Split, settings: TrainSettings) -> Extra:
        """Weights of its own for each choice, where they are asked for and no row has others."""
        own = settings.own_weights and bool(extra["choices"]) and bool(train.labels[0])
        return {**extra, OWN: True} if own else extra

    def inputs(self, extra: Extra) -> Inputs:
        """The question with each choice, or alone where each choice has its own weights."""
        from ..training.inputs import QuestionChoices, Questions

        return Questions() if extra.get(OWN) else QuestionChoices(extra["choices"])

    def goal(self, labels: Sequence[str], extra: Extra, train: Split | None = None) -> Goal:
        """One of the choices."""
        from ..training.goals import FixedChoices, OneOf

        return FixedChoices(labels) if extra.get(OWN) else OneOf()

    def completed(self, split: Split, card: SavedModel) -> Split:
        """Rows without choices get those that never differed in training."""
        fixed, own = card.extra["choices"], card.extra.get(OWN)
        rows = []
        for row, place in zip(split.rows, split.places, strict=True):
            _refuse_choices(row, place, fixed, "the model" if own else "")
            rows.append(row if row["choices"] else {**row, "choices": list(fixed)})
        return replace(split, rows=tuple(rows))

    def answers(self, split: Split, outputs: FloatArray, card: SavedModel) -> list[Answer]:
        """The likeliest choice, its index and probability."""
        found = []
        parts = _own(split, outputs, card) if card.extra.get(OWN) else _scored(split, outputs)
        for row, chances in zip(split.rows, parts, strict=True):
            choices = row["choices"]
            best = int(chances.argmax())
            found.append(
                {
                    "choice": choices[best],
                    "index": best,
                    "score": round(float(chances[best]), 6),
                    "_probabilities": chances,
                }
            )
        return found

    def stats(self, split: Split, answers: Sequence[Answer]) -> dict[str, FloatArray]:
        """ "classes": the right index, then the probability of each choice."""
        most = max((len(a["_probabilities"]) for a in answers), default=0)
        chances = np.zeros((len(answers), most))
        for i, answer in enumerate(answers):
            chances[i, : len(answer["_probabilities"])] = answer["_probabilities"]
        true = np.array([row["answer"] for row in split.rows], np.int64)
        return {"classes": classes.rows(true, chances)}

    def gold(self, split: Split, row: int) -> str:
        """The right choice."""
        return str(split.rows[row]["choices"][split.rows[row]["answer"]])

    def shown(self, answer: Answer) -> str:
        """The choice."""
        return str(answer["choice"])


def _scored(split: Split, outputs: FloatArray) -> list[FloatArray]:
    """The probabilities of each row's choices, out of one output for each choice."""
    ends = np.cumsum([len(row["choices"]) for row in split.rows], dtype=np.int64)
    return np.split(outputs[:, 0], ends[:-1])


def _own(split: Split, outputs: FloatArray, card: SavedModel) -> list[FloatArray]:
    """The same out of (n, labels): those of the choices that a row has, which sum to 1."""
    columns = {label: i for i, label in enumerate(card.labels)}
    chosen = [
        given[[columns[choice] for choice in row["choices"]]]
        for row, given in zip(split.rows, outputs, strict=True)
    ]
    return [part / part.sum() for part in chosen]


def _fixed(train: Split) -> tuple[str, ...]:
    """The choices that all rows have, or () where they differ."""
    first = tuple(train.rows[0]["choices"])
    return first if all(tuple(row["choices"]) == first for row in train.rows) else ()


def _refuse_choices(row: Row, place: str, fixed: Sequence[str], whose: str) -> None:
    """Refuse a row to be answered that lacks choices, or has others than those of `whose`.

    Args:
        fixed: The choices that never differed; () where they did.
        whose: Whose choices these are, where no others can be answered; else "".

    Raises:
        DatasetError: The message names the row's place.
    """
    if not row["choices"] and not fixed:
        raise DatasetError(f"{place}: has no choices; write a list of at least two")
    other = [choice for choice in row["choices"] if whose and choice not in fixed]
    if other:
        raise DatasetError(
            f"{place}: the choice {other[0]!r} is none of {whose}'s, "
            f"{', '.join(map(repr, fixed))}; take it out or leave the choices out"
        )


TASK = MultipleChoice()
