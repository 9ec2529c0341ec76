"""The tool that ranks base models without training."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from ...evals.result import RankedBase
from ..facts import Facts, OnProgress
from ..jobs.run import run_job
from ..jobs.running import JobFailed
from ..tool import Tool, ToolContext, ToolRefused, ToolResult
from .job_specs import make_spec

SHARE = 0.3  # of the time that is left is what ranking may take


class RankArguments(BaseModel):
    """Rank the given base models without training; the best is tuned. Once, before any probe.

    By LogME and H-score on frozen features, or by the loss of the texts to be written.
    """

    model_config = ConfigDict(extra="forbid")


def _rank(
    arguments: RankArguments, context: ToolContext, facts: Facts, progress: OnProgress
) -> ToolResult:
    if len(context.base_models) < 2:
        raise ToolRefused(f"only one base model was given: {context.base_model}")
    if facts.base_ranking:
        raise ToolRefused("they are ranked already: " + "; ".join(map(ranked, facts.base_ranking)))
    spec = make_spec("rank", "ranking", {}, context, facts, models=context.base_models)
    if spec.seconds is not None:
        spec = spec.model_copy(update={"seconds": SHARE * spec.seconds})
    artifacts: tuple[str, ...] = ()
    try:
        done = run_job(spec, context.store, context.ledger, progress)
        ranking, artifacts = done.outcome.base_ranking, (str(done.folder),)
    except JobFailed as failed:  # the run goes on with the first that was given
        ranking = tuple(
            RankedBase(base_model=ref, digest=digest, note=str(failed))
            for ref, digest in context.base_models
        )
    found = Facts(base_ranking=ranking)
    chosen, _ = context.base(found)
    notes = tuple(f"Base model {ranked(r)}" for r in ranking if r.note)
    return ToolResult(
        f"{chosen} is tuned. " + "; ".join(map(ranked, ranking)) + ".",
        Facts(base_ranking=ranking, notes=notes),
        artifacts,
    )


def ranked(one: RankedBase) -> str:
    """One base model and its scores, in a line."""
    if one.note:
        return f"{one.base_model}: not ranked, {one.note}"
    scores = ", ".join(f"{name} {value:.4f}" for name, value in one.scores.items())
    layer = f" (layer {one.layer})" if one.layer else ""
    return f"{one.base_model}: {scores}{layer}"


RANK_BASE_MODELS = Tool("rank_base_models", RankArguments, _rank)
