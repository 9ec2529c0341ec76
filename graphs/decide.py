"""decide: ask the controller for the next step."""

from __future__ import annotations

import uuid
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from ..tools.registry import TOOLS
from .context import RunContext
from .digest import make_digest
from .prompts import SYSTEM, goal
from .state import State

HISTORY = 24  # messages kept in view; the digest holds what is older


def decide(state: State, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """Show the controller the goal, the digest and the last results; take its calls."""
    context, tools = runtime.context, runtime.context.tools
    digest = make_digest(
        state["facts"],
        state["steps"],
        tools.targets,
        tools.metric,
        tools.seconds_left(),
        tools.trials_left(),
    )
    shown = HumanMessage(
        f"{goal(context)}\n\nState:\n{digest.model_dump_json(exclude_none=True)}\n\nNext step?"
    )
    bound = context.controller.bind_tools([t.schema() for t in TOOLS.values()])
    answer = bound.invoke([SystemMessage(SYSTEM), *recent(state["messages"]), shown])
    return {"messages": [_with_call(answer)], "calls": []}


def recent(messages: list[AnyMessage]) -> list[AnyMessage]:
    """The last messages, beginning with one of the controller's own."""
    kept = messages[-HISTORY:]
    while kept and not isinstance(kept[0], AIMessage):
        kept = kept[1:]
    return kept


def _with_call(answer: AIMessage) -> AIMessage:
    """Words without a call are a wish to finish, in those words."""
    if answer.tool_calls or answer.invalid_tool_calls:
        return answer
    call = {
        "name": "finish",
        "args": {"reason": str(answer.text)[:300] or "no reason given"},
        "id": uuid.uuid4().hex,
        "type": "tool_call",
    }
    return AIMessage(content=answer.content, tool_calls=[call], id=answer.id)
