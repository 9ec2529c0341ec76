"""How a detector of odd inputs sees a model, whatever its task: what its answers are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ...evals.metrics import FloatArray
from ..datasets.types import Split

if TYPE_CHECKING:
    from ..tasks.task import Progress

# How logits become an answer: one of the labels, any of them, one of the row's own choices, or
# they are no chances at all but a number.
Link = Literal["softmax", "sigmoid", "choices", "number"]
Marks = NDArray[np.bool_]  # (n, C): some of the C outputs of each of n rows


@dataclass(frozen=True)
class States:
    """What the answers to n rows are made of.

    Attributes:
        logits: (n, C), before any temperature; -inf where a row has fewer choices; C is 0
            where the answer is a number.
        features: (n, width), what the head looks at; width 0 where that is words.
    """

    logits: FloatArray
    features: NDArray[np.float32]


@dataclass(frozen=True)
class Seen(States):
    """The same of rows with their gold.

    Attributes:
        true: (n, C), which outputs are right.
    """

    true: Marks


@dataclass(frozen=True)
class Sight:
    """A loaded model of a task, as a detector looks at it.

    Attributes:
        link: How its logits become answers.
        novel: Whether an input of a class that was never shown is odd: not where rows may have
            no label, nor where one of them stands for all others.
        look: Rows, gold or not, to what their answers are made of.
        true: Rows with their gold to which outputs are right.
        given: The same rows and their logits to which outputs the answers hold, as measured
            without flattery.
    """

    link: Link
    novel: bool
    look: Callable[[Split, Progress | None], States]
    true: Callable[[Split], Marks]
    given: Callable[[Split, FloatArray], Marks]

    def seen(self, split: Split, progress: Progress | None = None) -> Seen:
        """Look at rows that have their gold."""
        found = self.look(split, progress)
        return Seen(found.logits, found.features, self.true(split))


def marked(columns: Sequence[int] | NDArray[np.int64], width: int) -> Marks:
    """Mark one output in each row: (n,) positions, -1 for none -> (n, width)."""
    return np.asarray(np.asarray(columns, np.int64)[:, None] == np.arange(width)[None])


def likeliest(logits: FloatArray) -> Marks:
    """Mark the highest output of each row."""
    if not logits.shape[1]:
        return np.zeros(logits.shape, bool)
    return marked(logits.argmax(axis=1), logits.shape[1])
