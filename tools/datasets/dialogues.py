"""Chats as files have them: `messages` of role and content, or `turns` of role and text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import DatasetError
from .tables import Table, as_text
from .types import Row

ROLES = ("system", "user", "assistant")
COLUMNS = ("messages", "turns")
_TEXTS = ("content", "text")
_LIKE = 'such as [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]'


@dataclass(frozen=True)
class Turn:
    """One turn: who says what; of a user's turn perhaps what is meant by it.

    Attributes:
        role: One of ROLES.
        content: The words.
        intent: What the user wants, as annotated; None where it isn't.
        slots: What was said of it so far, as annotated.
    """

    role: str
    content: str
    intent: str | None = None
    slots: tuple[tuple[str, str], ...] = ()

    @property
    def message(self) -> Row:
        """As a chat has it."""
        return {"role": self.role, "content": self.content}


def chat_column(table: Table) -> str | None:
    """The column that holds chats."""
    by_name = {column.strip().lower(): column for column in table.columns}
    return next((by_name[name] for name in COLUMNS if name in by_name), None)


def read_turns(cell: object, place: str) -> list[Turn]:
    """Read one chat.

    Raises:
        DatasetError: It isn't one; the message names the turn.
    """
    if isinstance(cell, str) and cell.lstrip()[:1] == "[":  # a list in a CSV cell
        try:
            cell = json.loads(cell)
        except ValueError:
            cell = None
    if not isinstance(cell, list | tuple) or not cell:
        raise DatasetError(f"{place}: a chat must be a list of turns, {_LIKE}")
    return [_turn(item, f"{place}, turn {number}") for number, item in enumerate(cell, 1)]


def replies(turns: list[Turn], place: str) -> Iterator[tuple[list[Turn], Turn]]:
    """Every assistant's turn that answers something, with the turns before it.

    Raises:
        DatasetError: There is none.
    """
    found = [
        (turns[:i], turn) for i, turn in enumerate(turns) if turn.role == "assistant" and i > 0
    ]
    if not found:
        has = "its only one opens the chat" if turns[0].role == "assistant" else "it has none"
        raise DatasetError(
            f"{place}: the chat needs an assistant's turn that answers something ({has}); "
            "add one, or delete the row"
        )
    yield from found


def dialogue_key(turns: list[Turn]) -> str:
    """A short hash of a whole chat: what keeps its turns together where splits are made."""
    said = json.dumps([[turn.role, turn.content] for turn in turns], ensure_ascii=False)
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:16]


def as_one_text(messages: list[Row]) -> str:
    """A chat as one text, a turn a line."""
    return "\n".join(f"{message['role']}: {message['content']}" for message in messages)


def _turn(item: object, place: str) -> Turn:
    if not isinstance(item, dict):
        raise DatasetError(f"{place} is no object with role and content; a chat is a list, {_LIKE}")
    role = item.get("role")
    if role is None or role == "":
        raise DatasetError(f"{place} has no role; say {' or '.join(map(repr, ROLES))}")
    known = role.strip().lower() if isinstance(role, str) else ""
    if known not in ROLES:
        raise DatasetError(f"{place} has the role {role!r}; known roles: {', '.join(ROLES)}")
    content = _content(item, place)
    if content is None:
        raise DatasetError(f"{place} ({known}) is empty; write what was said, or delete the turn")
    intent = as_text(item.get("intent")) if known == "user" else None
    return Turn(known, content, intent, _slots(item.get("slots"), place) if intent else ())


def _content(item: dict[str, object], place: str) -> str | None:
    value = next((item[name] for name in _TEXTS if item.get(name) is not None), None)
    if isinstance(value, list):  # content in parts
        if any(not isinstance(part, dict) or "text" not in part for part in value):
            raise DatasetError(f"{place} holds parts other than text, which cannot be learned")
        value = "".join(str(part["text"]) for part in value)
    if value is not None and not isinstance(value, str):
        raise DatasetError(f"{place}: its content must be a text")
    return as_text(value)


def _slots(value: object, place: str) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise DatasetError(f'{place}: slots must be an object, such as {{"city": "Campbell"}}')
    found = []
    for name, said in sorted(value.items()):
        first = said[0] if isinstance(said, list | tuple) and said else said
        text = as_text(first)
        if text is not None:
            found.append((str(name), text))
    return tuple(found)
