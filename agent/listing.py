"""`tuneos runs`: what there is in a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..memory.ledger import Ledger
from ..memory.workspace import Workspace

if TYPE_CHECKING:
    from rich.console import Console


def list_runs(workspace: Path) -> list[dict[str, Any]]:
    """All runs, newest first; empty where there is no workspace."""
    ledger = Workspace(workspace).ledger
    if not ledger.is_file():
        return []
    rows = []
    for row in Ledger(ledger).runs():
        result = row.result or {}
        rows.append(
            {
                "run": row.run,
                "status": row.status,
                "started": row.started,
                "data": row.spec.get("data"),
                "targets": list(row.spec.get("targets", [])),
                "met": result.get("met"),
                "chosen": result.get("chosen"),
                "report": result.get("report"),
            }
        )
    return rows


def print_runs(console: Console, rows: list[dict[str, Any]]) -> None:
    """A table for people."""
    from rich.table import Table

    if not rows:
        console.print("No runs yet. Begin with: tuneos demo")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("run", "status", "targets", "met", "model"):
        table.add_column(name)
    for row in rows:
        met = {True: "yes", False: "no", None: ""}[row["met"]]
        table.add_row(
            row["run"], row["status"], " ".join(row["targets"]), met, str(row["chosen"] or "")
        )
    console.print(table)
