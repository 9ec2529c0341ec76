"""gate: code, not prompt, decides which calls go through."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from langchain_core.messages import AIMessage, ToolCall, ToolMessage
from langgraph.runtime import Runtime
from langgraph.types import Send, interrupt
from pydantic import ValidationError

from ..evals.result import Step
from ..memory.budgets import BudgetSpent
from ..tools.estimate import estimate_seconds
from ..tools.facts import Facts
from ..tools.guardrails.checks import check_arguments, neutralise
from ..tools.registry import TOOLS
from .approval import Answer, Question
from .context import RunContext
from .events import Refused, emit
from .state import ActInput, Call, State

SAME_CALL = 2  # a call may be made this often with the same arguments
ENOUGH = 0.6  # of the expected time: a training that gets less ends before it has learnt
REASON = 300  # characters kept of a controller's reason


def gate(state: State, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """Check each call of the last message; refuse with words the controller can use."""
    context = runtime.context
    message = state["messages"][-1]
    if not isinstance(message, AIMessage):
        raise TypeError(f"the gate expects the controller's message, got {type(message).__name__}")
    reason = neutralise(str(message.text), REASON)
    passed: list[Call] = []
    refusals: list[ToolMessage] = []
    for invalid in message.invalid_tool_calls:
        broken = "arguments are not valid JSON"
        refusals.append(_refused(str(invalid["name"]), str(invalid["id"]), broken))
    for call in message.tool_calls:
        why = refusal(call, state["facts"], state["steps"], context)
        if why is None and _needs_person(call, state["facts"], context):
            why = _ask(call, state["facts"], reason)
        if why is None:
            try:
                passed.append(_reserved(call, state["facts"], reason, context))
                continue
            except BudgetSpent as spent:
                why = str(spent)
        refusals.append(_refused(call["name"], str(call["id"]), why))
    return {
        "messages": refusals,
        "calls": passed,
        "refused": 0 if passed else state["refused"] + 1,
    }


def to_act(state: State) -> list[Send] | Literal["judge"]:
    """One `Send` per call, so that a finished call is never run again after a crash."""
    if not state["calls"]:
        return "judge"
    return [Send("act", ActInput(call=c, facts=state["facts"])) for c in state["calls"]]


def refusal(call: ToolCall, facts: Facts, steps: Sequence[Step], context: RunContext) -> str | None:
    """Say why a call may not be made; None when it may."""
    tool = TOOLS.get(call["name"])
    if tool is None:
        return f"there is no tool {call['name']!r}; choose from {', '.join(TOOLS)}"
    try:
        tool.arguments.model_validate(call["args"])
    except ValidationError as error:
        return "; ".join(_fault(e) for e in error.errors()[:3])
    unsafe = check_arguments(call["args"], roots=[context.tools.workspace.root])
    if unsafe:
        return "; ".join(unsafe[:3])
    if sum(s.tool == call["name"] and s.arguments == call["args"] for s in steps) >= SAME_CALL:
        return "this was done before with the same arguments; its result stands, try something else"
    return _veto(call, facts, context)


def _veto(call: ToolCall, facts: Facts, context: RunContext) -> str | None:
    """What the knowledge graph and the budget forbid."""
    estimate = estimate_seconds(call["name"], call["args"], facts)
    left = context.tools.seconds_left()
    costly = call["name"] in {"fine_tune", "search_hyperparameters", "probe_baselines"}
    if costly and left is not None and left < ENOUGH * estimate:
        return f"about {estimate:.0f} s needed, {left:.0f} s left; choose something cheaper"
    if call["name"] not in {"fine_tune", "search_hyperparameters"}:
        return None
    names = {str(call["args"].get("strategy")), str(call["args"].get("peft_method"))}
    for strategy in facts.strategies:
        if strategy.name in names and facts.smallest_class < strategy.min_examples_per_class:
            return (
                f"{strategy.name} needs {strategy.min_examples_per_class} rows in each class "
                f"(knowledge graph); the smallest has {facts.smallest_class}"
            )
    return None


def _needs_person(call: ToolCall, facts: Facts, context: RunContext) -> bool:
    estimate = estimate_seconds(call["name"], call["args"], facts)
    return context.ask_above is not None and estimate > context.ask_above


def _ask(call: ToolCall, facts: Facts, reason: str) -> str | None:
    """Wait for a person; None means go on."""
    answer = interrupt(
        Question(
            tool=call["name"],
            arguments=call["args"],
            reason=reason,
            seconds=estimate_seconds(call["name"], call["args"], facts),
        ).model_dump()
    )
    return (
        None
        if Answer.of(answer).decision == "approve"
        else "the person said no; propose something else, or finish"
    )


def _reserved(call: ToolCall, facts: Facts, reason: str, context: RunContext) -> Call:
    """Set the expected seconds aside before they are spent."""
    tools = context.tools
    estimate = estimate_seconds(call["name"], call["args"], facts)
    left = tools.seconds_left()
    amount = estimate if left is None else max(0.0, min(estimate, left))
    return Call(
        id=str(call["id"]),
        tool=call["name"],
        arguments=call["args"],
        reason=reason,
        estimate=estimate,
        reservation=tools.ledger.reserve(tools.run, "seconds", amount),
        reserved=amount,
    )


def _refused(tool: str, call_id: str, why: str) -> ToolMessage:
    emit(Refused(tool=tool, why=why))
    text = json.dumps({"refused": why}, ensure_ascii=False)
    return ToolMessage(text, tool_call_id=call_id, name=tool, status="error")


def _fault(error: Any) -> str:
    place = ".".join(str(p) for p in error["loc"]) or "arguments"
    return f"{place}: {error['msg']}, got {error.get('input')!r}"[:200]
