"""The tool that fits the cheap rungs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ...memory.conditions import unmet
from ...memory.strategies import Strategy
from ..datasets.tool import current
from ..facts import Facts, OnProgress, Setting
from ..fusion.kept import keep_facts, known_of
from ..jobs.run import run_job
from ..jobs.spec import JobSpec
from ..tasks import find_task
from ..tool import Tool, ToolContext, ToolResult
from .candidates import named_apart, scores_line
from .described import DRAWN, ZERO_SHOT
from .job_specs import make_spec


class ProbeArguments(BaseModel):
    """Fit the task's cheap rungs, such as tf-idf + linear or frozen embeddings + linear.

    Cheap: seconds. Their scores are the baselines of everything that follows.
    """

    model_config = ConfigDict(extra="forbid")

    rungs: list[Annotated[str, Field(max_length=24)]] | None = Field(
        None, max_length=6, description="which, by name; all if left out"
    )


def _probe(
    arguments: ProbeArguments, context: ToolContext, facts: Facts, progress: OnProgress
) -> ToolResult:
    probes = find_task(context.task).probes
    known = [s.name for s in context.knowledge.strategies(context.task) if s.tool == PROBE.name]
    chosen = {*(arguments.rungs or known), "majority"}  # which costs nothing
    wanted: dict[str, Setting] = {name: name in chosen for name in probes}
    spec = _described(make_spec("probe", "probes", wanted, context, facts), context, facts)
    done = run_job(spec, context.store, context.ledger, progress)
    named = named_apart(done.outcome.candidates, facts)
    found = Facts(candidates=named, notes=done.outcome.notes)
    if done.outcome.frozen_seconds:
        found.frozen_seconds = done.outcome.frozen_seconds
    if done.outcome.answer_seconds:
        found.answer_seconds = done.outcome.answer_seconds
    suspects = done.outcome.suspect_labels
    if wanted.get("frozen_linear"):
        found.suspect_labels, found.suspects_in = suspects, current(facts).key
        found.suspects_pay = done.outcome.suspects_pay
    doubt = ""
    if suspects:
        pays = "helps" if done.outcome.suspects_pay else "does not help"
        doubt = f" {len(suspects)} train labels look doubtful; leaving them out {pays} the probe."
    return ToolResult(scores_line(named, context.metric) + "." + doubt, found, (str(done.folder),))


def _described(spec: JobSpec, context: ToolContext, facts: Facts) -> JobSpec:
    """Give the probes what the domain graph says of the labels, where they are to compare it.

    That rung is left out where the graph says nothing and rows are many: names alone then add
    nothing.
    """
    settings = spec.what.settings
    if not settings.get(ZERO_SHOT):
        return spec
    known = known_of(context, facts)
    if not known.described and not few_rows(context.knowledge.strategies(context.task), facts):
        settings = {n: v and n not in {ZERO_SHOT, DRAWN} for n, v in settings.items()}
        return spec.model_copy(update={"what": spec.what.model_copy(update={"settings": settings})})
    digest, path = keep_facts(context.store, known)
    what = spec.what.model_copy(update={"settings": {**settings, "knowledge": digest}})
    return spec.model_copy(update={"what": what, "knowledge": str(path)})


def few_rows(known: Sequence[Strategy], facts: Facts) -> bool:
    """Whether rows are so few that a label's name alone may help, as the recipe says it."""
    recipe = next((s for s in known if s.name == ZERO_SHOT), None)
    labels = max(1, len(facts.label_counts))
    rows = facts.data.train_rows if facts.data else 0
    return recipe is not None and not unmet(recipe.requires, {"rows_a_bare_label": rows // labels})


PROBE = Tool("probe_baselines", ProbeArguments, _probe)
