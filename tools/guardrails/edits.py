"""A text with stretches replaced, and where every position of the old one lies in the new."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .personal_data import Finding

Replacement = Callable[[str, str], str]  # kind and value to what stands in its place


@dataclass(frozen=True)
class Piece:
    """old[start:end] became new[new_start:new_end]."""

    start: int
    end: int
    new_start: int
    new_end: int


@dataclass(frozen=True)
class Edited:
    """A text before and after.

    Attributes:
        old, new: The text.
        pieces: What was replaced, in order, without overlap.
    """

    old: str
    new: str
    pieces: tuple[Piece, ...]

    @property
    def inverse(self) -> Edited:
        """The way back."""
        back = (Piece(p.new_start, p.new_end, p.start, p.end) for p in self.pieces)
        return Edited(self.new, self.old, tuple(back))

    def moved(self, start: int, end: int) -> tuple[int, int]:
        """Give the place of old[start:end] in the new text.

        A span that begins or ends within a replaced stretch is widened to all of it.
        """
        first, last = self._place(start, after=False), self._place(end, after=True)
        return first, max(first, last)

    def cuts(self, start: int, end: int) -> bool:
        """Whether a span begins or ends within a replaced stretch."""
        return any(p.start < at < p.end for p in self.pieces for at in (start, end))

    def _place(self, at: int, *, after: bool) -> int:
        shift = 0
        for piece in self.pieces:
            if at <= piece.start:
                break
            if at < piece.end:
                return piece.new_end if after else piece.new_start
            shift = piece.new_end - piece.end
        return at + shift


def edit(text: str, findings: Sequence[Finding], replacement: Replacement) -> Edited:
    """Replace findings, which are in order and do not overlap."""
    parts: list[str] = []
    pieces: list[Piece] = []
    done = length = 0
    for found in findings:
        kept, put = text[done : found.start], replacement(found.kind, text[found.start : found.end])
        length += len(kept)
        pieces.append(Piece(found.start, found.end, length, length + len(put)))
        parts += [kept, put]
        length += len(put)
        done = found.end
    return Edited(text, "".join([*parts, text[done:]]), tuple(pieces))
