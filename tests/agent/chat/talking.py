"""A conversation for tests: what is typed goes in, what is shown comes out."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from tuneos.agent.chat.conversation import Conversation, opened
from tuneos.agent.chat.dialogue import Dialogue
from tuneos.agent.chat.llm import Talker
from tuneos.agent.chat.screen import Screen

PATIENCE = 120.0


class Talk:
    """A dialogue on a screen of text."""

    def __init__(
        self, conversation: Conversation, extra: dict[str, Any], talker: Talker | None
    ) -> None:
        self.paper = io.StringIO()
        console = Console(file=self.paper, width=100, highlight=False)
        self.dialogue = Dialogue(conversation, Screen(console, conversation), extra, talker)

    def say(self, *messages: str, wait: bool = True) -> str:
        """Say things, each when the run has ended or asks; what was shown, on one line."""
        start = self.paper.tell()
        for message in messages:
            self.dialogue.hear(message)
            if wait and self.dialogue.going:
                assert self.dialogue.changed.wait(PATIENCE), "the run should have ended"
        return self.shown(start)

    def shown(self, start: int = 0) -> str:
        """What was shown, without its line breaks."""
        return " ".join(self.paper.getvalue()[start:].split())


@contextmanager
def talking(
    workspace: Path, name: str, *, talker: Talker | None = None, **extra: Any
) -> Iterator[Talk]:
    """Open a conversation and leave it at the end."""
    with opened(workspace, name) as conversation:
        talk = Talk(conversation, {"workspace": str(workspace), **extra}, talker)
        talk.dialogue.greet()
        yield talk
        talk.dialogue.leave()
