"""Mask a row of any task: every string in it, and the offsets that point into its text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from .edits import Edited, Replacement, edit
from .personal_data import Finding, find_personal_data

Find = Callable[[str], list[Finding]]

TEXTS = ("context", "text", "sentence", "content")  # what offsets of a row point into
SPANS = ("spans", "entities", "ents", "label", "labels")  # may hold [start, end, type]
TOKENS = ("tokens", "words")
_PLACE = ("start", "end", "text", "answer_start")
_LONG_NUMBER = 9  # digits from which a JSON number may be a card or a phone


@dataclass(frozen=True)
class Mark:
    """One masked piece: characters start to end of a field as it was.

    In a list of tokens they count in the tokens joined by single spaces.
    """

    field: str
    start: int
    end: int
    kind: str


@dataclass
class Masker:
    """Masks row after row, and keeps what was done to the one at hand.

    Attributes:
        replacement: What stands for a value.
        find: What is personal data.
        marks: Of the last row.
        widened: Spans so far that began or ended within a masked piece.
        astray: Spans so far whose offsets did not fit their text; only their text is masked.
    """

    replacement: Replacement
    find: Find = find_personal_data
    marks: list[Mark] = field(default_factory=list)
    widened: int = 0
    astray: int = 0

    def row(self, row: dict[str, Any], column: str | None = None) -> dict[str, Any]:
        """Mask a row.

        Args:
            row: JSON values; not modified.
            column: Mask this field alone, and move what points into it; None masks all.
        """
        self.marks = []
        masked: dict[str, Any] = self._object(row, "", None, column)
        return masked

    def text(self, text: str, name: str) -> Edited:
        """Mask one string and note it under this name."""
        found = self.find(text)
        self.marks += [Mark(name, one.start, one.end, one.kind) for one in found]
        return edit(text, found, self.replacement)

    def words(self, text: str, places: Sequence[Sequence[int]], name: str) -> Edited:
        """Mask a text word by word: each keeps a stretch of its own.

        Args:
            text: The text.
            places: Start and end of its words, ascending, without overlap.
            name: Under which it is noted.
        """
        found = self.find(text)
        self.marks += [Mark(name, one.start, one.end, one.kind) for one in found]
        inside = [
            Finding(f.kind, max(f.start, start), min(f.end, end))
            for start, end in places
            for f in found
            if f.start < end and f.end > start
        ]
        return edit(text, inside, self.replacement)

    def moved(self, base: Edited, start: int, end: int) -> tuple[int, int]:
        """Where a span comes to lie; one that cuts a masked piece is counted, and widened."""
        self.widened += base.cuts(start, end)
        return base.moved(start, end)

    def tokens(self, tokens: Sequence[str], name: str) -> list[str]:
        """Mask tokens; there are as many afterwards, so that their tags stay right."""
        starts = [0, *accumulate(len(token) + 1 for token in tokens)]
        places = [(a, a + len(token)) for a, token in zip(starts, tokens, strict=False)]
        edited = self.words(" ".join(tokens), places, name)
        return [edited.new[a:b] for a, b in (edited.moved(*place) for place in places)]

    def _object(
        self, row: dict[str, Any], name: str, base: Edited | None, column: str | None
    ) -> dict[str, Any]:
        key = column or next((k for k in TEXTS if isinstance(row.get(k), str)), None)
        own = None
        if key is not None and isinstance(row.get(key), str):
            own = base = self.text(row[key], _path(name, key))
        masked: dict[str, Any] = {}
        for k, value in row.items():
            if own is not None and k == key:
                masked[k] = own.new
            elif column is not None and isinstance(value, str | int | float):
                masked[k] = value
            else:
                masked[k] = self._value(value, k, _path(name, k), base, whole=column is None)
        return masked

    def _value(self, value: Any, key: str, name: str, base: Edited | None, *, whole: bool) -> Any:
        """Mask any value; where not the `whole` row is asked for, only what points is moved."""
        if isinstance(value, dict):
            pointer = self._pointer(value, base, whole=whole)
            if pointer is not None:
                return pointer
            if whole:
                return self._object(value, name, base, None)
            parts = ((k, self._value(v, k, name, base, whole=False)) for k, v in value.items())
            return dict(parts)
        if isinstance(value, list):
            if base is not None and key in SPANS and _is_triple(value):
                last = self._value(value[2], "", f"{name}[2]", base, whole=whole)
                return [*self.moved(base, value[0], value[1]), last]
            if key in TOKENS and whole and value and all(isinstance(v, str) for v in value):
                return self.tokens(value, name)
            return [
                self._value(v, key, f"{name}[{i}]", base, whole=whole) for i, v in enumerate(value)
            ]
        if not whole:
            return value
        if isinstance(value, str):
            return self.text(value, name).new
        if type(value) is int and len(str(abs(value))) >= _LONG_NUMBER:
            edited = self.text(str(value), name)
            return edited.new if edited.pieces else value
        return value

    def _pointer(
        self, value: dict[str, Any], base: Edited | None, *, whole: bool
    ) -> dict[str, Any] | None:
        """Move what says where in the text it stands; None where a dict says no such thing."""
        moved = None if base is None else self._placed(value, base)
        if moved is None:
            return None
        return {
            k: v if k in _PLACE else self._value(v, k, k, base, whole=whole)
            for k, v in moved.items()
        }

    def _placed(self, value: dict[str, Any], base: Edited) -> dict[str, Any] | None:
        if type(value.get("start")) is int and type(value.get("end")) is int:
            start, end = value["start"], value["end"]
            said = value.get("text")
            if not _fits(base.old, start, end, said):
                self.astray += 1
                return None
            start, end = self.moved(base, start, end)
            text = {} if said is None else {"text": base.new[start:end]}
            return {**value, "start": start, "end": end, **text}
        if "answer_start" in value and "text" in value:
            return self._answers(value, base)
        return None

    def _answers(self, value: dict[str, Any], base: Edited) -> dict[str, Any] | None:
        """Move answers as SQuAD has them: one, or lists of texts and of starts."""
        texts, starts = value["text"], value["answer_start"]
        one = isinstance(texts, str)
        if one:
            texts, starts = [texts], [starts]
        if not (isinstance(texts, list) and isinstance(starts, list) and len(texts) == len(starts)):
            return None
        pairs = list(zip(texts, starts, strict=True))
        if not all(
            isinstance(t, str) and type(s) is int and _fits(base.old, s, s + len(t), t)
            for t, s in pairs
        ):
            self.astray += 1
            return None
        moved = [self.moved(base, s, s + len(t)) for t, s in pairs]
        new = [base.new[a:b] for a, b in moved]
        begins = [a for a, _ in moved]
        if one:
            return {**value, "text": new[0], "answer_start": begins[0]}
        return {**value, "text": new, "answer_start": begins}


def _fits(text: str, start: int, end: int, said: object) -> bool:
    return 0 <= start <= end <= len(text) and said in (None, text[start:end])


def _is_triple(value: list[Any]) -> bool:
    return len(value) == 3 and [type(v) for v in value] == [int, int, str]


def _path(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key
