"""What can be said, and the conversations there are, on a console."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...tools.guardrails.checks import neutralise
from .conversation import glance, names
from .slash import COMMANDS

if TYPE_CHECKING:
    from rich.console import Console

EXAMPLES = (
    "use tickets.csv, I need macro F1 of at least 0.9 and you have half an hour",
    "what is in the data? · show me the plan · go · pause · how is it going?",
    "why did you do that? · why step 3? · what did you try? · why did it stop?",
    "you can have ten more minutes · lower the accuracy target to 0.85",
    "predict: my card was swallowed by the machine",
)


def print_help(console: Console) -> None:
    """What can be said, in words and in slash commands."""
    from rich.markup import escape
    from rich.table import Table

    console.print("In plain words, such as:")
    for example in EXAMPLES:
        console.print(f"  [cyan]{escape(example)}[/cyan]")
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, argument, what in COMMANDS:
        table.add_row(f"  [bold]{name}[/bold] {escape(argument)}", escape(what))
    console.print(table)
    console.print("Alt-Enter begins a new line, Ctrl-C pauses a run, Ctrl-D leaves.", style="dim")


def print_chats(console: Console, workspace: Path, current: str) -> None:
    """The conversations of a workspace, the latest first."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("", "conversation", "last used (UTC)", "run", "begins"):
        table.add_column(name, no_wrap=name != "begins")
    for name in names(workspace)[:20]:
        when, run, first = glance(workspace, name)
        here = "→" if name == current else ""
        table.add_row(
            here, name, when.replace("T", " ")[:16], run or "", escape(neutralise(first, 40))
        )
    console.print(table)
