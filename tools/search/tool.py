"""The search tool: Optuna over one strategy's settings."""

from __future__ import annotations

from dataclasses import asdict

from pydantic import BaseModel, ConfigDict, Field

from ..facts import Facts, OnProgress
from ..jobs.run import run_job
from ..knowledge.recalled import alike, begun_with, from_memory, seeds
from ..tool import Tool, ToolContext, ToolRefused, ToolResult
from ..training.asked_settings import as_will_run
from ..training.candidates import renamed
from ..training.job_specs import make_spec


class SearchArguments(BaseModel):
    """Search the settings of one strategy with Optuna. Costly: many fine-tunes.

    The first trials are the best known settings; weak trials are pruned early.
    """

    model_config = ConfigDict(extra="forbid")

    strategy: str = Field(max_length=40, description="name of a searchable strategy")
    trials: int = Field(8, ge=1, le=500)


def _search(
    arguments: SearchArguments, context: ToolContext, facts: Facts, progress: OnProgress
) -> ToolResult:
    known = {s.name: s for s in context.knowledge.strategies(context.task)}
    strategy = known.get(arguments.strategy)
    if strategy is None or not strategy.space:
        raise ToolRefused(f"the knowledge graph has no search space for {arguments.strategy!r}")
    left = context.trials_left()
    trials = arguments.trials if left is None else min(arguments.trials, left)
    if trials < 1:
        raise ToolRefused("no trials are left in the budget")
    alone = facts.model_copy(update={"remembered": ()})  # the recipe's first trials stay its own
    settings = as_will_run({"strategy": arguments.strategy}, context, alone).model_dump()
    taken = sum(c.name.startswith(f"search-{arguments.strategy}") for c in facts.candidates)
    name = f"search-{arguments.strategy}-{taken + 1}"
    workers = max(1, min(context.workers, trials))
    began = seeds(facts.remembered, arguments.strategy)
    near = alike(began, facts.constants)
    far = [r for r in began if r not in near]
    own = [dict(t) for t in strategy.first_trials]
    first = [*(r.settings for r in near), *own, *(r.settings for r in far)]
    spec = make_spec(
        "search",
        name,
        settings,
        context,
        facts,
        space=tuple(asdict(p) for p in strategy.space),
        first_trials=tuple({**settings, **t} for t in first),
        trials=trials,
        parallel=workers,
    )
    spec = spec.model_copy(update={"workers": workers})
    done = run_job(spec, context.store, context.ledger, progress)
    outcome = from_memory(renamed(done.outcome, name, arguments.strategy), began, ())
    for note in outcome.notes:
        if "made gentler" in note:
            context.knowledge.record_lesson(context.run, f"{name}: {note}", arguments.strategy)
    counts = {
        s: sum(t.state == s for t in outcome.trials) for s in ("complete", "pruned", "failed")
    }
    ran = ", ".join(f"{n} {s}" for s, n in counts.items() if n)
    if not outcome.candidates:
        best = "no trial finished"
    else:
        value = outcome.candidates[0].validation[context.metric]
        best = f"best {context.metric} {value:.4f} as {name}"
    return ToolResult(
        f"{len(outcome.trials)} trials of {arguments.strategy} ({ran}): {best}.",
        Facts(
            candidates=outcome.candidates,
            curves=outcome.curves,
            trials=outcome.trials,
            notes=(*outcome.notes, *(begun_with(name, r) for r in began)),
            searched=(arguments.strategy,),
        ),
        tuple(c.folder for c in outcome.candidates),
    )


SEARCH = Tool("search_hyperparameters", SearchArguments, _search)
