"""What of a row may be changed without its gold becoming wrong, and where a change moves things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Stretch = tuple[int, int]  # characters, the end not included


@dataclass(frozen=True)
class Piece:
    """A text of a row in which words may be changed.

    Attributes:
        text: As the row has it.
        held: Stretches that stay letter for letter, such as entities; they may move.
        whole: The text may be said in other words altogether.
    """

    text: str
    held: tuple[Stretch, ...] = ()
    whole: bool = True

    def free(self, start: int, end: int) -> bool:
        """Whether nothing that is held lies in a stretch."""
        return all(end <= first or start >= last for first, last in self.held)


@dataclass(frozen=True)
class Edit:
    """Characters start:end of a text become `new`."""

    start: int
    end: int
    new: str


@dataclass(frozen=True)
class Changed:
    """A text and its edits, ascending and apart from each other."""

    before: str
    edits: tuple[Edit, ...] = ()

    @classmethod
    def altogether(cls, before: str, after: str) -> Changed:
        """Another text in the place of this one."""
        return cls(before, (Edit(0, len(before), after),) if after != before else ())

    @property
    def text(self) -> str:
        """The text with its edits made."""
        parts, end = [], 0
        for edit in self.edits:
            parts += [self.before[end : edit.start], edit.new]
            end = edit.end
        return "".join([*parts, self.before[end:]])

    def moved(self, start: int, end: int) -> Stretch | None:
        """Where a stretch comes to lie; None where an edit crosses one of its ends."""
        first, last = self._place(start), self._place(end)
        return None if first is None or last is None else (first, last)

    def _place(self, at: int) -> int | None:
        if any(edit.start < at < edit.end for edit in self.edits):
            return None
        return at + sum(len(e.new) - (e.end - e.start) for e in self.edits if e.end <= at)


def moved_all(changed: Changed, stretches: Sequence[Stretch]) -> list[Stretch] | None:
    """Where several stretches come to lie; None where one of them is crossed."""
    found = [changed.moved(start, end) for start, end in stretches]
    return None if any(f is None for f in found) else [f for f in found if f is not None]
