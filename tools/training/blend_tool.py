"""The tool that blends candidates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ..datasets.tool import current
from ..deployment.saved import read_card
from ..facts import Candidate, Facts, OnProgress
from ..jobs.run import run_job
from ..tool import Tool, ToolContext, ToolRefused, ToolResult
from .candidates import renamed
from .job_specs import make_spec

MOST_MEMBERS = 4
NEVER = {"majority", "blend", "knowledge"}


class BlendArguments(BaseModel):
    """Blend candidates that are there into one model, weighted by how they do on validation.

    Cheap: seconds. Pays most where different kinds of model err differently.
    """

    model_config = ConfigDict(extra="forbid")

    candidates: list[Annotated[str, Field(max_length=120)]] | None = Field(
        None,
        min_length=2,
        max_length=MOST_MEMBERS,
        description="names; the best of each strategy if left out",
    )


def _blend(
    arguments: BlendArguments, context: ToolContext, facts: Facts, progress: OnProgress
) -> ToolResult:
    known = context.knowledge.strategies(context.task)
    if not any(s.tool == BLEND.name for s in known):
        raise ToolRefused(f"models for {context.task} cannot be blended")
    members = members_of(arguments.candidates, facts, context.metric)
    name = f"blend-{1 + sum(c.strategy == 'blend' for c in facts.candidates)}"
    models = tuple((_safe(c.name), c.folder) for c in members)
    spec = make_spec("blend", name, {}, context, facts, models=models)
    done = run_job(spec, context.store, context.ledger, progress)
    outcome = renamed(done.outcome, name)
    (made,) = outcome.candidates
    if any(c.folder == made.folder for c in facts.candidates):
        raise ToolRefused("these candidates were blended already; its result stands")
    shares = ", ".join(f"{k.removeprefix('weight of ')} {v}" for k, v in made.settings.items())
    return ToolResult(
        f"{name}: {context.metric} {made.validation[context.metric]:.4f}; weights: {shares}.",
        Facts(candidates=outcome.candidates),
        (made.folder,),
    )


def members_of(names: list[str] | None, facts: Facts, metric: str) -> list[Candidate]:
    """Choose what is blended: what was named, or the best candidate of each strategy.

    Raises:
        ToolRefused: A name is unknown, or fewer than two candidates fit together.
    """
    masked = current(facts).masked
    known = {
        c.name: c
        for c in facts.candidates
        if c.strategy not in NEVER and read_card(Path(c.folder)).masked == masked
    }
    if names is not None:
        unknown = [n for n in names if n not in known]
        if unknown or len(set(names)) < len(names):
            what = f"no candidate {unknown[0]!r} to blend" if unknown else "a name is said twice"
            raise ToolRefused(f"{what}; there are: {', '.join(known) or 'none yet'}")
        return [known[n] for n in names]
    chosen = best_of_each(list(known.values()), metric)
    if len(chosen) < 2:
        raise ToolRefused("a blend needs two candidates of different strategies; train another")
    return chosen


def best_of_each(candidates: Sequence[Candidate], metric: str) -> list[Candidate]:
    """The best candidate of each strategy, the best first, as many as a blend takes."""
    best: dict[str, Candidate] = {}
    for candidate in candidates:
        kind = str(candidate.settings.get("strategy", candidate.strategy))
        scored = metric in candidate.validation and kind not in NEVER
        if scored and (
            kind not in best or candidate.validation[metric] > best[kind].validation[metric]
        ):
            best[kind] = candidate
    return sorted(best.values(), key=lambda c: -c.validation[metric])[:MOST_MEMBERS]


def _safe(name: str) -> str:
    """A candidate's name as a folder's."""
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in name)


BLEND = Tool("blend_candidates", BlendArguments, _blend)
