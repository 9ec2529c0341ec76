"""gate: code, not prompt, decides which calls go through."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.messages import AIMessage, AnyMessage, ToolCall, ToolMessage
from langgraph.runtime import Runtime
from langgraph.types import Send, interrupt
from pydantic import ValidationError

from ..evals.result import Step
from ..memory.budgets import BudgetSpent
from ..memory.rulebook import Violation
from ..memory.sparql import QueryRefused, check_query
from ..memory.trail import Entry
from ..tools.estimate import estimate_seconds
from ..tools.facts import Facts
from ..tools.guardrails.checks import check_arguments, neutralise
from ..tools.guardrails.marks import as_data
from ..tools.registry import TOOLS
from ..tools.training.asked_settings import memory_of
from .approval import Answer, Question
from .context import RunContext
from .digest import worth_blending
from .events import Refused, emit
from .policy import chosen_kinds, kind_of
from .proposal import proposed
from .state import ActInput, Call, State

FINE_TUNE = "fine_tune"
BLEND_TOOL = "blend_candidates"  # the same call blends others once there are others
SAME_CALL = 2  # a call may be made this often with the same arguments
ENOUGH = 0.6  # of the expected time: a training that gets less ends before it has learnt
SEARCH_TRIALS = 8  # of a search that does not say
REASON = 300  # characters kept of a controller's reason
MOST_DECLINED = 12  # different things that a person says no to before it tells on the controller
LONGEST_NOTE = 8000  # characters of a decision in the audit log
WHY = 1500  # characters of a refusal that a controller reads
NO = "the person said no"
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
    verdicts = [_verdict(call, state, reason, context) for call in message.tool_calls]
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
            _note(context, f"Refused {kind}: {verdict.rule}")
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


def refusal(call: ToolCall, facts: Facts, steps: Sequence[Step], context: RunContext) -> str | None:
    """Say why a call may not be made; None when it may."""
    why = _unfit(call, facts, steps, context)
    veto = None if why else _veto(_judged(call, facts, steps, context))
    return why or (str(veto) if veto else None)


def _unfit(call: ToolCall, facts: Facts, steps: Sequence[Step], context: RunContext) -> str | None:
    """What arguments, policy and budget forbid: all that is no knowledge."""
    tool = TOOLS.get(call["name"])
    if tool is None:
        return f"there is no tool {call['name']!r}; choose from {', '.join(TOOLS)}"
    barred = context.policy.why_not_permitted(tool.name)
    if barred is not None:
        return barred
    try:
        tool.arguments.model_validate(call["args"])
    except ValidationError as error:
        return "; ".join(_fault(e) for e in error.errors()[:3])
    unsafe = check_arguments(call["args"], roots=[context.tools.workspace.root])
    if unsafe:
        return "; ".join(unsafe[:3])
    asks = call["args"].get("sparql")
    if asks is not None:
        try:
            check_query(str(asks))
        except QueryRefused as refused:
            return str(refused)
    times = sum(s.tool == call["name"] and s.arguments == call["args"] for s in steps)
    blends_anew = call["name"] == BLEND_TOOL and worth_blending(
        facts.candidates, context.tools.metric
    )
    unknown = _unknown_strategy(call, context)
    if unknown is not None:
        return unknown
    if times >= SAME_CALL and not blends_anew:
        return "this was done before with the same arguments; its result stands, try something else"
    return _unaffordable(call, facts, context)


def _unaffordable(call: ToolCall, facts: Facts, context: RunContext) -> str | None:
    """What the policy and the budget forbid."""
    estimate = estimate_seconds(call["name"], call["args"], facts)
    rule = context.policy.why_refused(call["name"], estimate)
    if rule is not None:
        return f"the policy of this run forbids {rule}; choose something else"
    left = context.tools.seconds_left()
    known = context.tools.knowledge.strategies(context.tools.task)
    if call["name"] in {s.tool for s in known} and left is not None and left < ENOUGH * estimate:
        return f"about {estimate:.0f} s needed, {left:.0f} s left; choose something cheaper"
    return None


def _unknown_strategy(call: ToolCall, context: RunContext) -> str | None:
    """A training names a strategy of the graph."""
    known = context.tools.knowledge.strategies(context.tools.task)
    named = call["args"].get("strategy")
    trained = [s.name for s in known if s.tool == FINE_TUNE]
    if named is None or named in trained:
        return None
    return f"there is no strategy {named!r} to train with; choose from {', '.join(trained)}"


def _judged(
    call: ToolCall, facts: Facts, steps: Sequence[Step], context: RunContext
) -> tuple[Violation, ...]:
    """What the rules of the knowledge graph say of a call that may be made otherwise."""
    estimate = estimate_seconds(call["name"], call["args"], facts)
    action = proposed(call["name"], call["args"], facts, steps, estimate, context)
    return context.tools.knowledge.check(action)


def _veto(said: Sequence[Violation]) -> Violation | None:
    """What the first rule that forbids it says."""
    return next((v for v in said if v.severity == "veto"), None)


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


@dataclass(frozen=True)
class Verdict:
    """What becomes of a call.

    Attributes:
        call: As it is to be made; a person may have changed it.
        why: Why it may not be made; None when it may.
        by: What a person said of it.
        declined: A person, the policy or a rule said no to such calls.
        rule: The words of the rule that forbids it; "" where none does.
        named: The rule's IRI, or its name where it could not be judged.
        asked: A person answered.
    """

    call: ToolCall
    why: str | None = None
    by: str = ""
    declined: bool = False
    asked: bool = False
    rule: str = ""
    named: str = ""


def _verdict(call: ToolCall, state: State, reason: str, context: RunContext) -> Verdict:
    """Check a call, and ask a person where one must be."""
    facts, steps, policy = state["facts"], state["steps"], context.policy
    why = _unfit(call, facts, steps, context)
    named = call["name"], call["args"]
    seconds = estimate_seconds(*named, facts)
    if why is not None:
        return Verdict(call, why, declined=policy.why_refused(call["name"], seconds) is not None)
    said = _judged(call, facts, steps, context)
    veto = _veto(said)
    if veto is not None:
        words = str(veto)
        return Verdict(
            call, words, declined=_as_known_best(call), rule=words, named=veto.rule or veto.name
        )
    for text in (str(v) for v in said if v.severity == "note"):
        _note(context, text[:1].upper() + text[1:])
    unasked = _unasked(call, context)
    if unasked is not None and context.approval == "auto":
        return Verdict(call, f"{unasked}; it names them with --clean, or is asked", declined=True)
    wished = next((str(v) for v in said if v.severity == "ask"), None)
    rule = wished or unasked or policy.why_asked(call["name"], seconds)
    if rule is None or context.approval == "auto":
        return Verdict(call)
    if context.approval == "never":
        words = f"{rule} needs a person, and none may be asked; choose something cheaper"
        return Verdict(call, words, declined=True)
    if _refused_before(call, state["messages"]):
        return Verdict(call, "the person said no to just this before", declined=True)
    answer = _ask(call, seconds, memory_of(*named, context.tools, facts), reason, rule)
    if answer.decision == "refuse":
        why_not = f": {neutralise(answer.words, REASON)}" if answer.words else ""
        words = f"{NO}{why_not}; propose something else, or finish"
        return Verdict(call, words, declined=True, asked=True)
    if answer.decision == "approve":
        return Verdict(call, by="approved by a person", asked=True)
    edited = ToolCall(name=call["name"], args=answer.arguments or {}, id=call["id"])
    wrong = refusal(edited, facts, steps, context)
    words = f"the person's change cannot be: {wrong}"
    return Verdict(edited, wrong and words, by="changed by a person", asked=True)


def _unasked(call: ToolCall, context: RunContext) -> str | None:
    """Say what a cleaning would remove that the person did not choose; None: nothing."""
    kinds = chosen_kinds(call["name"], call["args"])
    more = [kind for kind in kinds if kind not in context.tools.clean]
    return f"whether {', '.join(more)} go is the person's choice" if more else None


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


def _as_known_best(call: ToolCall) -> bool:
    """Whether a call leaves its settings to the graph, so that its kind itself is forbidden."""
    return set(call["args"]) <= {"strategy", "peft_method", "epochs", "rungs", "trials"}


def _note(context: RunContext, text: str) -> None:
    """Put a line into the report, once."""
    tools = context.tools
    if text not in tools.ledger.notes(tools.run):
        tools.ledger.note(tools.run, text)


def _refused_before(call: ToolCall, messages: Sequence[AnyMessage]) -> bool:
    """Whether a person said no to this very call."""
    ids = {m.tool_call_id for m in messages if isinstance(m, ToolMessage) and NO in str(m.text)}
    return any(
        c["id"] in ids and c["name"] == call["name"] and c["args"] == call["args"]
        for m in messages
        if isinstance(m, AIMessage)
        for c in m.tool_calls
    )


def _ask(
    call: ToolCall, seconds: float, memory: tuple[int, int] | None, reason: str, rule: str
) -> Answer:
    """Wait for a person."""
    needed, free = memory or (None, None)
    question = Question(
        tool=call["name"],
        arguments=call["args"],
        reason=reason,
        seconds=seconds,
        memory=needed,
        free=free,
        why_asked=rule,
        known=tuple(TOOLS[call["name"]].arguments.model_fields),
    )
    return Answer.of(interrupt(question.model_dump()))


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


def _fault(error: Any) -> str:
    place = ".".join(str(p) for p in error["loc"]) or "arguments"
    return f"{place}: {error['msg']}, got {error.get('input')!r}"[:200]
