"""Commands about what is on record: report, audit, runs, ps, logs, cancel."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from .common import WORKSPACE, JsonOption, WorkspaceOption, console_on, errors


def report(
    run: Annotated[str, typer.Argument(help="A run's name, or the beginning of it.")],
    workspace: WorkspaceOption = WORKSPACE,
) -> None:
    """Show how a run ended, and where its report is."""
    console = console_on(False)
    with errors(console):
        from ..console import print_result
        from ..runs import find_run, read_story

        print_result(console, read_story(find_run(run, workspace)).result)


def audit(
    run: Annotated[str, typer.Argument(help="A run's name, or the beginning of it.")],
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Check that a run's record of decisions is whole, and print it."""
    console = console_on(as_json)
    with errors(console):
        from ..audit import print_audit, read_audit

        entries = read_audit(run, workspace)
        if as_json:
            print(json.dumps([asdict(entry) for entry in entries]))
        else:
            print_audit(console, entries)


def runs(workspace: WorkspaceOption = WORKSPACE, as_json: JsonOption = False) -> None:
    """List runs, newest first."""
    console = console_on(as_json)
    with errors(console):
        from ..listing import list_runs, print_runs

        rows = list_runs(workspace)
        if as_json:
            print(json.dumps(rows))
        else:
            print_runs(console, rows)


def ps(workspace: WorkspaceOption = WORKSPACE, as_json: JsonOption = False) -> None:
    """Show what runs: since when, how far, what it has cost."""
    console = console_on(as_json)
    with errors(console):
        from ..ps import list_live, print_live

        rows = list_live(workspace)
        if as_json:
            print(json.dumps(rows))
        else:
            print_live(console, rows)


def logs(
    name: Annotated[str, typer.Argument(metavar="JOB|RUN", help="Or the beginning of it.")],
    workspace: WorkspaceOption = WORKSPACE,
    follow: Annotated[bool, typer.Option("--follow", help="Until the job ends.")] = False,
) -> None:
    """Print what a job has written."""
    with errors(console_on(True)):
        from ..ps import read_log

        for piece in read_log(workspace, name, follow=follow):
            sys.stdout.write(piece)
            sys.stdout.flush()


def cancel(
    name: Annotated[str, typer.Argument(metavar="JOB|RUN", help="Or the beginning of it.")],
    workspace: WorkspaceOption = WORKSPACE,
) -> None:
    """End a job, or pause a run; what was earned is kept."""
    console = console_on(False)
    with errors(console):
        from ..ps import cancel as end

        console.print(end(workspace, name), soft_wrap=True)
