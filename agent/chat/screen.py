"""What a conversation is shown on, and noted at the same time."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from ..console import RunView
from .conversation import Conversation, Who

MARK = {"tuneos": "green", "llm": "magenta"}


class Screen:
    """A console that keeps what it shows; the run's own thread writes to it, too."""

    def __init__(self, console: Console, conversation: Conversation) -> None:
        self.console = console
        self.conversation = conversation
        self.view = RunView(console)
        self._lock = threading.RLock()

    def say(self, text: str, who: Who = "tuneos") -> str:
        """Say something; give it back."""
        with self._lock:
            for number, line in enumerate(text.split("\n")):
                mark = f"[{MARK[who]}]▌[/{MARK[who]}]" if number == 0 else " "
                hang = len(line) - len(line.lstrip())
                self._hanging(f"{mark} ", escape(line.strip()), hang)
            self.conversation.say(who, text)
        return text

    @contextmanager
    def streaming(self, who: Who = "llm") -> Iterator[Callable[[str], None]]:
        """Show words as they come; what came is noted at the end."""
        pieces: list[str] = []

        wrap = Wrap(self.console.width - 1, indent=2)

        def show(piece: str) -> None:
            if not piece:
                return
            with self._lock:
                mark = "" if pieces else f"[{MARK[who]}]▌[/{MARK[who]}] "
                self.console.print(f"{mark}{escape(wrap(piece))}", end="", soft_wrap=True)
                self.console.file.flush()
            pieces.append(piece)

        try:
            yield show
        finally:
            if pieces:
                self.console.print()
                self.conversation.say(who, "".join(pieces))

    def warn(self, text: str) -> str:
        """Say that something cannot be."""
        with self._lock:
            self._hanging("[red]▌[/red] ", escape(text), 0)
            self.conversation.say("tuneos", text)
        return text

    def note(self, text: str) -> None:
        """Say something by the way; it isn't kept."""
        with self._lock:
            self.console.print(Padding(f"[dim]{escape(text)}[/dim]", (0, 0, 0, 2), expand=False))

    def show(self, draw: Callable[[Console], None]) -> str:
        """Show something drawn; give back its words."""
        plain = Console(file=io.StringIO(), width=100, highlight=False, color_system=None)
        draw(plain)
        text = str(plain.file.getvalue()).rstrip()  # type: ignore[attr-defined]
        with self._lock:
            draw(self.console)
            self.conversation.say("tuneos", text)
        return text

    def event(self, event: dict[str, Any]) -> None:
        """Show what the run does; it isn't noted here, the run's record has it."""
        with self._lock:
            self.view(event)

    def begin(self, done: int) -> None:
        """A run begins, or goes on after `done` steps."""
        self.view = RunView(self.console, done=done)

    def _hanging(self, mark: str, markup: str, indent: int) -> None:
        from rich.table import Table

        grid = Table.grid(padding=0)
        grid.add_column(width=2, no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(mark, Padding(markup, (0, 0, 0, indent)))
        self.console.print(grid)


class Wrap:
    """Breaks words that come in pieces into lines, without waiting for the rest.

    Args:
        width: Columns.
        indent: Of every line; the first stands there already.
    """

    def __init__(self, width: int, indent: int) -> None:
        self.width, self.indent, self.column = width, indent, indent

    def __call__(self, piece: str) -> str:
        """The piece with the line breaks that it needs."""
        out: list[str] = []
        for part in re.findall(r"\n|[^\S\n]+|\S+", piece):
            if part == "\n" or (self.column + cell_len(part) > self.width and not part.isspace()):
                out.append("\n" + " " * self.indent)
                self.column = self.indent
            if part != "\n" and not (part.isspace() and self.column == self.indent):
                out.append(part)
                self.column += cell_len(part)
        return "".join(out)
