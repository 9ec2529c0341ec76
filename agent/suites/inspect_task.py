"""A suite as an Inspect AI task: `inspect eval tuneos/suite --model none -T controller=planner`.

Needs the extra `inspect`. One sample a scenario; the solver drives the agent's own graph,
so Inspect's model is never asked and no bridge stands between. An epoch is a repeat.
"""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
import uuid
from functools import partial
from pathlib import Path

import anyio
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    ModelOutput,
)
from inspect_ai.scorer import Score, Scorer, Target, accuracy, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.tool import ToolCall
from inspect_ai.util import concurrency

from ...evals.result import Step
from ...evals.suites import RunScore, with_regret
from .command import choose
from .contender import Contender, read_contenders
from .generate import data_of
from .run import drive, score
from .scenario import Scenario, Suite, SuiteError, read_suite

SCORE = "tuneos_score"
METRICS = {
    "right": [accuracy(), stderr()],
    "violations": [mean()],
    "wasted": [mean()],
    "seconds": [mean()],
    "tokens": [mean()],
}


@task
def suite(
    suite: str = "core",
    controller: str = "planner",
    only: str | list[str] | None = None,
    workspace: str | None = None,
) -> Task:
    """Run the scenarios of a suite and score the agent.

    Args:
        suite: A suite file, or "core".
        controller: As `tuneos eval --controllers` takes one.
        only: Scenarios, with commas.
        workspace: New folder to keep the runs in; None: a temporary one.

    Raises:
        UserError: The suite or the controller cannot be used.
    """
    names = ",".join(only) if isinstance(only, list) else only  # Inspect splits at commas
    chosen = choose(read_suite(suite), names)
    contenders = read_contenders(controller)
    if len(contenders) > 1:
        raise SuiteError("-T controller: name one; Inspect compares runs of the task")
    return Task(
        dataset=[_sample(s) for s in chosen.scenarios],
        solver=tuneos_agent(chosen, contenders[0], workspace),
        scorer=outcome(),
        name=f"tuneos_{chosen.name}",
        metadata={"controller": contenders[0].name},
    )


def _sample(scenario: Scenario) -> Sample:
    goal = " and ".join(scenario.targets) or "the best model it can get"
    words = f"Tune a model within {scenario.budget}: {goal}."
    said = scenario.model_dump(mode="json", exclude_none=True)
    return Sample(id=scenario.name, input=words, target=scenario.expect, metadata=said)


@solver
def tuneos_agent(suite: Suite, contender: Contender, workspace: str | None) -> Solver:
    """Drive the agent's graph through the scenario of a sample, one at a time."""
    root = Path(workspace) if workspace else _temporary()
    scenarios = {s.name: s for s in suite.scenarios}

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        scenario, repeat = scenarios[str(state.sample_id)], state.epoch - 1
        async with concurrency("tuneos", 1):
            data = data_of(scenario, suite.folder, root, repeat)
            folder = root / "runs" / f"{scenario.name}-{repeat}-{uuid.uuid4().hex[:6]}"
            work = partial(drive, scenario, contender, repeat, data, folder)
            ended, seen, seconds = await anyio.to_thread.run_sync(work)
        found = score(scenario, contender.name, repeat, ended, seen, seconds)
        (found,) = with_regret([found], {scenario.name: scenario.best_known})
        for step in ended.steps() or ():
            state.messages.extend(_messages(step))
        state.store.set(SCORE, found.model_dump(mode="json"))
        state.output = ModelOutput.from_content(contender.name, found.outcome)
        state.completed = True
        return state

    return solve


def _temporary() -> Path:
    """Make a folder that goes when the process ends; Inspect says when samples end, not tasks."""
    made = tempfile.mkdtemp(prefix="tuneos-inspect-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)


def _messages(step: Step) -> list[ChatMessage]:
    """A step as the call and the result that Inspect's log viewer shows."""
    name = f"step-{step.number}"
    arguments = json.loads(json.dumps(step.arguments, default=str))
    call = ToolCall(id=name, function=step.tool, arguments=arguments)
    return [
        ChatMessageAssistant(content=step.reason, tool_calls=[call]),
        ChatMessageTool(content=step.summary, tool_call_id=name, function=step.tool),
    ]


@scorer(metrics=METRICS)
def outcome() -> Scorer:
    """Whether the outcome was right, and what it took."""

    async def judge(state: TaskState, target: Target) -> Score:
        found = RunScore.model_validate(state.store.get(SCORE))
        return Score(
            value={
                "right": int(found.right and not found.violations),
                "violations": len(found.violations),
                "wasted": found.wasted,
                "seconds": found.seconds,
                "tokens": found.tokens,
            },
            answer=found.outcome,
            explanation="; ".join(found.violations) or found.note,
            metadata=found.model_dump(mode="json"),
        )

    return judge
