"""What a person sees at the terminal while a run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from ..evals.result import RunResult

if TYPE_CHECKING:
    from .plan import Plan


class RunView:
    """Prints the agent's steps as they happen, and a bar for the one that runs."""

    def __init__(self, console: Console, *, done: int = 0) -> None:
        """Show a run on a console; `done` steps of it were seen before."""
        self.console = console
        self._progress = Progress(
            TextColumn("  "),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._steps = done

    @contextmanager
    def live(self) -> Iterator[RunView]:
        """Show the bar while inside."""
        with self._progress:
            yield self

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the bar away while a question is asked."""
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()

    @property
    def line(self) -> str:
        """The step that runs, where a bar has no place; "" between steps."""
        if self._task is None:
            return ""
        task = self._progress.tasks[-1]
        parts = [f"{task.percentage:.0f}%", str(task.description), str(task.fields["left"])]
        return "  ".join(part for part in parts if part)

    def __call__(self, event: dict[str, Any]) -> None:
        """Show one event."""
        getattr(self, f"_{event['kind']}")(event)

    def _prepared(self, event: dict[str, Any]) -> None:
        for line in event["lines"]:
            self._say(f"[dim]{escape(line)}[/dim]", indent=2)

    def _step_started(self, event: dict[str, Any]) -> None:
        self._steps += 1
        arguments = ", ".join(f"{k}={v}" for k, v in event["arguments"].items())
        shown = f" [dim]{escape(arguments)}[/dim]" if arguments else ""
        self.console.print(f"[bold cyan]{self._steps:>2} {event['tool']}[/bold cyan]{shown}")
        if event["reason"]:
            self._say(f"[italic]{escape(event['reason'])}[/italic]")
        self._end_bar()
        self._task = self._progress.add_task("", total=1.0, left="")

    def _step_progress(self, event: dict[str, Any]) -> None:
        if self._task is None:
            return
        said = event["progress"]
        parts = [said["text"]]
        if said["loss"] is not None:
            parts.append(f"loss {said['loss']:.3f}")
        if said["best"] is not None:
            parts.append(f"best {said['best']:.4f}")
        if said["rate"]:
            parts.append(f"{said['rate']:.0f} rows/s")
        task = self._progress.tasks[-1]
        elapsed = task.elapsed or 0.0
        share = said["share"]
        left = f"{elapsed / share * (1 - share):.0f} s left" if share > 0.05 and elapsed > 2 else ""
        self._progress.update(
            self._task, completed=share, description=escape(", ".join(parts)), left=left
        )

    def _step_ended(self, event: dict[str, Any]) -> None:
        self._end_bar()
        mark = "[green]✓[/green]" if event["ok"] else "[red]✗[/red]"
        first = escape(event["summary"][:600])
        self._say(f"{mark} {first} [dim]({event['seconds']:.1f} s)[/dim]")

    def _restored(self, event: dict[str, Any]) -> None:
        self._say(f"[yellow]{escape(event['text'])}[/yellow]", indent=2)

    def _decided(self, event: dict[str, Any]) -> None:
        about = "about " if event["estimated"] else ""
        cost = "" if event["usd"] is None else f", ${event['usd']:.4f}"
        self._say(
            f"[dim]controller: {about}{event['read']:,} tokens read, "
            f"{event['written']:,} written{cost} ({event['seconds']:.1f} s)[/dim]",
        )

    def _took_over(self, event: dict[str, Any]) -> None:
        self._say(
            f"[yellow]{escape(event['controller'])} is replaced by the rule-based planner: "
            f"{escape(event['why'])}[/yellow]"
        )

    def _refused(self, event: dict[str, Any]) -> None:
        self._say(f"[yellow]gate: {escape(event['tool'])}: {escape(event['why'])}[/yellow]")

    def _judged(self, event: dict[str, Any]) -> None:
        if event["best"] is not None:
            self._say(f"[dim]→ {escape(event['text'])}[/dim]")

    def _say(self, markup: str, indent: int = 3) -> None:
        """Print with every wrapped line indented."""
        self.console.print(Padding(markup, (0, 0, 0, indent), expand=False))

    def _end_bar(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None


def print_plan(console: Console, plan: Plan, controller: str) -> None:
    """Say what is about to be done and what it may take, before anything is spent."""
    from ..tools.reporting.words import duration, metric_name
    from ..tools.tasks import find_task
    from .outlook import memory_line, outlook

    spec = plan.spec
    sizes = ", ".join(f"{n:,} {name}" for name, n in plan.rows.items())
    targets = " and ".join(str(t) for t in spec.parsed_targets())
    best = metric_name(find_task(plan.raw.task).metrics[0])
    goal = targets or f"the best {best} it can get (no target given)"
    named = controller if ":" in controller else f"{controller} (not an LLM)"
    console.print(f"[bold]{escape(spec.data)}[/bold]: {sizes} rows")
    console.print(f"  goal        {escape(goal)}")
    console.print(f"  controller  {escape(named)}")
    several = f" ({len(spec.base_models)} to be ranked)" if len(spec.base_models) > 1 else ""
    console.print(f"  base model  {escape(', '.join(spec.base_models))}{several}")
    if spec.translators:
        console.print(f"  translators {escape(', '.join(spec.translators))}")
    console.print(f"  budget      {spec.budget or 'no limit'}")
    console.print(f"  memory      {escape(memory_line(plan))}")
    for number, step in enumerate(outlook(plan)):
        head = "plan" if number == 0 else ""
        what = f"{step.tool}: {step.what}"
        late = "" if step.fits else "  [yellow]no time[/yellow]"
        about = f"~{duration(step.seconds)}"
        console.print(f"  {head:<11} {escape(what):<42} [dim]{about:>11}[/dim]{late}")
    console.print(
        "              [dim]cheapest first; it ends as soon as the targets hold, and times are\n"
        "              a guess until the first step has measured this machine[/dim]\n"
    )


def print_result(console: Console, result: RunResult) -> None:
    """Say how it ended: targets, baselines, how sure, where the model is."""
    from ..tools.reporting.view import primary_metric
    from ..tools.reporting.words import changed, gain, number, verdict

    said = verdict(result)
    colour = {"met": "green", "missed": "yellow", "open": "cyan"}[said.status]
    console.print(f"\n[bold {colour}]{escape(said.title)}[/bold {colour}]")
    console.print(escape(said.sentence))
    for change in result.changes:
        console.print(f"[yellow]{escape(changed(change))}[/yellow]")
    table = Table(box=None, pad_edge=False, show_edge=False)
    metric = result.comparison.metric if result.comparison else primary_metric(result)
    table.add_column("model on the test split")
    table.add_column(metric, justify="right")
    for baseline in result.baselines:
        table.add_row(baseline.name, number(metric, baseline.test.get(metric), more=1))
    if result.chosen and result.test:
        figure = number(metric, result.test.get(metric), more=1)
        table.add_row(f"[bold]{escape(result.chosen)}[/bold]", f"[bold]{figure}[/bold]")
    console.print(table)
    if result.comparison:
        console.print(escape(gain(result.comparison).sentence))
    if result.taken_over:
        console.print(f"[yellow]{escape(taken_over(result))}[/yellow]")
    console.print(f"\n  spent   {escape(spending(result))}")
    console.print(f"  report  {escape(str(result.report))}", soft_wrap=True)
    if result.model:
        console.print(f"  model   {escape(result.model)}", soft_wrap=True)
        console.print(f"  use it  tuneos predict {escape(result.model)} INPUT", soft_wrap=True)


def taken_over(result: RunResult) -> str:
    """Say that, and why, the planner finished in the controller's place."""
    name = result.controller.removesuffix(", then rule-based planner")
    return f"{name} was replaced by the rule-based planner: {result.taken_over}"


def spending(result: RunResult) -> str:
    """What went of each kind of budget, and of how much: "61 s of 90 s, 240 tokens"."""
    units = {"seconds": " s", "gpu_seconds": " s on a GPU", "trials": " trials"}
    units |= {"tokens": " tokens", "usd": ""}
    parts = []
    for name, unit in units.items():
        found = result.budget.get(name)
        if found is None or not (found.spent or name == "seconds"):
            continue
        show = "${:,.4f}".format if name == "usd" else "{:,.0f}".format
        limit = "" if found.limit is None else f" of {show(found.limit)}"
        parts.append(f"{show(found.spent)}{limit}{unit}")
    return ", ".join(parts)
