"""decide: ask the controller for the next step; one that cannot go on gives way to the planner."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, SystemMessage
from langgraph.runtime import Runtime

from ..evals.result import Step
from ..memory.budgets import BudgetSpent
from ..memory.trail import Entry
from .asking import Asked, answer_in_time, ask, recent, results_in
from .context import RunContext
from .digest import make_digest
from .events import Decided, TookOver, emit
from .faults import (
    MOST_CORRECTIONS,
    ControllerFailed,
    complaint,
    correction,
    corrections_now,
    unusable,
)
from .prompts import SYSTEM, earlier, goal
from .state import State

HISTORY = 24  # messages kept in view; the digest holds what is older
WINDOW_SHARE = 0.5  # of the controller's window for them


def decide(state: State, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """Show the controller the goal, the digest and the last results; take its calls."""
    context = runtime.context
    planner = context.controller is context.fallback
    if state["taken_over"] is None and not planner:
        wrong = complaint(refused=state["refused"], steps=state["steps"][state["helped"] :])
        told = corrections_now(
            wrong, before=state["corrections"], refused=state["refused"], steps=state["steps"]
        )
        if told <= MOST_CORRECTIONS:
            try:
                return _asked(state, context, wrong, told)
            except (ControllerFailed, BudgetSpent) as error:
                wrong = str(error)
        return _taken_over(state, context, str(wrong))
    return _planned(state, context)


def _asked(state: State, context: RunContext, wrong: str | None, told: int) -> dict[str, Any]:
    """The controller's answer, charged and told.

    Raises:
        ControllerFailed, BudgetSpent: There is none.
    """
    start = time.monotonic()
    window = context.context_tokens
    room = None if window is None else int(WINDOW_SHARE * window)
    kept = recent(state["messages"], HISTORY, room)
    hidden = state["steps"][: max(0, len(state["steps"]) - results_in(kept))]
    shown = _shown(state, context, hidden, wrong)
    asked = ask(context, [SystemMessage(SYSTEM), *kept, shown])
    emit(
        Decided(
            read=asked.read,
            written=asked.written,
            estimated=asked.estimated,
            usd=asked.usd,
            seconds=time.monotonic() - start,
        )
    )
    return {
        "messages": [*_forgotten(state), _usable(asked)],
        "calls": [],
        "corrections": told,
        "helped": len(state["steps"]) if wrong and state["refused"] == 0 else state["helped"],
    }


def _planned(state: State, context: RunContext) -> dict[str, Any]:
    """The planner's answer: it reads the state alone, and costs nothing."""
    shown = _shown(state, context, (), None)
    answer = answer_in_time(context.fallback, [], [SystemMessage(SYSTEM), shown], 60.0)
    return {"messages": [*_forgotten(state), answer], "calls": []}


def _taken_over(state: State, context: RunContext, why: str) -> dict[str, Any]:
    emit(TookOver(controller=context.controller_name, why=why))
    entry = Entry(kind="took_over", by="tuneos", proposed_by=context.controller_name, text=why)
    context.tools.ledger.log(context.tools.run, "took over", entry)
    return {**_planned(state, context), "taken_over": why, "refused": 0, "asked_on": 0}


def _shown(
    state: State, context: RunContext, hidden: Sequence[Step], wrong: str | None
) -> HumanMessage:
    tools = context.tools
    digest = make_digest(
        state["facts"],
        state["steps"],
        tools.targets,
        tools.metric,
        tools.seconds_left(),
        tools.trials_left(),
        state.get("declined", []),
        len(tools.base_models),
        state.get("vetoes"),
    )
    parts = [goal(context)]
    if hidden:
        parts.append(earlier(hidden))
    parts.append(f"State:\n{digest.model_dump_json(exclude_none=True, exclude_defaults=True)}")
    parts.append(correction(wrong) if wrong else "Next step?")
    return HumanMessage("\n\n".join(parts))


def _usable(asked: Asked) -> AIMessage:
    """What cannot go to the gate goes on as words, without the calls."""
    why = unusable(asked.answer)
    if why is None:
        return asked.answer
    words = str(asked.answer.text)[:300]
    return AIMessage(content=words or f"({why})", id=asked.answer.id)


def _forgotten(state: State) -> list[RemoveMessage]:
    """Messages that no controller will be shown again: a step must not cost more each time."""
    gone = state["messages"][: -2 * HISTORY]
    return [RemoveMessage(id=str(m.id)) for m in gone if m.id]
