"""Charging the loop's own seconds to the budget, beside those of the tools."""

from __future__ import annotations

import time
from typing import Any, Protocol

from langgraph.runtime import Runtime

from .context import RunContext
from .state import State


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
        try:
            return node(state, runtime)
        finally:
            tools = runtime.context.tools
            seconds = time.monotonic() - start
            tools.ledger.charge(tools.run, "seconds", seconds)
            if node.__name__ in {"decide", "gate", "judge"}:
                tools.ledger.charge(tools.run, "orchestration_seconds", seconds)

    timed.__name__ = node.__name__
    return timed
