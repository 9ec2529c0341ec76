"""Who decides, and what a person touches. `from tuneos.agent import run_agent, RunSpec`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..evals.result import RunResult
    from ..graphs.approval import Answer, Question
    from .runs import Run, find_run
    from .session import go_on, run_agent
    from .spec import RunSpec
    from .stream import arun_agent, astream_run, pause, stream_run

__all__ = [
    "Answer",
    "Question",
    "Run",
    "RunResult",
    "RunSpec",
    "arun_agent",
    "astream_run",
    "find_run",
    "go_on",
    "pause",
    "run_agent",
    "stream_run",
]

_HOMES = {
    "Answer": "..graphs.approval",
    "Question": "..graphs.approval",
    "Run": ".runs",
    "RunResult": "..evals.result",
    "RunSpec": ".spec",
    "arun_agent": ".stream",
    "astream_run": ".stream",
    "find_run": ".runs",
    "go_on": ".session",
    "pause": ".stream",
    "run_agent": ".session",
    "stream_run": ".stream",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: `tuneos --help` must not pay for it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name], __package__), name)
