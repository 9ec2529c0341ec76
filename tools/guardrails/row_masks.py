"""Mask the rows of any task, texts, gold and offsets together, and lead answers back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..datasets.types import Split
from .masked_rows import Find, Mark, Masker

if TYPE_CHECKING:
    from ..tasks.hiding import Hidden
    from ..tasks.task import Answer, Task
    from .personal_data import Finding

Progress = Callable[[int, int], None]
Ahead = Callable[[Sequence[str], Progress | None], Find]  # finds in many texts at once
_ROWS_A_REPORT = 64


@dataclass(frozen=True)
class MaskedSplit:
    """Rows after masking.

    Attributes:
        split: Rows that hold no value any more that was found.
        marks: What was masked in each row.
        hidden: Each row as its task masked it.
    """

    split: Split
    marks: tuple[tuple[Mark, ...], ...]
    hidden: tuple[Hidden, ...]

    @property
    def touched(self) -> tuple[int, ...]:
        """Positions of the rows in which something was masked."""
        return tuple(row for row, marks in enumerate(self.marks) if marks)

    def without(self) -> Split:
        """The rows in which nothing was found."""
        return self.split.take([row for row, marks in enumerate(self.marks) if not marks])

    def led_back(self, task: Task, before: Split, answers: Sequence[Answer]) -> list[Answer]:
        """Answers to the masked rows, their offsets and texts those of the rows `before`."""
        rows = before.rows or ({},) * len(before)
        return [
            task.led_back(answer, own, hidden) if marks else answer
            for answer, own, hidden, marks in zip(
                answers, rows, self.hidden, self.marks, strict=True
            )
        ]


def mask_rows(
    task: Task,
    split: Split,
    masker: Masker,
    *,
    ahead: Ahead | None = None,
    progress: Progress | None = None,
) -> MaskedSplit:
    """Mask every row.

    Args:
        task: Knows what of a row is text, and what points into it.
        split: Not modified.
        masker: Says what stands for a value.
        ahead: Finds in all texts before the first is masked, where a model does so faster.
        progress: Called with (done, all).
    """
    if ahead is not None:
        masker = replace(masker, find=ahead(_texts(task, split, masker), progress))
        progress = None
    marks: list[tuple[Mark, ...]] = []
    hidden: list[Hidden] = []
    for row in range(len(split)):
        masker.marks = []
        hidden.append(task.hide(split, row, masker))
        marks.append(tuple(masker.marks))
        if progress and row % _ROWS_A_REPORT == _ROWS_A_REPORT - 1:
            progress(row + 1, len(split))
    if progress:
        progress(len(split), len(split))
    new = replace(
        split,
        texts=tuple(one.text for one in hidden),
        labels=tuple(
            task.label_of(label, one.row) for label, one in zip(split.labels, hidden, strict=True)
        ),
        rows=tuple(one.row for one in hidden) if split.rows else (),
    )
    return MaskedSplit(new, tuple(marks), tuple(hidden))


def _texts(task: Task, split: Split, masker: Masker) -> list[str]:
    """Every text that masking these rows looks into, once each."""
    asked: dict[str, None] = {}

    def note(text: str) -> list[Finding]:
        asked[text] = None
        return []

    listener = replace(masker, find=note, marks=[])
    for row in range(len(split)):
        task.hide(split, row, listener)
    return list(asked)
