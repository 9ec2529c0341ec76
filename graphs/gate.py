"""gate: code, not prompt, decides which calls go through."""

from __future__ import annotations

import json
from typing import Any, Literal

from langchain_core.messages import AIMessage, ToolCall, ToolMessage
from langgraph.runtime import Runtime
from langgraph.types import Send

from ..memory.budgets import BudgetSpent
from ..memory.trail import Entry
from ..tools.estimate import estimate_seconds
from ..tools.facts import Facts
from ..tools.guardrails.checks import neutralise
from ..tools.guardrails.marks import as_data
from .context import RunContext
from .events import Refused, emit
from .policy import kind_of
from .state import ActInput, Call, State
from .verdict import REASON, Verdict, noted_once, verdict_of

SEARCH_TRIALS = 8  # of a search that does not say
MOST_DECLINED = 12  # different things that a person says no to before it tells on the controller
LONGEST_NOTE = 8000  # characters of a decision in the audit log
WHY = 1500  # characters of a refusal that a controller reads
PLANNER = "rule-based planner"


def gate(state: State, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """Check each call of the last message; refuse with words the controller can use."""
    context = runtime.context
    message = state["messages"][-1]
    if not isinstance(message, AIMessage):
        raise TypeError(f"the gate expects the controller's message, got {type(message).__name__}")
    reason = neutralise(str(message.text), REASON)
    refusals: list[ToolMessage] = []
    note = _Notes(context, state, str(message.id), reason)
    for invalid in message.invalid_tool_calls:
        broken = "arguments are not valid JSON"
        _audit(context, "refused", {"tool": invalid["name"], "why": broken})
        refusals.append(_refused(str(invalid["name"]), str(invalid["id"]), broken))
        note.refused(str(invalid["name"]), {}, broken, "gate")
    # A question starts this node anew once it is answered: nothing is reserved before the last.
    verdicts = [verdict_of(call, state, reason, context) for call in message.tool_calls]
    passed: list[Call] = []
    for call, verdict in zip(message.tool_calls, verdicts, strict=True):
        why = verdict.why
        if why is None:
            try:
                facts = state["facts"]
                held = _reserved(verdict.call, facts, reason, verdict.by, context)
                passed.append(note.passed(held, facts))
                _audit(context, "allowed", _decided(call, verdict, reason))
                continue
            except BudgetSpent as spent:
                why = str(spent)
        _audit(context, "refused", {**_decided(call, verdict, reason), "why": why})
        refusals.append(_refused(call["name"], str(call["id"]), why))
        by = "person" if verdict.asked else "gate"
        note.refused(call["name"], call["args"], why, by, verdict.named)
    declined, vetoes = list(state.get("declined", [])), dict(state.get("vetoes") or {})
    for verdict in verdicts:
        kind = kind_of(verdict.call["name"], verdict.call["args"])
        if verdict.rule:
            noted_once(context, f"Refused {kind}: {verdict.rule}")
            if verdict.declined:
                vetoes[kind] = verdict.rule
        if verdict.declined and kind not in declined:
            declined.append(kind)
    # What a person says no to is no fault of the controller's, unless it wears them out.
    person = any(v.asked for v in verdicts) and len(declined) < MOST_DECLINED
    refused = state["refused"] if person else state["refused"] + 1
    return {
        "messages": refusals,
        "calls": passed,
        "refused": 0 if passed else refused,
        "declined": declined,
        "vetoes": vetoes,
    }


def to_act(state: State) -> list[Send] | Literal["judge"]:
    """One `Send` per call, so that a finished call is never run again after a crash."""
    if not state["calls"]:
        return "judge"
    facts, taken_over = state["facts"], state["taken_over"]
    return [
        Send("act", ActInput(call=c, facts=facts, taken_over=taken_over)) for c in state["calls"]
    ]


class _Notes:
    """Writes what becomes of the calls of one message into the run's trail."""

    def __init__(self, context: RunContext, state: State, message: str, reason: str) -> None:
        self._tools, self._message, self._reason = context.tools, message, reason
        self._by = who_decides(context, state.get("taken_over"))
        self._count = 0

    def passed(self, call: Call, facts: Facts) -> Call:
        """A call that goes through: a step that is open; act says how it ended."""
        marked = call.model_copy(update={"key": self._key(), "by": self._by})
        self._log(marked.key, step_entry(marked, facts))
        return marked

    def refused(
        self, tool: str, arguments: dict[str, Any], why: str, by: str, rule: str = ""
    ) -> None:
        """A call that does not."""
        self._log(
            self._key(),
            Entry(
                kind="refused",
                by=by,
                proposed_by=self._by,
                tool=tool,
                arguments=arguments,
                reason=self._reason,
                text=why,
                rule=rule,
            ),
        )

    def _key(self) -> str:
        self._count += 1
        return f"{self._message}/{self._count}"

    def _log(self, key: str, entry: Entry) -> None:
        self._tools.ledger.log(self._tools.run, key, entry)


def who_decides(context: RunContext, taken_over: str | None) -> str:
    """The controller's name, or the planner's once it took over."""
    return context.controller_name if taken_over is None else PLANNER


def step_entry(call: Call, facts: Facts) -> Entry:
    """A step as it begins."""
    data = facts.data
    return Entry(
        kind="step",
        by=call.by,
        tool=call.tool,
        arguments=call.arguments,
        reason=call.reason,
        state="open",
        approved=call.approved,
        estimate=call.estimate,
        data=data.key if data else "",
        data_name=data.name if data else "",
    )


def _decided(call: ToolCall, verdict: Verdict, reason: str) -> dict[str, Any]:
    """What the audit log says of a decision, in the controller's words and the person's."""
    given = verdict.call["args"]
    said = {"tool": call["name"], "arguments": call["args"], "reason": reason}
    changed = {"instead": given} if given != call["args"] else {}
    return {**said, **changed, **({"by": verdict.by} if verdict.by else {})}


def _audit(context: RunContext, what: str, said: dict[str, Any]) -> None:
    """Write a decision down; long or unsafe text in it is cut and made plain."""
    plain = json.dumps(said, ensure_ascii=False, default=str)
    if len(plain) > LONGEST_NOTE or not plain.isprintable():
        said = {k: neutralise(str(v), LONGEST_NOTE // len(said)) for k, v in said.items()}
    context.audit.add(what, said)


def _reserved(call: ToolCall, facts: Facts, reason: str, by: str, context: RunContext) -> Call:
    """Set the expected seconds, also of a GPU, and trials aside before they are spent."""
    tools = context.tools
    estimate = estimate_seconds(call["name"], call["args"], facts)
    left = tools.seconds_left()
    amount = estimate if left is None else max(0.0, min(estimate, left))
    trials = _trials(call, tools.trials_left())
    gpu = tools.ledger.spending(tools.run).get("gpu_seconds")
    limited = gpu is not None and gpu.limit is not None
    return Call(
        id=str(call["id"]),
        tool=call["name"],
        arguments=call["args"],
        reason=reason,
        estimate=estimate,
        reservation=tools.ledger.reserve(tools.run, "seconds", amount),
        reserved=amount,
        approved=by,
        trials_reservation=tools.ledger.reserve(tools.run, "trials", trials) if trials else None,
        reserved_trials=trials,
        gpu_reservation=tools.ledger.reserve(tools.run, "gpu_seconds", amount) if limited else None,
    )


def _trials(call: ToolCall, left: int | None) -> int:
    """Trials that a search may use of those left; 0 for other tools."""
    if call["name"] != "search_hyperparameters":
        return 0
    asked = int(call["args"].get("trials", SEARCH_TRIALS))
    return asked if left is None else min(asked, left)


def _refused(tool: str, call_id: str, why: str) -> ToolMessage:
    emit(Refused(tool=tool, why=why))
    text = json.dumps({"refused": as_data(why, WHY)}, ensure_ascii=False)  # it quotes arguments
    return ToolMessage(text, tool_call_id=call_id, name=tool, status="error")
