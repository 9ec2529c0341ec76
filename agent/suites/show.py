"""A suite's scores for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...evals.suites import ControllerScore, Estimate, RunScore, ScenarioScore, SuiteScores

SIDE_BY_SIDE = 3  # controllers that fit an 80-column terminal with intervals


def print_run(console: Console, score: RunScore) -> None:
    """One line as soon as a run has ended."""
    mark = "[green]✓[/green]" if score.right and not score.violations else "[red]✗[/red]"
    value = "" if score.value is None else f" {score.value:.3f}"
    told = f"{mark} {score.scenario:<22} {escape(score.controller):<22} {score.outcome}{value}"
    taken = " [dim](taken over)[/dim]" if score.taken_over else ""
    console.print(f"{told} [dim]{score.seconds:.0f} s[/dim]{taken}", soft_wrap=True)
    if not score.right:
        console.print(f"    expected {score.expected}: {escape(score.note)}", soft_wrap=True)
    for violation in score.violations:
        console.print(f"    [red]{escape(violation)}[/red]")


def print_scenarios(console: Console, scores: SuiteScores) -> None:
    """Each scenario's outcomes and value, controllers side by side."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for controller in scores.controllers:
        table.add_column(escape(controller.controller), justify="right")
    cells = {(s.scenario, s.controller): _outcome(s) for s in scores.scenarios}
    for scenario in dict.fromkeys(s.scenario for s in scores.scenarios):
        row = [cells.get((scenario, c.controller), "") for c in scores.controllers]
        table.add_row(scenario, *row)
    console.print()
    console.print(table)


def _outcome(score: ScenarioScore) -> str:
    """Such as "met 0.934", or "2 met, 1 not_met 0.91" where they differ."""
    kinds = score.outcomes.items()
    said = ", ".join(k if len(kinds) == 1 else f"{n} {k}" for k, n in kinds)
    told = said if score.value is None else f"{said} {_mean(score.value, 3)}"
    return told if score.right == score.runs else f"[red]{told}[/red]"


def print_scores(console: Console, scores: Sequence[ControllerScore]) -> None:
    """Controllers side by side; many of them below each other, without intervals."""
    console.print()
    if len(scores) > SIDE_BY_SIDE:
        console.print(_below_each_other(scores))
        return
    table = Table(box=None, pad_edge=False)
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
        ("valid calls", [_valid(s) for s in scores]),
        ("wasted steps a run", [_mean(s.wasted, 1) for s in scores]),
        ("violations", [str(s.violations) for s in scores]),
        ("taken over", [str(s.taken_over) for s in scores]),
    ]
    for name, cells in rows:
        table.add_row(name, *cells)
    console.print(table)


def _below_each_other(scores: Sequence[ControllerScore]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("")
    for name in ("right", "regret", "s/run", "tokens", "US$", "valid", "waste", "bad", "taken"):
        table.add_column(name, justify="right")
    for s in scores:
        table.add_row(
            escape(s.controller),
            f"{s.right.value:.0%}",
            "–" if s.regret is None else f"{s.regret.value:.3f}",
            f"{s.seconds.value:.0f}",
            f"{s.tokens:,.0f}",
            f"{s.usd:.3f}",
            _valid(s),
            f"{s.wasted.value:.1f}",
            str(s.violations),
            str(s.taken_over),
        )
    return table


def _valid(score: ControllerScore) -> str:
    return "–" if score.validity is None else f"{score.validity:.0%}"


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
