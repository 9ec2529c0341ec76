"""What commands share: exit codes, options, a console, and how a mistake becomes one line."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

MET, BUG, USER, NOT_MET, INTERRUPTED = 0, 1, 2, 3, 130

WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", help="Folder that holds everything a run leaves.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="One JSON object on stdout, everything else on stderr.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Don't ask before costly steps.")]
WORKSPACE = Path(".tuneos")


def console_on(to_stderr: bool) -> Console:
    """A console on one of the two streams."""
    from rich.console import Console

    return Console(stderr=to_stderr, highlight=False)


class errors:
    """Turns a user's mistake into one line and exit code 2; everything else is our bug."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: Any
    ) -> None:
        if error is None or isinstance(error, (typer.Exit, typer.Abort)):
            return
        if isinstance(error, KeyboardInterrupt):
            raise typer.Exit(INTERRUPTED) from None
        from ...evals.targets import TargetError
        from ...memory.errors import StoreError, disk_full
        from ...memory.redaction import redact
        from ...tools.errors import UserError

        if (
            isinstance(error, (UserError, TargetError, StoreError))
            or disk_full(error)
            or _read_only(error)
        ):
            text = redact(" ".join(str(error).split()))
            self.console.print(f"[red]error:[/red] {escaped(text)}", soft_wrap=True)
            raise typer.Exit(USER) from None


def _read_only(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EROFS


def escaped(text: str) -> str:
    """A text without markup."""
    from rich.markup import escape

    return escape(text)
