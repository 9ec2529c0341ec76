"""What becomes of a call: what arguments, policy, budget, rules and a person say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, ToolCall, ToolMessage
from langgraph.types import interrupt
from pydantic import ValidationError

from ..evals.result import Step
from ..memory.rulebook import Violation
from ..memory.sparql import QueryRefused, check_query
from ..tools.estimate import estimate_seconds
from ..tools.facts import Facts
from ..tools.guardrails.checks import check_arguments, neutralise
from ..tools.registry import TOOLS
from ..tools.training.asked_settings import memory_of
from .approval import Answer, Question
from .context import RunContext
from .policy import chosen_kinds
from .proposal import proposed
from .state import State
from .worth import worth_blending

FINE_TUNE = "fine_tune"
BLEND_TOOL = "blend_candidates"  # the same call blends others once there are others
SAME_CALL = 2  # a call may be made this often with the same arguments
ENOUGH = 0.6  # of the expected time: a training that gets less ends before it has learnt
REASON = 300  # characters kept of a controller's reason
NO = "the person said no"


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


def verdict_of(call: ToolCall, state: State, reason: str, context: RunContext) -> Verdict:
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
        noted_once(context, text[:1].upper() + text[1:])
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


def _unasked(call: ToolCall, context: RunContext) -> str | None:
    """Say what a cleaning would remove that the person did not choose; None: nothing."""
    kinds = chosen_kinds(call["name"], call["args"])
    more = [kind for kind in kinds if kind not in context.tools.clean]
    return f"whether {', '.join(more)} go is the person's choice" if more else None


def _as_known_best(call: ToolCall) -> bool:
    """Whether a call leaves its settings to the graph, so that its kind itself is forbidden."""
    return set(call["args"]) <= {"strategy", "peft_method", "epochs", "rungs", "trials"}


def noted_once(context: RunContext, text: str) -> None:
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


def _fault(error: Any) -> str:
    place = ".".join(str(p) for p in error["loc"]) or "arguments"
    return f"{place}: {error['msg']}, got {error.get('input')!r}"[:200]
