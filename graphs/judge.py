"""judge: compare the best candidate with the targets; decide whether the loop goes on."""

from __future__ import annotations

from typing import Any, Literal

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.runtime import Runtime

from ..evals.targets import Target
from ..memory.trail import Entry
from ..tools.facts import Candidate
from .context import RunContext
from .digest import make_digest
from .events import Judged, TookOver, emit
from .faults import quits_early
from .standing import best, stop_reason
from .state import State

LEAST_SECONDS = 15.0  # a step shorter than this teaches nothing


def judge(state: State, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """Apply the rules of `standing`; a controller's "done" alone ends nothing."""
    context, tools = runtime.context, runtime.context.tools
    facts, steps = state["facts"], state["steps"]
    chosen = best(facts.candidates, tools.targets, tools.metric)
    left = tools.seconds_left()
    trials, declined = tools.trials_left(), state.get("declined", [])
    digest = make_digest(
        facts, steps, tools.targets, tools.metric, left, trials, declined, len(tools.base_models)
    )
    wants_to_finish = _wants_to_finish(state)
    untried = not digest.only_costs_missed and (
        not digest.strategies
        or any(
            not s.tried
            and not s.failed
            and s.feasible
            and s.tool == "fine_tune"
            and s.variant_of is None
            and (left is None or s.seconds <= left)
            for s in digest.strategies
        )
    )
    stop = stop_reason(
        candidate=chosen,
        targets=tools.targets,
        wants_to_finish=wants_to_finish,
        waited=digest.attempts_without_gain,
        patience=digest.patience,
        asked_on=state["asked_on"],
        untried=untried,
        seconds_left=left,
        least_seconds=LEAST_SECONDS,
        steps=len(steps),
        refused=state["refused"],
    )
    taken_over = state["taken_over"]
    if stop == "controller_finished" and wants_to_finish and taken_over is None:
        share = _share_used(context)
        if context.controller is not context.fallback and quits_early(
            share_used=share, untried=untried, targets=bool(tools.targets)
        ):
            stop, taken_over = None, f"it wanted to stop at {share:.0%} of the time"
            emit(TookOver(controller=context.controller_name, why=taken_over))
    standing = _standing(chosen, tools.targets, tools.metric)
    emit(Judged(best=chosen.name if chosen else None, text=standing, stop=stop))
    figures = {
        "attempts_without_gain": digest.attempts_without_gain,
        "patience": digest.patience,
        "steps": len(steps),
        "refused_in_a_row": state["refused"],
        "wants_to_finish": float(wants_to_finish),
        "asked_on": state["asked_on"],
        "untried": float(untried),
        **({} if left is None else {"seconds_left": round(left, 3)}),
    }
    tools.ledger.log(
        tools.run,
        f"judged/{_round(state)}",
        Entry(
            kind="judged",
            by="judge",
            text=standing,
            candidate=chosen.name if chosen else "",
            stop=stop or "",
            figures=figures,
        ),
    )
    if stop is not None:
        context.audit.add("stopped", {"what": stop, "best": chosen.name if chosen else None})
    if taken_over is not None and state["taken_over"] is None:
        gone = Entry(kind="took_over", by="judge", proposed_by=context.controller_name)
        tools.ledger.log(tools.run, "took over", gone.model_copy(update={"text": taken_over}))
    update: dict[str, Any] = {"stop": stop, "taken_over": taken_over}
    if wants_to_finish and stop is None and taken_over is None:
        update["asked_on"] = state["asked_on"] + 1
        update["messages"] = [
            HumanMessage(
                "Not finished: targets are unmet and there is time and something untried. Go on."
            )
        ]
    return update


def after_judge(state: State) -> Literal["decide", "confirm"]:
    """Go on, or open the test split."""
    return "decide" if state["stop"] is None else "confirm"


def _wants_to_finish(state: State) -> bool:
    for message in reversed(state["messages"]):
        if isinstance(message, AIMessage):
            return any(call["name"] == "finish" for call in message.tool_calls)
    return False


def _round(state: State) -> str:
    """What tells this round from the others, also when it is run again."""
    asked = (m.id for m in reversed(state["messages"]) if isinstance(m, AIMessage))
    return str(next(asked, len(state["steps"])))


def _share_used(context: RunContext) -> float | None:
    """Of the time budget; None without a limit."""
    tools = context.tools
    spent = tools.ledger.spending(tools.run).get("seconds")
    return None if spent is None or not spent.limit else spent.spent / spent.limit


def _standing(chosen: Candidate | None, targets: tuple[Target, ...], metric: str) -> str:
    if chosen is None:
        return "no candidate yet"
    scores = chosen.validation
    if not targets:
        return f"best so far {chosen.name}: {metric} {scores[metric]:.4f} on validation"
    parts = [
        f"{t.metric} {scores[t.metric]:.4g} "
        f"({'meets' if t.holds(scores[t.metric]) else 'misses'} {t.op}{t.value:g})"
        for t in targets
        if t.metric in scores
    ]
    return f"best so far {chosen.name}: {', '.join(parts)} on validation"
