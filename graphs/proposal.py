"""A call that a controller proposes, as the rules of the knowledge graph see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..evals.result import Step
from ..evals.targets import wants_robust
from ..memory.actions import Action, BaseFacts
from ..memory.strategies import Strategy
from ..tools.errors import UserError
from ..tools.facts import ROBUST_TARGET, Facts, Setting
from ..tools.tool import ToolRefused
from ..tools.training.asked_settings import as_will_run
from ..tools.training.base_facts import base_facts, place_of, this_machine
from ..tools.training.softness import failed_settings
from .context import RunContext

TRAINING = {"fine_tune", "search_hyperparameters"}  # tools whose settings a recipe completes


def proposed(
    tool: str,
    arguments: Mapping[str, Any],
    facts: Facts,
    steps: Sequence[Step],
    seconds: float,
    context: RunContext,
) -> Action:
    """Describe a call, with all that it would run with.

    Args:
        tool, arguments: The call, validated.
        facts: What is known of the run.
        steps: Done so far.
        seconds: That it is expected to take.
        context: Of the run.
    """
    tools = context.tools
    ref, digest = tools.base(facts)
    strategy = strategy_named(arguments, context)
    settings: dict[str, Setting] = {}
    if tool in TRAINING and strategy is not None:
        said = {k: v for k, v in arguments.items() if k != "trials" and v is not None}
        try:
            asked = as_will_run(said, tools, facts)
        except (ToolRefused, UserError):  # the tool says so itself
            asked = None
        settings = {} if asked is None else {**asked.model_dump(), **failed_settings(asked)}
    try:
        base, place = base_facts(ref), place_of(ref, tools.task)
    except UserError:  # whoever loads it says so
        base, place = BaseFacts(ref, digest), {}
    situation = {**place, **facts.situation, ROBUST_TARGET: wants_robust(tools.targets)}
    return Action(
        run=tools.run,
        number=len(steps) + 1,
        tool=tool,
        task=tools.task,
        machine=this_machine(),
        base=base,
        data_hash=facts.data_hash,
        strategy=strategy.name if strategy else "",
        strategy_iri=strategy.iri if strategy else "",
        technique=strategy.technique if strategy else "",
        asked={k: v for k, v in arguments.items() if isinstance(v, (str, int, float, bool))},
        settings=settings,
        seconds=seconds,
        measures={k: v for k, v in situation.items() if k in _OF_DATA},
        situation=situation,
        licence=tools.licence,
        use=tools.use,
        repeats=_failed_before(tool, arguments, steps),
    )


_OF_DATA = {"smallest_class", "median_class", "classes", "train_rows", "validation_rows"}


def strategy_named(arguments: Mapping[str, Any], context: RunContext) -> Strategy | None:
    """The strategy that arguments name: the variant of a PEFT method, or the one itself."""
    known = {s.name: s for s in context.tools.knowledge.strategies(context.tools.task)}
    named = known.get(str(arguments.get("strategy")))
    variant = known.get(str(arguments.get("peft_method")))
    return variant if variant and named and variant.variant_of == named.name else named


def _failed_before(tool: str, arguments: Mapping[str, Any], steps: Sequence[Step]) -> str:
    """Why just this call failed, where no step has succeeded since; "" where none did."""
    for step in reversed(steps):
        if step.ok:
            return ""
        if step.tool == tool and step.arguments == dict(arguments):
            return step.summary[:200] or "it failed"
    return ""
