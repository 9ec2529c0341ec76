"""Run scenarios, injecting what they ask for, and score each run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...evals.result import RunResult
from ...evals.suites import Outcome, RunScore
from ...evals.targets import TargetError
from ...memory.errors import StoreError
from ...memory.jobs import Worker
from ...memory.ledger import Ledger
from ...tools.errors import UserError
from ..session import Run, create_run, find_run, go_on, plan_run, read_story
from ..spec import RunSpec
from .generate import write_data
from .scenario import Scenario, Suite

PLANNER = "planner"
HEADROOM = 2**20 * 16  # bytes that a worker may still take when its memory is to run out
OVER = 1.0  # seconds by which a budget may look overspent through rounding

Tell = Callable[[str], None]


@dataclass
class Seen:
    """What a run showed while it went on."""

    accepted: int = 0
    refused: int = 0
    failed: int = 0
    repeated: int = 0
    kinds: list[str] = field(default_factory=list)

    def __call__(self, event: dict[str, Any]) -> None:
        self.kinds.append(event["kind"])
        if event["kind"] == "refused":
            self.refused += 1
        elif event["kind"] == "step_ended" and event["tool"] not in {"confirm", "finish"}:
            self.accepted += 1
            self.failed += not event["ok"]
            self.repeated += "not repeated" in event["summary"]


def run_suite(
    suite: Suite, controllers: list[str], repeats: int, folder: Path, tell: Tell
) -> Iterator[RunScore]:
    """Run every scenario with every controller, so often; each in a workspace of its own.

    Args:
        controllers: As `--llm` takes them, or "planner".
        folder: Where data and workspaces go.
        tell: Called with a line about what is being done.
    """
    for scenario in suite.scenarios:
        for repeat in range(repeats):
            seed = scenario.seed + repeat
            made = scenario.generated
            source = folder / "data" / f"{scenario.name}-{seed}"
            data = suite.folder / scenario.data if scenario.data else source
            if made is not None:
                write_data(made, source, seed)
            for position, controller in enumerate(controllers):
                tell(f"{scenario.name}, {controller}, {repeat + 1} of {repeats}")
                workspace = folder / "runs" / f"{scenario.name}-{repeat}-{position}"
                yield run_scenario(scenario, controller, repeat, data, workspace)


def run_scenario(
    scenario: Scenario, controller: str, repeat: int, data: Path, workspace: Path
) -> RunScore:
    """Run one scenario to its end, whatever that is."""
    spec = RunSpec(
        data=str(data),
        text=scenario.text,
        label=scenario.label,
        targets=scenario.targets,
        budget=scenario.budget,
        max_trials=scenario.max_trials,
        max_tokens=scenario.max_tokens,
        llm=None if controller == PLANNER else controller,
        seed=scenario.seed + repeat,
        workspace=str(workspace),
    )
    start = time.monotonic()
    seen, run, outcome, note = Seen(), None, "crashed", ""
    result: RunResult | None = None
    try:
        run = create_run(plan_run(spec))
        result = _driven(run, scenario, seen)
        outcome = "met" if result.met else "not_met"
    except (UserError, TargetError, StoreError) as error:
        outcome, note = "user_error", str(error)
    except Exception as error:  # what a suite is there to find
        note = f"{type(error).__name__}: {error}"
    return _scored(scenario, controller, repeat, outcome, note, result, run, seen, start)


def _driven(run: Run, scenario: Scenario, seen: Seen) -> RunResult:
    if scenario.fault is None:
        return go_on(run, on_event=seen)
    if scenario.fault == "kill_agent":
        _kill_agent(run)
        return go_on(find_run(run.name, run.workspace.root), on_event=seen)
    strike = _kill_worker if scenario.fault == "kill_worker" else _starve_worker
    return go_on(run, on_event=_Once(run, seen, strike))


@dataclass
class _Once:
    """Passes events on, and strikes the worker of the first job that computes."""

    run: Run
    seen: Seen
    strike: Callable[[Worker], None]
    done: bool = False

    def __call__(self, event: dict[str, Any]) -> None:
        self.seen(event)
        if self.done or event["kind"] != "step_progress":
            return
        ledger = Ledger(self.run.workspace.ledger)
        for job in ledger.jobs(self.run.name):
            worker = ledger.worker(job.key)
            if job.status == "running" and worker is not None:
                self.done = True
                self.strike(worker)


def _kill_worker(worker: Worker) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)


def _starve_worker(worker: Worker) -> None:
    """Let the process have hardly more memory than it has: its next allocation fails."""
    import psutil

    with contextlib.suppress(psutil.Error):
        process = psutil.Process(worker.pid)
        limit = process.memory_info().vms + HEADROOM
        process.rlimit(psutil.RLIMIT_AS, (limit, limit))


def _kill_agent(run: Run) -> None:
    """Drive the run in another process and kill that, workers and all, at its first job."""
    code = (
        "import sys; from pathlib import Path; from tuneos.agent.session import find_run, go_on; "
        "go_on(find_run(sys.argv[1], Path(sys.argv[2])))"
    )
    words = [sys.executable, "-P", "-c", code, run.name, str(run.workspace.root)]
    quiet = subprocess.DEVNULL
    # The run is entered as this process's own; let go of it first.
    ledger = Ledger(run.workspace.ledger)
    ledger.set_status(run.name, "interrupted")
    agent = subprocess.Popen(words, stdout=quiet, stderr=quiet, start_new_session=True)
    try:
        until = time.monotonic() + 60
        while agent.poll() is None and time.monotonic() < until:
            workers = [ledger.worker(j.key) for j in ledger.jobs(run.name)]
            if any(workers):
                time.sleep(1)
                break
            time.sleep(0.1)
    finally:
        agent.kill()
        agent.wait()
    for worker in workers:
        if worker is not None:
            _kill_worker(worker)


def _scored(
    scenario: Scenario,
    controller: str,
    repeat: int,
    outcome: Outcome | str,
    note: str,
    result: RunResult | None,
    run: Run | None,
    seen: Seen,
    start: float,
) -> RunScore:
    right = outcome == scenario.expect or (
        scenario.expect == "honest" and outcome in {"met", "not_met"}
    )
    if scenario.expect == "user_error":
        right = right and scenario.words in note
    budget = result.budget if result else {}
    return RunScore.model_validate(
        {
            "scenario": scenario.name,
            "controller": controller,
            "repeat": repeat,
            "expected": scenario.expect,
            "outcome": outcome,
            "right": right,
            "value": _value(result),
            "seconds": round(time.monotonic() - start, 2),
            "tokens": int(budget["tokens"].spent) if "tokens" in budget else 0,
            "usd": budget["usd"].spent if "usd" in budget else 0.0,
            "proposed": seen.accepted + seen.refused,
            "accepted": seen.accepted,
            "wasted": seen.refused + seen.failed + seen.repeated,
            "violations": _violations(result, run, outcome),
            "taken_over": bool(result and result.taken_over),
            "note": note[:300],
        }
    )


def _value(result: RunResult | None) -> float | None:
    """The primary metric on the test split."""
    if result is None or not result.test:
        return None
    metric = next((t.metric for t in result.targets if t.metric in result.test), "macro_f1")
    metric = "macro_f1" if metric in {"latency_p95_ms", "size_mb"} else metric
    return result.test.get(metric)


def _violations(result: RunResult | None, run: Run | None, outcome: str) -> tuple[str, ...]:
    """What must never happen, whatever the controller does."""
    if outcome == "crashed":
        return ("ended with a traceback",)
    if result is None or run is None:
        return ()
    found = [
        f"over budget: {s.spent:g} of {s.limit:g} {name}"
        for name, s in result.budget.items()
        if s.limit is not None and s.spent > s.limit + (OVER if name == "seconds" else 0)
    ]
    if not (result.report and Path(result.report).is_file()):
        found.append("no report")
    else:
        read_story(run)
    if Ledger(run.workspace.ledger).run(run.name).status != "finished":
        found.append("not finished")
    return tuple(found)
