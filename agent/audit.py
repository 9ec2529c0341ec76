"""`tuneos audit`: what the gate decided in a run, once its log is found whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..memory.audit import AuditLog, Entry
from ..memory.ledger import Ledger
from ..tools.guardrails.checks import neutralise
from .runs import find_run

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 160  # characters of a decision in a line
COLOURS = {"refused": "yellow", "opened": "cyan", "changed": "cyan"}


def read_audit(name: str, workspace: Path) -> list[Entry]:
    """Read a run's log.

    Raises:
        StoreError: There is no such run, or its log was tampered with.
    """
    run = find_run(name, workspace)
    return AuditLog(run.folder, Ledger(run.workspace.ledger), run.name).read()


def print_audit(console: Console, entries: Sequence[Entry]) -> None:
    """A line for each decision, oldest first."""
    from rich.text import Text

    for entry in entries:
        line = Text(f"{entry.number:>4} {entry.when[11:19]} ")
        line.append(f"{entry.what:<8}", style=COLOURS.get(entry.what, "green"))
        console.print(line.append(f" {in_words(entry)}"), soft_wrap=True)
    console.print(f"{len(entries)} decisions, the chain is whole.")


def in_words(entry: Entry) -> str:
    """A decision: what it was about, and why."""
    said = dict(entry.said)
    what = str(said.pop("tool", said.pop("what", "")))
    arguments = said.pop("arguments", {})
    told = json.dumps(arguments, ensure_ascii=False, default=str) if arguments else ""
    why = "; ".join(f"{key}: {value}" for key, value in said.items() if value not in ("", None))
    return neutralise(" ".join(part for part in (what, told, why) if part), SHOWN)
