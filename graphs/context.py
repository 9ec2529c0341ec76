"""What the nodes work with: the run's place in the world, not part of its state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from ..memory.audit import AuditLog
from ..memory.seal import Seals
from ..tools.datasets.types import RawData
from ..tools.tool import ToolContext
from .policy import Mode, Policy


@dataclass(frozen=True)
class RunContext:
    """Everything a node needs beside the state.

    Attributes:
        tools: What tools work with.
        controller: Any chat model that calls tools.
        controller_name: As it is named wherever it shows.
        read: Reads the user's data; called by `prepare` alone.
        seals: Where the test split lies until `confirm`.
        source: The data as the user named it.
        started: ISO 8601, UTC.
        command: What gives this run again.
        out: Folder for model and report.
        approval: What becomes of calls that the policy wants a person for: "auto" lets
            them through, "ask" waits, "never" refuses them.
        policy: Which calls these are, and which are forbidden.
        fallback: Takes over from a controller that cannot go on: the planner.
        context_tokens: What the controller's window holds; None: not known.
        price: US dollars for a million tokens read, and written; None: not known.
    """

    tools: ToolContext
    controller: BaseChatModel
    controller_name: str
    read: Callable[[], RawData]
    seals: Seals
    source: str
    started: str
    command: str
    out: Path
    approval: Mode
    policy: Policy
    fallback: BaseChatModel
    context_tokens: int | None = None
    price: tuple[float, float] | None = None

    @property
    def audit(self) -> AuditLog:
        """Where every decision on a call is written down."""
        return AuditLog(self.folder, self.tools.ledger, self.tools.run)

    @property
    def folder(self) -> Path:
        """The run's own folder."""
        return self.tools.workspace.run_folder(self.tools.run)
