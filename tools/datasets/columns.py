"""Which column holds the text, which the label: said, or inferred and told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import DatasetError
from .tables import Table, as_text

TEXT_NAMES = frozenset(
    {"text", "sentence", "utterance", "content", "body", "message", "review", "question"}
    | {"query", "comment", "tweet", "post", "description", "document", "article", "abstract"}
    | {"title", "headline", "subject", "input", "prompt"}
)
LABEL_NAMES = frozenset(
    {"label", "intent", "category", "class", "sentiment", "topic", "target", "tag", "gold"}
    | {"emotion", "rating", "labels"}
)
_SAMPLE = 2000  # rows looked at for lengths; distinct values are counted over all
_DOMINANCE = 3.0  # how many times longer the longest text must be to need no asking
_LONGEST_LABEL = 60  # characters, on average
_ROWS_A_LABEL = 3  # at least, for a column that only its content speaks for
_MOST_NUMBERS = 20  # different numbers, in such a column: a scale has few, a key has many


@dataclass(frozen=True)
class Asked:
    """Column names given by the person; None where they are to be inferred."""

    text: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class Columns:
    """The columns to use; `id` is None where there is none. `guesses` are for showing."""

    text: str
    label: str
    id: str | None
    guesses: tuple[str, ...]


@dataclass(frozen=True)
class _Column:
    """What a column's content looks like."""

    name: str
    filled: int
    distinct: int
    characters: float  # mean
    words: float  # mean
    letters: float  # share of the characters
    lists: bool
    strings: bool
    ascii: bool  # mostly

    @property
    def key(self) -> str:
        return self.name.strip().lower()

    @property
    def free_text(self) -> bool:
        """Mostly different values of several words (or, without spaces, several characters)."""
        wordy = self.words >= 2 or (self.characters >= 8 and not self.ascii)
        varied = self.distinct >= 0.5 * self.filled
        return self.strings and varied and wordy and self.characters >= 8 and self.letters >= 0.5

    @property
    def few_values(self) -> bool:
        """Few short values that come back."""
        if self.lists or self.distinct < 2 or self.characters > _LONGEST_LABEL:
            return False
        if self.letters == 0 and self.distinct > _MOST_NUMBERS:
            return False
        return self.distinct * _ROWS_A_LABEL <= self.filled


def choose_columns(table: Table, *, text: str | None, label: str | None) -> Columns:
    """Choose the text and the label column; what is given is only checked.

    Conventional names come first (text, utterance, …; label, intent, …), then content:
    long and mostly different strings for the text, few values that recur for the label.

    Args:
        table: The train split.
        text, label: Column names given by the person, None to infer.

    Raises:
        DatasetError: A given column is not there, or the choice is not clear; the message
            lists the columns.
    """
    for option, given in (("--text", text), ("--label", label)):
        if given is not None and given not in table.cells:
            raise DatasetError(f"{table.name} has no column {given!r} ({option}); {_has(table)}")
    if text is not None and text == label:
        raise DatasetError(f"--text and --label both name {text!r}; {_has(table)}")
    columns = [_look(table, name) for name in table.columns]
    guesses = []
    if text is None:
        text, why = _infer_text([c for c in columns if c.name != label], columns, table)
        guesses.append(f"text column {text!r}: {why}")
    if label is None:
        label, why = _infer_label([c for c in columns if c.name != text], table)
        guesses.append(f"label column {label!r}: {why}")
    identifier = next(
        (c for c in table.columns if c.lower() == "id" and c not in (text, label)), None
    )
    return Columns(text, label, identifier, ("; ".join(guesses),) if guesses else ())


def require_columns(table: Table, columns: Columns) -> None:
    """Check that another split has the columns chosen on train.

    Raises:
        DatasetError: One is missing; the message lists the columns there are.
    """
    for name in (columns.text, columns.label):
        if name not in table.cells:
            raise DatasetError(
                f"{table.name} has no column {name!r}, which the train split uses; {_has(table)}; "
                "name the columns alike in all splits"
            )


def multi_label_error(where: str, column: str) -> DatasetError:
    """Say that a row has several labels where one is expected."""
    return DatasetError(
        f"{where}: column {column!r} holds several labels a row; keep one label a row, name "
        "another column with --label COLUMN, or use --task multi-label-classification"
    )


