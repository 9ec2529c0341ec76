"""act: run one tool call; failures become observations here and nowhere else."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from langchain_core.messages import ToolMessage
from langgraph.runtime import Runtime

from ..evals.result import Step
from ..memory.errors import DataDamaged, DiskFull, StoreError
from ..memory.trail import Entry, Made
from ..tools.errors import UserError
from ..tools.facts import Facts, JobProgress
from ..tools.guardrails.checks import neutralise
from ..tools.guardrails.marks import as_data
from ..tools.jobs.running import JobFailed
from ..tools.registry import TOOLS
from ..tools.tool import ToolContext, ToolRefused, ToolResult
from .context import RunContext
from .events import StepEnded, StepProgress, StepStarted, emit
from .gate import step_entry
from .integrity import remember_made
from .state import ActInput, Call
from .timing import metered
from .writing import writer_of

SUMMARY = 2000  # characters of a tool's summary that a controller reads
OBSERVED = (ToolRefused, UserError, JobFailed, StoreError)


def act(state: ActInput, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """Run the tool, charge what it took, return its facts."""
    tools = replace(runtime.context.tools, writer=writer_of(runtime.context, state["taken_over"]))
    call = _reserved(state["call"], tools)
    tool = TOOLS[call.tool]
    emit(
        StepStarted(
            tool=call.tool, arguments=call.arguments, reason=call.reason, estimate=call.estimate
        )
    )
    start = time.monotonic()

    def tell(progress: JobProgress) -> None:
        emit(StepProgress(tool=call.tool, progress=progress))

    ok = True
    try:
        with metered(tools.ledger, tools.run, call.reservation):
            arguments = tool.arguments.model_validate(call.arguments)
            result = tool.run(arguments, _with_own_time(tools, call), state["facts"], tell)
    except (DataDamaged, DiskFull):
        raise
    except OBSERVED as error:
        ok, result = False, ToolResult(neutralise(str(error), SUMMARY))
    seconds = time.monotonic() - start
    for held in (call.trials_reservation, call.gpu_reservation):
        if held is not None:  # the job has charged what it used
            tools.ledger.settle(held, 0.0)
    emit(StepEnded(tool=call.tool, summary=result.summary, ok=ok, seconds=seconds))
    if ok:
        remember_made(result.facts.candidates, tools)
    if ok and result.facts.frozen_seconds:  # what confirm will take follows from it
        tools.ledger.keep(tools.run, "speed", str(result.facts.frozen_seconds))
    if ok and result.facts.answer_seconds:
        tools.ledger.keep(tools.run, "answers", str(result.facts.answer_seconds))
    message = ToolMessage(
        as_data(result.summary, SUMMARY),
        tool_call_id=call.id,
        name=call.tool,
        status="success" if ok else "error",
    )
    step = Step(
        number=0,
        tool=call.tool,
        arguments=call.arguments,
        reason=call.reason,
        summary=result.summary,
        ok=ok,
        seconds=seconds,
        approved=call.approved,
    )
    facts = result.facts if ok else Facts()
    tools.ledger.log(tools.run, call.key or call.id, _ended(call, state["facts"], facts, step))
    return {"messages": [message], "facts": facts, "steps": [step]}


def _ended(call: Call, before: Facts, added: Facts, step: Step) -> Entry:
    """The step as it ended: what came of it, and what it made."""
    new = added.data if added.data != before.data else None
    made = [
        Made(
            name=c.name,
            strategy=c.strategy,
            settings=c.settings,
            validation=c.validation,
            seconds=c.seconds,
        )
        for c in added.candidates
        if c not in before.candidates
    ]
    return step_entry(call, before).model_copy(
        update={
            "state": "ok" if step.ok else "failed",
            "text": neutralise(step.summary, SUMMARY),
            "seconds": step.seconds,
            "new_data": new.key if new else "",
            "new_data_name": new.name if new else "",
            "made": tuple(made),
        }
    )


def _reserved(call: Call, tools: ToolContext) -> Call:
    """Set the call's time and trials aside again where a crash has settled its reservations.

    Never more than is left: what the first try has cost is spent.
    """
    if tools.ledger.holds(tools.run, call.reservation):
        return call
    left, trials_left = tools.seconds_left(), tools.trials_left()
    seconds = call.reserved if left is None else min(call.reserved, left)
    trials = call.reserved_trials if trials_left is None else min(call.reserved_trials, trials_left)
    hold = tools.ledger.hold
    return call.model_copy(
        update={
            "reservation": hold(tools.run, "seconds", seconds),
            "reserved": seconds,
            "trials_reservation": hold(tools.run, "trials", trials) if trials else None,
            "reserved_trials": trials,
            "gpu_reservation": None
            if call.gpu_reservation is None
            else hold(tools.run, "gpu_seconds", seconds),
        }
    )


def _with_own_time(tools: ToolContext, call: Call) -> ToolContext:
    """What was set aside for this call is its own to use."""

    def left() -> float | None:
        others = tools.seconds_left()
        return None if others is None else others + call.reserved

    def trials() -> int | None:
        others = tools.trials_left()
        return None if others is None else others + call.reserved_trials

    return replace(tools, seconds_left=left, trials_left=trials)
