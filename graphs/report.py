"""report: write down what was done, why, what it cost and how sure we are."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from langgraph.runtime import Runtime

from ..evals.result import BaselineResult, CandidateResult, Change, Comparison, RunResult, Spending
from ..tools.deployment.saved import read_card, stands_on_base
from ..tools.deployment.sums import write_sums
from ..tools.fusion.facts import DomainFacts
from ..tools.fusion.kept import known_of
from ..tools.fusion.use import read_knowledge, write_knowledge
from ..tools.reporting.card import write_model_card
from ..tools.reporting.html import write_report
from ..tools.tasks import find_task
from .confirm import confirmed
from .context import RunContext
from .opened_figures import Confirmed
from .recording import record
from .state import State
from .story import story_of


def report(state: State, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """Write model, report, model card, and the trail in the knowledge graph."""
    context = runtime.context
    found = confirmed(context)
    chosen = next((c for c in state["facts"].candidates if c.name == found.chosen), None)
    known = known_of(context.tools, state["facts"])
    source = Path(found.model or chosen.folder) if chosen is not None else None
    model = _place_model(source, known, context)
    result = _result(state, context, found, model)
    story = story_of(state, context, found, result, on_base=model is None or stands_on_base(model))
    write_report(story, context.out)
    context.tools.ledger.keep(context.tools.run, "story", story.model_dump_json())
    if model is not None:
        card = read_card(model)
        write_model_card(
            story,
            model,
            base_model_hub_id=card.base_hub_id,
            library="peft" if card.encoder == "adapter" else "transformers",
        )
    record(state, context, found, result)
    tools = context.tools
    tools.ledger.set_status(tools.run, "finished", result.model_dump(mode="json"))
    return {}


def _place_model(source: Path | None, known: DomainFacts, context: RunContext) -> Path | None:
    """Copy the chosen model beside the report, whole or not at all.

    Args:
        source: Folder of the chosen one, with its detector where it has one.
        known: What the domain graph says; its taxonomy goes along.
        context: Of the run.
    """
    if source is None:
        return None
    target = context.out / "model"
    draft = context.out / ".model-draft"
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(source, draft)
    if known.ancestors and read_knowledge(draft) is None:
        write_knowledge(draft, known, {})  # answers get their path, and stay as they are
    write_sums(draft)
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)
    return target


def _result(state: State, context: RunContext, found: Confirmed, model: Path | None) -> RunResult:
    tools, facts = context.tools, state["facts"]
    spent = tools.ledger.spending(tools.run)
    met = bool(found.targets) and all(t.met for t in found.targets)
    return RunResult(
        run=tools.run,
        met=met,
        stop_reason=state["stop"] or "controller_finished",
        task=tools.task,
        controller=_deciders(state, context),
        taken_over=state["taken_over"],
        base_model=tools.base(facts)[0],
        targets=found.targets,
        baselines=[
            BaselineResult(name=name, test=scores)
            for name, scores in found.scores.items()
            if name != "chosen"
        ],
        candidates=[
            CandidateResult(
                name=c.name,
                strategy=c.strategy,
                validation=c.validation,
                seconds=c.seconds,
                settings=c.settings,
                data=c.data,
            )
            for c in facts.candidates
        ],
        comparison=_main_comparison(found, tools.task),
        comparisons=found.comparisons,
        budget={
            name: Spending(limit=s.limit, spent=round(s.spent, 6)) for name, s in spent.items()
        },
        chosen=found.chosen,
        test=found.scores.get("chosen", {}),
        model=str(model) if model else None,
        report=str(context.out / "report.html"),
        seed=tools.seed,
        data_hash=facts.data_hash,
        knowledge=list(facts.knowledge),
        robustness=found.robustness,
        changes=[Change.model_validate(c) for c in tools.ledger.changes(tools.run)],
    )


def _main_comparison(found: Confirmed, task: str) -> Comparison | None:
    """Against the dearest of the cheap rungs: the untuned model, where there is one."""
    against = {c.against: c for c in reversed(found.comparisons)}  # the primary metric's
    return next((against[n] for n in reversed(find_task(task).probes) if n in against), None)


def _deciders(state: State, context: RunContext) -> str:
    name = context.controller_name
    return name if state["taken_over"] is None else f"{name}, then rule-based planner"
