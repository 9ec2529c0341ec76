"""Charging seconds to the budget, so that even a kill loses no more than half of one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from langgraph.runtime import Runtime

from ..memory.errors import StoreError
from ..memory.ledger import Ledger
from .context import RunContext
from .state import State

NOTE_EVERY = 0.5  # seconds between notes of what is being spent


class Node(Protocol):
    """A node of the graph."""

    __name__: str

    def __call__(self, state: State, runtime: Runtime[RunContext]) -> dict[str, Any]:
        """Read the state, return what changes."""
        ...


def charged(node: Node) -> Node:
    """Wrap a node so that its seconds are booked on "seconds" and "orchestration"."""

    def timed(state: State, runtime: Runtime[RunContext]) -> dict[str, Any]:
        start = time.monotonic()
        tools = runtime.context.tools
        try:
            with metered(tools.ledger, tools.run):
                return node(state, runtime)
        finally:
            if node.__name__ in {"decide", "gate", "judge"}:
                seconds = time.monotonic() - start
                tools.ledger.charge(tools.run, "orchestration_seconds", seconds)

    timed.__name__ = node.__name__
    return timed


@contextmanager
def metered(ledger: Ledger, run: str, reservation: int | None = None) -> Iterator[None]:
    """Charge the seconds that the block takes, and note them as they pass.

    The note is what a resume charges for a block that was killed.

    Args:
        ledger: Where to.
        run: Who pays.
        reservation: Open already, to be settled; without one, a block that takes longer
            than NOTE_EVERY opens its own.
    """
    start = time.monotonic()
    ended = threading.Event()
    held = [] if reservation is None else [reservation]

    def note() -> None:
        while not ended.wait(NOTE_EVERY):
            try:
                if not held:
                    held.append(ledger.hold(run, "seconds", 0.0))
                ledger.note_spent(held[0], time.monotonic() - start)
            except StoreError:  # a full disk, say: whoever waits for the block will meet it too
                continue

    noting = threading.Thread(target=note, daemon=True)
    noting.start()
    try:
        yield
    finally:
        ended.set()
        noting.join()
        seconds = time.monotonic() - start
        if held:
            ledger.settle(held[0], seconds)
        else:
            ledger.charge(run, "seconds", seconds)
