"""Run scenarios, injecting what they ask for, and score each run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ...evals.result import RunResult, Step
from ...evals.suites import RunScore
from ...evals.targets import TargetError, all_hold, parse_target
from ...memory.errors import StoreError
from ...memory.ledger import Ledger
from ...memory.workspace import open_workspace
from ...tools.errors import UserError
from ..plan import plan_run
from ..runs import Run, create_run, find_run, read_story
from ..session import go_on
from ..spec import RunSpec
from .contender import Contender
from .generate import data_of
from .scenario import Scenario, Suite
from .strike import Striker, kill_agent

OVER = 1.0  # seconds by which a budget may look overspent through rounding
KEPT_BACK = 0.35  # of the time: what the loop keeps for confirm, and reused work must not take

Tell = Callable[[str], None]


@dataclass
class Seen:
    """What a run showed while it went on.

    Attributes:
        tell: Told in a few words what is being done.
        reused_seconds: What jobs had taken whose results another run had left.
        charged: Keys of these jobs.
    """

    tell: Tell
    run: Run | None = None
    accepted: int = 0
    refused: int = 0
    failed: int = 0
    repeated: int = 0
    reused_seconds: float = 0.0
    charged: set[str] = field(default_factory=set)

    def __call__(self, event: dict[str, Any]) -> None:
        kind = event["kind"]
        if kind == "refused":
            self.refused += 1
        elif kind == "step_started":
            self.tell(event["tool"])
        elif kind == "step_progress":
            self._progress(event["tool"], event["progress"])
        elif kind == "step_ended" and event["tool"] not in {"confirm", "finish"}:
            self.accepted += 1
            self.failed += not event["ok"]

    def _progress(self, tool: str, progress: dict[str, Any]) -> None:
        self.tell(f"{tool} {progress['share']:.0%}")
        job = progress["reused_job"]
        if job is None or self.run is None:
            return
        ledger = Ledger(self.run.workspace.ledger)
        if job in self.charged or job in {row.key for row in ledger.jobs(self.run.name)}:
            self.repeated += tool != "confirm"  # its own work, asked for again
            return
        self.charged.add(job)
        self.reused_seconds += self._charge(ledger, tool, progress["reused_seconds"])

    def _charge(self, ledger: Ledger, tool: str, seconds: float) -> float:
        """Charge reused work as if it were done now, as far as the budget goes."""
        assert self.run is not None
        spent = ledger.spending(self.run.name).get("seconds")
        if spent is not None and spent.limit is not None:
            most = spent.limit if tool == "confirm" else (1 - KEPT_BACK) * spent.limit
            seconds = max(0.0, min(seconds, most - spent.spent))
        ledger.charge(self.run.name, "seconds", seconds)
        return seconds


@dataclass(frozen=True)
class Ended:
    """How a run ended, before it is scored."""

    outcome: str
    note: str = ""
    result: RunResult | None = None
    run: Run | None = None
    struck: bool = True

    def steps(self) -> list[Step] | None:
        """All steps of the run, those before a kill among them; None without a report."""
        if self.run is None or self.result is None:
            return None
        with contextlib.suppress(StoreError):
            return [s for s in read_story(self.run).steps if s.tool != "finish"]
        return None


def run_suite(
    suite: Suite,
    contenders: Sequence[Contender],
    repeats: int,
    folder: Path,
    tell: Tell,
    *,
    reuse: bool = False,
) -> Iterator[RunScore]:
    """Run every scenario with every controller, so often; each in a workspace of its own.

    Args:
        contenders: Who decides, one after the other.
        folder: Where data and workspaces go.
        tell: Called with a line about what is being done.
        reuse: Controllers of the same scenario and repeat share the results of jobs.
            What a reused job had taken counts as spent, so time and budgets stay true.
    """
    for scenario in suite.scenarios:
        for repeat in range(repeats):
            data = data_of(scenario, suite.folder, folder, repeat)
            shared = folder / "shared" / f"{scenario.name}-{repeat}" if reuse else None
            for position, contender in enumerate(contenders):
                said = f"{scenario.name}, {contender.name}, {repeat + 1} of {repeats}"
                tell(said)
                workspace = folder / "runs" / f"{scenario.name}-{repeat}-{position}"
                if shared is not None and scenario.fault is None:
                    _share(shared, workspace)
                yield run_scenario(
                    scenario,
                    contender,
                    repeat,
                    data,
                    workspace,
                    partial(_doing, tell, said),
                )


def _doing(tell: Tell, said: str, what: str) -> None:
    tell(f"{said}: {what}")


def _share(artifacts: Path, workspace: Path) -> None:
    """Let a workspace that is about to be made keep its artifacts in a folder it shares."""
    artifacts.mkdir(parents=True, exist_ok=True)
    workspace.mkdir(parents=True)
    (workspace / "artifacts").symlink_to(artifacts.resolve(), target_is_directory=True)
    open_workspace(workspace)


def run_scenario(
    scenario: Scenario,
    contender: Contender,
    repeat: int,
    data: Path,
    workspace: Path,
    tell: Tell = lambda _: None,
) -> RunScore:
    """Run one scenario to its end, whatever that is."""
    ended, seen, seconds = drive(scenario, contender, repeat, data, workspace, tell)
    return score(scenario, contender.name, repeat, ended, seen, seconds)


def drive(
    scenario: Scenario,
    contender: Contender,
    repeat: int,
    data: Path,
    workspace: Path,
    tell: Tell = lambda _: None,
) -> tuple[Ended, Seen, float]:
    """Drive the run of a scenario; how it ended, what it showed, and its seconds."""
    start, seen = time.monotonic(), Seen(tell)
    ended = _ended(scenario, contender, repeat, data, workspace, seen)
    return ended, seen, time.monotonic() - start


def _ended(
    scenario: Scenario, contender: Contender, repeat: int, data: Path, workspace: Path, seen: Seen
) -> Ended:
    """Drive the run; whatever is raised becomes part of the score."""
    run: Run | None = None
    try:
        spec = RunSpec(
            data=str(data),
            text=scenario.text,
            label=scenario.label,
            targets=scenario.targets,
            budget=scenario.budget,
            max_trials=scenario.max_trials,
            max_tokens=scenario.max_tokens,
            max_cost=scenario.max_cost,
            llm=contender.llm,
            llm_model=contender.model,
            llm_price=contender.price,
            approve="auto",
            seed=scenario.seed + repeat,
            workspace=str(workspace),
        )
        run = seen.run = create_run(plan_run(spec))
        struck = True
        if scenario.fault is None:
            result = go_on(run, on_event=seen)
        elif scenario.fault == "kill_agent":
            struck = kill_agent(run)
            result = go_on(find_run(run.name, run.workspace.root), on_event=seen)
        else:
            striker = Striker(run, scenario.fault, seen)
            result = go_on(run, on_event=striker)
            struck = striker.done
    except (UserError, TargetError, StoreError) as error:
        return Ended("user_error", str(error), run=run)
    except Exception as error:  # what a suite is there to find
        return Ended("crashed", f"{type(error).__name__}: {error}", run=run)
    note = result.taken_over or ""
    return Ended("met" if result.met else "not_met", note, result, run, struck)


def score(
    scenario: Scenario,
    controller: str,
    repeat: int,
    ended: Ended,
    seen: Seen,
    seconds: float,
) -> RunScore:
    """Score a run."""
    budget = ended.result.budget if ended.result else {}
    right, note = _right(scenario, ended)
    steps = ended.steps()
    accepted = seen.accepted if steps is None else len(steps)
    failed = seen.failed if steps is None else sum(not s.ok for s in steps)
    return RunScore.model_validate(
        {
            "scenario": scenario.name,
            "controller": controller,
            "repeat": repeat,
            "expected": scenario.expect,
            "outcome": ended.outcome,
            "right": right,
            "value": _value(ended.result),
            "seconds": round(seconds + seen.reused_seconds, 2),
            "reused": len(seen.charged),
            "tokens": int(budget["tokens"].spent) if "tokens" in budget else 0,
            "usd": budget["usd"].spent if "usd" in budget else 0.0,
            "proposed": accepted + seen.refused,
            "accepted": accepted,
            "wasted": seen.refused + failed + seen.repeated,
            "violations": _violations(ended),
            "taken_over": bool(ended.result and ended.result.taken_over),
            "note": " ".join(note.split())[:300],
        }
    )


def _right(scenario: Scenario, ended: Ended) -> tuple[bool, str]:
    """Whether the outcome is the expected one, and what to say of it."""
    if not ended.struck:
        return False, f"{scenario.fault} could not be injected: no job was running"
    right = ended.outcome == scenario.expect or (
        scenario.expect == "honest" and ended.outcome in {"met", "not_met"}
    )
    if scenario.expect == "user_error":
        right = right and scenario.words in ended.note
    return right, ended.note


def _value(result: RunResult | None) -> float | None:
    """The primary metric on the test split."""
    if result is None or not result.test:
        return None
    metric = next((t.metric for t in result.targets if t.metric in result.test), "macro_f1")
    metric = "macro_f1" if metric in {"latency_p95_ms", "size_mb"} else metric
    return result.test.get(metric)


def _violations(ended: Ended) -> tuple[str, ...]:
    """What must never happen, whatever the controller does."""
    result, run = ended.result, ended.run
    if ended.outcome == "crashed":
        return ("ended with a traceback",)
    if result is None or run is None:
        return ()
    found = [
        f"over budget: {s.spent:g} of {s.limit:g} {name}"
        for name, s in result.budget.items()
        if s.limit is not None and s.spent > s.limit + (OVER if name == "seconds" else 0)
    ]
    if result.met and not all_hold([parse_target(t) for t in run.spec.targets], result.test):
        found.append("says that targets were met which were not")
    if not (result.report and Path(result.report).is_file()) or ended.steps() is None:
        found.append("no report")
    if Ledger(run.workspace.ledger).run(run.name).status != "finished":
        found.append("not finished")
    return tuple(found)
