"""What a generative model is given, and what it should say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Message:
    """One turn of a chat: "system", "user" or "assistant", and the words."""

    role: str
    content: str


@dataclass(frozen=True)
class Prompted:
    """One row: a prompt or a chat, and the text that should follow.

    Attributes:
        prompt: What is asked, where it is one text. A causal LM with a chat template gets
            it as the user's turn.
        messages: What was said before, where it is a chat; then `prompt` is "".
        target: The answer to learn: the assistant's next turn. "" where it is not known.
        every_turn: Learn the assistant's earlier turns in `messages` as well. An
            encoder-decoder, which writes one text, learns the target alone.
        continued: The target goes on where the prompt ends, as code goes on after its
            first lines: no template, nothing between them.
        keep: Which end of a prompt stays where it is too long: "end" for a chat or an
            instruction, "start" for a document.
        bare: What an encoder-decoder reads instead of the prompt, where it needs no instruction: it
            does one thing only; "" for the prompt itself.
    """

    prompt: str = ""
    target: str = ""
    messages: tuple[Message, ...] = ()
    every_turn: bool = False
    continued: bool = False
    keep: Literal["start", "end"] = "end"
    bare: str = ""


def as_messages(rows: Sequence[dict[str, Any]]) -> tuple[Message, ...]:
    """Turns out of a row's `messages`: [{"role": …, "content": …}, …]."""
    return tuple(Message(str(row["role"]), str(row["content"])) for row in rows)
