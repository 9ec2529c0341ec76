"""A suite's scores for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...evals.suites import ControllerScore, Estimate, RunScore


def print_run(console: Console, score: RunScore) -> None:
    """One line as soon as a run has ended."""
    mark = "[green]✓[/green]" if score.right and not score.violations else "[red]✗[/red]"
    value = "" if score.value is None else f" {score.value:.3f}"
    told = f"{mark} {score.scenario:<22} {escape(score.controller):<24} {score.outcome}{value}"
    console.print(f"{told} [dim]{score.seconds:.0f} s[/dim]")
    if not score.right:
        console.print(f"    expected {score.expected}: {escape(score.note)}", soft_wrap=True)
    for violation in score.violations:
        console.print(f"    [red]{escape(violation)}[/red]")


def print_scores(console: Console, scores: Sequence[ControllerScore]) -> None:
    """Controllers side by side."""
    table = Table(box=None, pad_edge=False, title_justify="left")
    table.add_column("")
    for score in scores:
        table.add_column(escape(score.controller), justify="right")
    rows = [
        ("runs", [str(s.runs) for s in scores]),
        ("right outcome", [_share(s.right) for s in scores]),
        ("regret", [_mean(s.regret, 3) for s in scores]),
        ("seconds a run", [_mean(s.seconds, 0) for s in scores]),
        ("tokens a run", [f"{s.tokens:,.0f}" for s in scores]),
        ("US dollars in all", [f"{s.usd:.4f}" for s in scores]),
        ("valid calls", ["–" if s.validity is None else f"{s.validity:.0%}" for s in scores]),
        ("wasted steps a run", [_mean(s.wasted, 1) for s in scores]),
        ("violations", [str(s.violations) for s in scores]),
        ("taken over", [str(s.taken_over) for s in scores]),
    ]
    for name, cells in rows:
        table.add_row(name, *cells)
    console.print()
    console.print(table)


def _share(found: Estimate) -> str:
    if found.ci is None:
        return f"{found.value:.0%}"
    return f"{found.value:.0%} [{found.ci[0]:.0%}, {found.ci[1]:.0%}]".replace("[", "\\[")


def _mean(found: Estimate | None, digits: int) -> str:
    if found is None:
        return "–"
    if found.ci is None:
        return f"{found.value:.{digits}f}"
    low, high = found.ci
    return f"{found.value:.{digits}f} \\[{low:.{digits}f}, {high:.{digits}f}]"
