"""Commands about TuneOS itself: eval, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import BUG, INTERRUPTED, MET, NOT_MET, JsonOption, console_on, errors


def eval_(
    suite: Annotated[str, typer.Argument(help="A suite file, or core: the one that ships.")],
    controllers: Annotated[
        str,
        typer.Option(
            help="Compared side by side, with commas: planner, or what --llm takes, "
            "perhaps followed by the model's name and its price IN/OUT."
        ),
    ] = "planner",
    repeat: Annotated[int, typer.Option(min=1, help="Times, each with another seed.")] = 1,
    only: Annotated[str | None, typer.Option(help="Scenarios, with commas.")] = None,
    workspace: Annotated[
        Path | None, typer.Option(help="Folder to keep the runs in; left out: none are kept.")
    ] = None,
    reuse: Annotated[
        bool, typer.Option("--reuse", help="Share job results between controllers; time counts.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run scenarios and score the agent: right outcomes, regret, time, cost, waste."""
    console = console_on(as_json)
    with errors(console):
        from ..suites.command import evaluate, held

        scores = evaluate(
            suite, controllers, repeat, only, workspace, console, reuse=reuse, as_json=as_json
        )
    if not scores.complete:
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(MET if held(scores) else NOT_MET)


def doctor() -> None:
    """Check this installation and machine."""
    console = console_on(False)
    with errors(console):
        from ..doctor import examine

        if not examine(console):
            raise typer.Exit(BUG)
