"""What a conversation has in hand: the run that goes on, and what waits for the person's yes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...evals.result import RunResult
from ...evals.targets import TargetError
from ...graphs.approval import Question
from ...memory.errors import StoreError
from ...tools.errors import UserError
from ..approval import HOW
from ..runs import Run, find_run
from . import answers
from .conversation import Conversation
from .driver import Driver, End, Watcher
from .screen import Screen

MISTAKES = (UserError, TargetError, StoreError)


@dataclass(frozen=True)
class Pending:
    """What waits for the person's yes."""

    words: str
    do: Callable[[], None]


class Ongoing:
    """A conversation, the run that it is about, and a proposal that waits.

    Args:
        extra: What the command line said of runs: workspace, llm, policy, approve.
    """

    def __init__(self, conversation: Conversation, screen: Screen, extra: dict[str, Any]) -> None:
        self.conversation, self.screen, self.extra = conversation, screen, extra
        self.workspace = Path(extra["workspace"])
        self.driver: Driver | None = None
        self.pending: Pending | None = None
        self.wants_new = False
        self._agreed = False
        self.changed = threading.Event()  # the run ended or asks: a script waits for this

    @contextmanager
    def agreed(self) -> Iterator[None]:
        """Inside, what would be asked was agreed to by the person a moment ago."""
        self._agreed = True
        try:
            yield
        finally:
            self._agreed = False

    def propose(self, words: str, do: Callable[[], None]) -> str:
        """Ask the person; `do` is called on a yes and never otherwise."""
        if self._agreed:
            do()
            return words
        self.pending = Pending(words, do)
        return self.screen.say(f"{words} (yes / no)")

    # ---- the run

    @property
    def going(self) -> bool:
        """Whether this program drives a run now."""
        return self.driver is not None and self.driver.going

    def run(self) -> Run | None:
        """The run that the conversation is about.

        Raises:
            StoreError: It is not in the workspace any more.
        """
        name = self.conversation.run
        return None if name is None else find_run(name, self.workspace)

    def drive(self, run: Run, done: int) -> None:
        """Start a run, or go on with it, in the background."""
        self.screen.begin(done)
        self.changed.clear()
        watcher = Watcher(self.screen.event, self._asked, self._ended)
        self.driver = Driver(run, watcher)
        self.driver.start()

    def pause(self) -> None:
        """Pause the run that goes on; its end is told by the run's own thread."""
        if self.driver is not None:
            self.driver.pause()

    def _asked(self, question: Question) -> None:
        self.screen.say(f"A step needs your yes: {answers.asked(question)}\nGo on? ({HOW})")
        self.changed.set()

    def _ended(self, end: End, what: RunResult | BaseException | None) -> None:
        from ..console import print_result

        self.driver = None
        name = self.conversation.run
        if isinstance(what, RunResult):
            result = what
            self.screen.show(lambda console: print_result(console, result))
        elif end == "paused":
            self.screen.say(f"Run {name} is paused; nothing is lost. Say go to go on.")
        elif isinstance(what, MISTAKES):
            self.screen.warn(" ".join(str(what).split()))
        else:
            self.screen.warn(
                f"Something went wrong inside TuneOS: {type(what).__name__}: {what}. What was done "
                f"is kept; the whole error shows with: tuneos resume {name}"
            )
        self.changed.set()
