"""What the other layers see of a dataset: rows by split, and where each came from."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

SPLIT_NAMES = ("train", "validation", "test")

Row = dict[str, Any]  # JSON values


@dataclass(frozen=True)
class Split:
    """Rows of one split, column by column; all columns have equal length.

    Attributes:
        texts: What an answer depends on, as one text.
        labels: The class names as strings, as the file has them (edge spaces removed);
            in other tasks a short string that rows are balanced by, or "".
        ids: The file's own `id`, or None where it has none.
        places: Where each row stands, as "train.csv row 17", for messages.
        rows: The task's own fields of each row; empty where text and label say it all.
        slices: What each row says in the columns that slices are made by; empty without such.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    ids: tuple[str | None, ...]
    places: tuple[str, ...]
    rows: tuple[Row, ...] = ()
    slices: tuple[dict[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int]) -> Split:
        """Return the rows at these positions, in this order."""
        return Split(
            tuple(self.texts[i] for i in rows),
            tuple(self.labels[i] for i in rows),
            tuple(self.ids[i] for i in rows),
            tuple(self.places[i] for i in rows),
            tuple(self.rows[i] for i in rows) if self.rows else (),
            tuple(self.slices[i] for i in rows) if self.slices else (),
        )


def joined(splits: Sequence[Split]) -> Split:
    """The rows of splits that have the same columns, one split after the other."""
    return Split(
        tuple(text for split in splits for text in split.texts),
        tuple(label for split in splits for label in split.labels),
        tuple(known for split in splits for known in split.ids),
        tuple(place for split in splits for place in split.places),
        tuple(row for split in splits for row in split.rows),
        tuple(said for split in splits for said in split.slices),
    )


@dataclass(frozen=True)
class Oddity:
    """Something unusual that reading met and handled, for the person to know.

    Attributes:
        kind: "encoding", "blank_text" or another short name.
        place: "train.csv row 17".
        detail: What was seen and what was done, one line.
    """

    kind: str
    place: str
    detail: str


@dataclass(frozen=True)
class RawData:
    """A dataset as read, before missing splits are made.

    Attributes:
        source: The file or folder as the user named it.
        task: A name in `tools.tasks.TASKS`.
        guesses: What was inferred rather than said, one line each, to be shown.
        splits: At least "train"; keys from SPLIT_NAMES.
        oddities: What was unusual and how it was handled.
        text_column, label_column: The columns used, where one holds the text or label.
    """

    source: str
    task: str
    guesses: tuple[str, ...]
    splits: dict[str, Split]
    oddities: tuple[Oddity, ...]
    text_column: str = ""
    label_column: str = ""


def row_key(split: Split, row: int) -> str:
    """Hash what makes a row a copy of another: its text, and its task's own fields."""
    if not split.rows:
        return text_key(split.texts[row])
    own = json.dumps(split.rows[row], sort_keys=True, ensure_ascii=False)
    return text_key(f"{split.texts[row]}\n{own}")


def text_key(text: str) -> str:
    """Hash a text so that copies agree: case and white space do not count."""
    return hashlib.sha256(" ".join(text.lower().split()).encode()).hexdigest()[:32]


def copy_keys(text: str) -> tuple[str, str]:
    """Both hashes by which a copy is known: `text_key`, and one that no spacing escapes.

    The second folds compatible characters (full width, ligatures) and leaves out white space
    and the invisible.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    plain = "".join(
        c for c in folded if not c.isspace() and unicodedata.category(c) not in {"Cf", "Cc"}
    )
    return text_key(text), hashlib.sha256(f"near {plain}".encode()).hexdigest()[:32]


def is_copy(text: str, held_out: Collection[str]) -> bool:
    """Whether a text is, but for case, spacing and look-alikes, one of those held out.

    Args:
        held_out: `copy_keys` of these.
    """
    return any(key in held_out for key in copy_keys(text))
