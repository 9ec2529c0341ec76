"""The settings that a call comes to: its recipe, what is remembered, and what memory allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from pydantic import ValidationError

from ...memory.strategies import Strategy
from ..facts import Facts, Setting
from ..knowledge.recalled import alike, seeds
from ..tool import ToolContext, ToolRefused
from .base_facts import this_machine
from .memory_retry import SOFTENED, kept_softness, memory_needed
from .settings import TrainSettings
from .softness import gentle_enough

FINE_TUNE_NAME = "fine_tune"  # the tool


def as_will_run(said: dict[str, Setting], context: ToolContext, facts: Facts) -> TrainSettings:
    """What was said with the strategy's defaults, as gentle as earlier trainings had to be.

    What paid on similar data stands in for the defaults. Who says how a batch is
    computed gets just that.

    Raises:
        ToolRefused: The graph has no such strategy, or its recipe is no good.
    """
    began = seeds(alike(facts.remembered, facts.constants), strategy_of(said, context))[:1]
    known = dict(began[0].settings) if began else {}
    settings = TrainSettings.model_validate(
        full_settings({**known, **kept_softness(facts), **said}, context)
    )
    if {*SOFTENED} & said.keys():
        return settings
    _, digest = context.base(facts)
    here = this_machine()
    failures = context.knowledge.failures()
    return gentle_enough(settings, [f for f in failures if (f.machine, f.base) == (here, digest)])


def full_settings(said: dict[str, Setting], context: ToolContext) -> dict[str, Setting]:
    """Add the strategy's defaults to what was said, and check the whole.

    A PEFT method that the knowledge graph has as a variant brings its own defaults.

    Raises:
        ToolRefused: The graph has no such strategy, or its recipe is no good.
    """
    source = _recipe(said, context)
    fields = TrainSettings.model_fields
    defaults = {k: v for k, v in source.defaults.items() if k in fields}
    merged = {**defaults, **said, "strategy": source.technique}
    try:
        return TrainSettings.model_validate(merged).model_dump()
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise ToolRefused(
            f"the recipe of {source.name} cannot be used: {where}: {fault['msg']}, "
            f"got {fault.get('input')!r}"
        ) from error


def strategy_of(said: dict[str, Setting], context: ToolContext) -> str:
    """The strategy that settings amount to: the one named, or its variant of a PEFT method.

    Raises:
        ToolRefused: The graph has no such strategy.
    """
    source, method = _recipe(said, context), said.get("peft_method")
    return str(method) if method and method != source.defaults.get("peft_method") else source.name


def _recipe(said: dict[str, Setting], context: ToolContext) -> Strategy:
    tuned = [s for s in context.knowledge.strategies(context.task) if s.tool == FINE_TUNE_NAME]
    known = {s.name: s for s in tuned}
    named = known.get(str(said["strategy"]))
    if named is None:
        names = ", ".join(known)
        raise ToolRefused(f"no strategy {said['strategy']!r} to fine-tune with; there are: {names}")
    variant = known.get(str(said.get("peft_method", "")))
    return variant if variant is not None and variant.variant_of == named.name else named


def memory_of(
    tool: str, said: Mapping[str, object], context: ToolContext, facts: Facts
) -> tuple[int, int] | None:
    """Bytes that a call takes at most, and those that are free; None where it tunes nothing."""
    if tool not in {FINE_TUNE_NAME, "search_hyperparameters"}:
        return None
    given = {k: v for k, v in said.items() if k in TrainSettings.model_fields and v is not None}
    settings = full_settings({**kept_softness(facts), **cast("dict[str, Setting]", given)}, context)
    return memory_needed(tool, TrainSettings.model_validate(settings), context, facts)
