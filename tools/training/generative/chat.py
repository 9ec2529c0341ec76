"""A chat as a model's own template writes it, in pieces: what is given, what is learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import BaseModelError
from .prompted import Message

_NAMES = {"system": "Instructions", "user": "User", "assistant": "Assistant"}


@dataclass(frozen=True)
class Piece:
    """A stretch of text: `learned` where the model says it, `last` for the target itself."""

    text: str
    learned: bool = False
    last: bool = False


def pieces(
    tokenizer: Any, messages: Sequence[Message], target: str | None, *, every_turn: bool
) -> list[Piece]:
    """Write a chat out.

    The text before the target is exactly what the template gives as the prompt of a new
    answer, so that training and answering read the same.

    Args:
        tokenizer: Of the model; without a chat template a plain one is used.
        messages: What was said before.
        target: The answer, or None to ask for one.
        every_turn: Mark the assistant's earlier turns as learned, where the template
            writes them as it writes an answer.

    Raises:
        BaseModelError: The template refuses the chat in every form.
    """
    messages = _fitting(tokenizer, messages)
    given = _written(tokenizer, messages, ask=True)
    made: list[Piece] = []
    at = 0
    for turn, message in enumerate(messages):
        if not every_turn or message.role != "assistant":
            continue
        before = _written(tokenizer, messages[:turn], ask=True)
        after = _written(tokenizer, messages[: turn + 1], ask=False)
        # A template may leave out or change earlier turns; those are not learned.
        if given.startswith(after) and after.startswith(before) and len(before) >= at:
            made += [Piece(given[at : len(before)]), Piece(after[len(before) :], True)]
            at = len(after)
    made.append(Piece(given[at:]))
    if target is not None:
        whole = _written(tokenizer, [*messages, Message("assistant", target)], ask=False)
        # Some templates open the answer's turn with more than they close it on.
        answer = whole[len(given) :] if whole.startswith(given) else target
        made.append(Piece(answer, True, True))
    return made


def _fitting(tokenizer: Any, messages: Sequence[Message]) -> list[Message]:
    """The messages as the template takes them: as they are, or in strict turns."""
    for form in (list(messages), _in_turn(messages), _in_turn(_without_system(messages))):
        try:
            _written(tokenizer, form, ask=True)
        except Exception as error:  # whatever a template raises, in its own words
            refusal = error
        else:
            return form
    first = (str(refusal).strip() or type(refusal).__name__).splitlines()[0]
    raise BaseModelError(f"the base model's chat template refuses a chat: {first}") from refusal


def _in_turn(messages: Sequence[Message]) -> list[Message]:
    """Neighbours of one role joined."""
    made: list[Message] = []
    for message in messages:
        if made and made[-1].role == message.role:
            made[-1] = Message(message.role, f"{made[-1].content}\n\n{message.content}")
        else:
            made.append(message)
    return made


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """Instructions become the user's words."""
    return [Message("user" if m.role == "system" else m.role, m.content) for m in messages]


def plain_chat(messages: Sequence[Message], *, ask: bool) -> str:
    """A chat as plain text; with `ask`, up to where the answer begins."""
    said = "".join(f"{_NAMES.get(m.role, m.role)}: {m.content}\n" for m in messages)
    return said + f"{_NAMES['assistant']}:" if ask else said


def _written(tokenizer: Any, messages: Sequence[Message], *, ask: bool) -> str:
    if not tokenizer.chat_template:
        return plain_chat(messages, ask=ask)
    return str(
        tokenizer.apply_chat_template(
            [{"role": m.role, "content": m.content} for m in messages],
            tokenize=False,
            add_generation_prompt=ask,
        )
    )
