"""Knowledge tools: ask the graph, tell it a lesson."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ...evals.targets import wants_robust
from ...memory.sparql import schema_digest
from ...memory.strategies import Strategy
from ..facts import ROBUST_TARGET, DomainSaid, Facts, KnownStrategy, OnProgress
from ..fusion.kept import known_of, said_of
from ..tool import Tool, ToolContext, ToolRefused, ToolResult
from ..training.base_facts import place_of
from .recalled import recall, with_memory

ROWS = 30


class QueryArguments(BaseModel):
    """Ask the knowledge graph: what may be tried, what is forbidden, or any SPARQL SELECT, ASK."""

    model_config = ConfigDict(extra="forbid")

    about: Literal["strategies", "rules", "schema"] | None = Field(
        None, description="strategies: the ladder for this task; rules: vetoes; schema: vocabulary"
    )
    sparql: str | None = Field(None, max_length=4000, description="instead of about")


class LessonArguments(BaseModel):
    """Write a lesson of this run into the knowledge graph, for later runs."""

    model_config = ConfigDict(extra="forbid")

    lesson: str = Field(max_length=500)
    about: str = Field(max_length=80, description="a strategy, setting or task")


def _query(
    arguments: QueryArguments, context: ToolContext, facts: Facts, _: OnProgress
) -> ToolResult:
    if arguments.sparql:
        found = context.knowledge.query(arguments.sparql, limit=ROWS)
        lines = [" | ".join(found.columns)]
        lines += [" | ".join("" if v is None else str(v) for v in row) for row in found.rows]
        more = "\n(more rows were left off)" if found.truncated else ""
        remark = f"\n({found.remark})" if found.remark else ""
        return ToolResult("\n".join(lines) + more + remark)
    if arguments.about == "schema":
        return ToolResult(schema_digest())
    if arguments.about == "rules":
        listed = "; ".join(
            f"{r.name} ({r.severity}): {r.message}" for r in context.knowledge.known_rules()
        )
        return ToolResult(f"Every call is checked against these rules: {listed}.")
    if arguments.about is None:
        raise ToolRefused("give `about` or `sparql`")
    strategies = context.knowledge.strategies(context.task)
    said = context.knowledge.constants()
    constants = {k: float(v) for k, v in said.items() if isinstance(v, (int, float))}
    past = recall(context, facts, strategies, constants)
    remembered, runs = past.tries, past.runs
    known = tuple(with_memory(as_known(s), remembered, constants) for s in strategies)
    domain = said_of(known_of(context, facts))
    hard = wants_robust(context.targets)
    shown = [s for s in known if hard or not s.hardens]
    ladder = "; ".join(f"{s.rung} {s.name} (cost {s.relative_cost:g})" for s in shown)
    learnt = Facts(
        domain=domain,
        strategies=known,
        place=place_of(context.base_model, context.task) | {ROBUST_TARGET: hard},
        constants=constants,
    )
    if runs:
        learnt.remembered, learnt.lessons, learnt.notes = remembered, past.lessons, runs
        learnt.fruitless = past.fruitless
    like = "".join(f" {line}." for line in runs)
    return ToolResult(
        f"{len(shown)} strategies for {context.task}, cheapest first: {ladder}."
        + _of_domain(domain)
        + like,
        learnt,
    )


def _of_domain(domain: DomainSaid) -> str:
    """What the domain graph has to say, in a sentence; nothing where it is empty."""
    if not domain.matched:
        return ""
    ways = [*domain.sources, *(["descriptions"] if domain.described else [])]
    labels = domain.matched + len(domain.unmatched)
    return (
        f" The domain graph has nodes for {domain.matched} of {labels} labels"
        f" and speaks of: {', '.join(ways) or 'nothing that applies'}."
    )


def as_known(strategy: Strategy) -> KnownStrategy:
    """The part of a strategy that a controller needs."""
    return KnownStrategy(
        name=strategy.name,
        rung=strategy.rung,
        tool=strategy.tool,
        relative_cost=strategy.relative_cost,
        typical_gain=strategy.typical_gain,
        min_examples_per_class=strategy.min_examples_per_class,
        defaults=dict(strategy.defaults),
        searchable=bool(strategy.space) and strategy.tool == "fine_tune",
        tried_ways=next(
            (tuple(map(str, p.choices)) for p in strategy.space if p.setting == "adversarial"), ()
        ),
        variant_of=strategy.variant_of,
        technique=strategy.technique,
        requires=strategy.requires[1:],  # the first is min_examples_per_class
        iri=strategy.iri,
    )


def _record(
    arguments: LessonArguments, context: ToolContext, _: Facts, __: OnProgress
) -> ToolResult:
    context.knowledge.record_lesson(context.run, arguments.lesson, arguments.about)
    return ToolResult(f"Recorded a lesson about {arguments.about}.")


QUERY_KNOWLEDGE = Tool("query_knowledge", QueryArguments, _query)
RECORD_LESSON = Tool("record_lesson", LessonArguments, _record)
