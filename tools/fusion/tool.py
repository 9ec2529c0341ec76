"""The tool that fuses the user's domain graph into a candidate."""

from __future__ import annotations

from dataclasses import asdict

from pydantic import BaseModel, ConfigDict, Field

from ...evals.metrics import METRICS
from ...evals.result import KnowledgeUse
from ..datasets.tool import current
from ..facts import Candidate, Facts, OnProgress
from ..guardrails.checks import neutralise
from ..jobs.run import run_job
from ..tool import Tool, ToolContext, ToolRefused, ToolResult
from ..training.candidates import renamed
from ..training.job_specs import make_spec
from .fit import FOLDS
from .job import STRATEGY
from .kept import keep_facts, known_of, said_of

NEVER = {"majority", STRATEGY}
MOST_NAMED = 8


class KnowledgeArguments(BaseModel):
    """Apply what the domain graph says of labels, types and names to a candidate's answers.

    Cheap: seconds. How strongly is fitted on validation; kept only where it pays beyond doubt.
    """

    model_config = ConfigDict(extra="forbid")

    candidate: str | None = Field(
        None, max_length=120, description="name; the best one if left out"
    )


def _apply(
    arguments: KnowledgeArguments, context: ToolContext, facts: Facts, progress: OnProgress
) -> ToolResult:
    recipe = next(
        (s for s in context.knowledge.strategies(context.task) if s.tool == APPLY_KNOWLEDGE.name),
        None,
    )
    if recipe is None:
        raise ToolRefused(f"no recipe says how knowledge is applied to {context.task}")
    known = known_of(context, facts)
    said = said_of(known)
    space = [asdict(p) for p in recipe.space if p.setting in known.sources]
    if not space:
        why = "has no node for any label" if not known.labels else "says nothing that applies"
        raise ToolRefused(f"the domain graph {why}; load one with tuneos kg load or --knowledge")
    member = chosen(arguments.candidate, facts, context.metric)
    digest, path = keep_facts(context.store, known)
    name = f"{STRATEGY}-{1 + sum(c.strategy == STRATEGY for c in facts.candidates)}"
    spec = make_spec(
        "knowledge",
        name,
        {"knowledge": digest, "folds": recipe.defaults.get("folds", FOLDS)},
        context,
        facts,
        models=((member.name, member.folder),),
        space=tuple(space),
    ).model_copy(update={"knowledge": str(path)})
    done = run_job(spec, context.store, context.ledger, progress)
    outcome = renamed(done.outcome, name)
    uses = outcome.knowledge
    lines = "; ".join(in_words(u) for u in uses)
    verdict = "pays" if outcome.candidates else "does not pay beyond doubt and is not used"
    note = f"Knowledge of the domain graph on {member.name} {verdict}: {lines}"
    if said.unmatched:
        names = ", ".join(neutralise(label, 40) for label in said.unmatched[:MOST_NAMED])
        more = len(said.unmatched) - MOST_NAMED
        note += f"; the graph has no node for {names}" + (f" and {more} more" if more > 0 else "")
    found = Facts(domain=said, knowledge=uses, notes=(note,))
    if outcome.candidates:
        found.candidates = outcome.candidates
    return ToolResult(f"{note}.", found, (str(done.folder),))


def in_words(use: KnowledgeUse) -> str:
    """One kind of knowledge and what it does, in a line."""
    low, high = use.ci
    return (
        f"{' and '.join(use.sources)}: {use.metric} {use.before:.4f} to {use.after:.4f} "
        f"({use.difference:+.4f} [{low:+.4f}, {high:+.4f}])"
    )


def chosen(name: str | None, facts: Facts, metric: str) -> Candidate:
    """The candidate that was named, or the best that is not itself made with knowledge.

    Raises:
        ToolRefused: There is none.
    """
    current(facts)
    able = [c for c in facts.candidates if c.strategy not in NEVER and metric in c.validation]
    if name is not None:
        found = next((c for c in able if c.name == name), None)
        if found is None:
            names = ", ".join(c.name for c in able) or "none yet"
            raise ToolRefused(f"no candidate {name!r} to apply knowledge to; there are: {names}")
        return found
    if not able:
        raise ToolRefused("probe_baselines first: there is no candidate to apply knowledge to")
    upward = METRICS[metric].upward
    return max(able, key=lambda c: upward(c.validation[metric]))


APPLY_KNOWLEDGE = Tool("apply_knowledge", KnowledgeArguments, _apply)
