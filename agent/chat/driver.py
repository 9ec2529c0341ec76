"""Drives a run in the background of a conversation, passes on what it asks, and pauses it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from ...evals.result import RunResult
from ...graphs.approval import Answer, Question
from ...memory.errors import StoreError
from ...tools.jobs.running import interrupt_jobs
from ..runs import Run
from ..session import go_on
from ..stream import pause

End = Literal["finished", "paused", "failed"]


@dataclass
class Watcher:
    """Who is told what the run does; called from the run's own thread."""

    event: Callable[[dict[str, Any]], None]
    asked: Callable[[Question], None]
    ended: Callable[[End, RunResult | BaseException | None], None]


@dataclass
class Driver:
    """One run, driven in a thread of its own."""

    run: Run
    watcher: Watcher
    question: Question | None = None
    _answer: Answer | None = None
    _answered: threading.Event = field(default_factory=threading.Event)
    _pausing: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; the watcher hears of the rest."""
        self._thread = threading.Thread(
            target=self._drive, name=f"tuneos {self.run.name}", daemon=True
        )
        self._thread.start()

    @property
    def going(self) -> bool:
        """Whether the run goes on, a question it waits for included."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def pausing(self) -> bool:
        """Whether it was asked to pause."""
        return self._pausing.is_set()

    def answer(self, answer: Answer) -> None:
        """Answer the question that it waits for."""
        self._answer = answer
        self.question = None
        self._answered.set()

    def pause(self, wait: float | None = None) -> bool:
        """Stop at once; the job that runs is ended and will be done again.

        Args:
            wait: Seconds to wait for the end; None: as long as it takes.

        Returns:
            Whether it has stopped.
        """
        if self._thread is None:
            return True
        self._pausing.set()
        self._answered.set()
        with contextlib.suppress(StoreError):
            pause(self.run)
        interrupt_jobs()
        self._thread.join(wait)
        return not self._thread.is_alive()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end; tells whether it came."""
        if self._thread is not None:
            self._thread.join(seconds)
        return not self.going

    def _drive(self) -> None:
        try:
            result = go_on(self.run, on_event=self._tell, approve=self._ask)
        except KeyboardInterrupt:
            self.watcher.ended("paused", None)
        except BaseException as error:  # told where the person is
            self.watcher.ended("failed", error)
        else:
            self.watcher.ended("finished", result)

    def _tell(self, event: dict[str, Any]) -> None:
        if self._pausing.is_set():  # asked before the run was taken, so the ledger has forgotten
            raise KeyboardInterrupt
        self.watcher.event(event)

    def _ask(self, question: Question) -> Answer:
        self._answer = None
        self._answered.clear()
        self.question = question
        self.watcher.asked(question)
        if not self._pausing.is_set():
            self._answered.wait()
        if self._pausing.is_set() or self._answer is None:
            raise KeyboardInterrupt
        return self._answer
