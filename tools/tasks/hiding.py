"""A row with what must not be learned taken out of its texts, and of what repeats them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..datasets.types import Row

if TYPE_CHECKING:
    from ..guardrails.edits import Edited
    from ..guardrails.masked_rows import Masker

_LEAST = 3  # characters of a value that is looked for in other fields
_NAMES = {"role"}  # keys whose values say what a turn is


@dataclass(frozen=True)
class Hidden:
    """A row after masking.

    Attributes:
        text: What an answer depends on, as `Split.texts` has it.
        row: The task's own fields.
        edited: The text that answers point into, before and after; None where none do.
    """

    text: str
    row: Row
    edited: Edited | None = None


def hidden_fields(
    text: str, row: Row, masker: Masker, fields: Sequence[str], follows: Sequence[str]
) -> Hidden:
    """Mask fields, and what the row's text and other fields repeat of them.

    Args:
        text: Made of the fields, or a text of its own where there are none.
        row: Not modified.
        masker: Notes what it masks under the field's name.
        fields: To be masked: strings, and lists and objects of them.
        follows: In which values are replaced that were masked in `fields`.
    """
    edits: list[Edited] = []

    def hide(value: Any, name: str) -> Any:
        if isinstance(value, str):
            edits.append(masker.text(value, name))
            return edits[-1].new
        if isinstance(value, list):
            return [hide(v, f"{name}[{i}]") for i, v in enumerate(value)]
        if isinstance(value, dict):
            return {k: v if k in _NAMES else hide(v, f"{name}.{k}") for k, v in value.items()}
        return value

    new = {name: hide(value, name) if name in fields else value for name, value in row.items()}
    values = {
        e.old[p.start : p.end]: e.new[p.new_start : p.new_end] for e in edits for p in e.pieces
    }
    new |= {name: _followed(new[name], values) for name in follows if name in new}
    if not any(e.old and e.old in text for e in edits):
        return Hidden(masker.text(text, "text").new, new)
    for edited in sorted((e for e in edits if e.pieces), key=lambda e: -len(e.old)):
        text = text.replace(edited.old, edited.new)
    return Hidden(text, new)


def _followed(value: Any, values: dict[str, str]) -> Any:
    """Replace masked values wherever a text repeats them."""
    if isinstance(value, str):
        for old, put in values.items():
            if len(old) >= _LEAST:
                value = value.replace(old, put)
        return value
    if isinstance(value, list):
        return [_followed(v, values) for v in value]
    if isinstance(value, dict):
        return {k: _followed(v, values) for k, v in value.items()}
    return value