def _infer_text(
    candidates: Sequence[_Column], columns: Sequence[_Column], table: Table
) -> tuple[str, str]:
    usable = [c for c in candidates if not c.lists and c.filled]
    for column in usable:
        if column.key == "text":
            return column.name, "by its name"
    named = [c for c in usable if c.key in TEXT_NAMES and c.strings and c.key not in LABEL_NAMES]
    named = [c for c in named if c.free_text] or named
    if not named:
        named = [c for c in usable if c.free_text and _tokens(c.name) & TEXT_NAMES]
    if named and (found := _longest(named)):
        return found.name, "by its name"
    free = [c for c in usable if c.free_text and c.key not in LABEL_NAMES]
    if not named and (found := _longest(free)):
        return found.name, "the longest free text"
    several = [c.name for c in named or free]
    why = f"{_either(several)} may be the text" if several else "no column looks like the text"
    raise DatasetError(f"{table.name}: {why}; {_ask(table)}")


def _infer_label(candidates: Sequence[_Column], table: Table) -> tuple[str, str]:
    single = [c for c in candidates if not c.lists and c.filled and c.key != "id"]
    found = [c for c in single if c.key == "label"]
    for names_of in (lambda c: {c.key}, lambda c: _tokens(c.name)):
        if not found:
            found = [c for c in single if names_of(c) & LABEL_NAMES and not c.free_text]
            # A constant beside a column that varies cannot be what is meant.
            found = [c for c in found if c.distinct > 1] or found
    if not found:
        lists = [c for c in candidates if c.lists and (c.key in LABEL_NAMES or plural(c.key))]
        if lists:
            raise multi_label_error(_first_list(table, lists[0].name), lists[0].name)
        found = [c for c in single if c.few_values]
    if len(found) == 1:
        return found[0].name, f"{found[0].distinct} distinct values"
    several = [c.name for c in found]
    why = f"{_either(several)} may be the label" if several else "no column looks like the label"
    raise DatasetError(f"{table.name}: {why}; {_ask(table)}")


def _first_list(table: Table, column: str) -> str:
    """Return the place of the column's first list."""
    cells = zip(table.cells[column], table.places, strict=True)
    return next(place for cell, place in cells if isinstance(cell, list | tuple | dict))


def _longest(columns: Sequence[_Column]) -> _Column | None:
    """Return the column whose texts are much longer than all others', if there is one."""
    ranked = sorted(columns, key=lambda c: c.characters, reverse=True)
    if not ranked:
        return None
    if len(ranked) > 1 and ranked[0].characters < _DOMINANCE * ranked[1].characters:
        return None
    return ranked[0]


def _look(table: Table, name: str) -> _Column:
    values = table.cells[name]
    filled = [value for value in values if as_text(value) is not None]
    sample = filled[:: max(1, len(filled) // _SAMPLE)]
    texts = [str(value) for value in sample]
    count = max(len(texts), 1)
    characters = sum(map(len, texts))
    return _Column(
        name=name,
        filled=len(filled),
        distinct=len({str(value).strip() for value in filled}),
        characters=characters / count,
        words=sum(len(text.split()) for text in texts) / count,
        letters=sum(c.isalpha() or c.isspace() for t in texts for c in t) / max(characters, 1),
        lists=any(isinstance(value, list | tuple | dict) for value in sample),
        strings=all(isinstance(value, str) for value in sample),
        ascii=sum(text.isascii() for text in texts) > 0.5 * count,
    )


def _tokens(name: str) -> set[str]:
    """Split "ticketText" or "ticket_text" into lower-case words."""
    parts = re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", name)
    return {part.lower() for part in parts if part}


def plural(key: str) -> bool:
    return key.endswith("s") and (
        key[:-1] in LABEL_NAMES - {"tag"} or key in ("classes", "categories")
    )


def _either(names: Sequence[str]) -> str:
    return " or ".join(repr(name) for name in names)


def _has(table: Table) -> str:
    return f"the columns are: {', '.join(table.columns)}"


def _ask(table: Table) -> str:
    return f"{_has(table)}; say which with --text COLUMN --label COLUMN"
