"""report: write down what was done, why, what it cost and how sure we are."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from langgraph.runtime import Runtime

from ..evals.measures import Stats, n_rows
from ..evals.metrics import METRICS
from ..evals.result import (
    BaselineResult,
    CandidateResult,
    Change,
    Comparison,
    OddInputs,
    ProvenanceStep,
    RunResult,
    RunStory,
    SliceResult,
    Spending,
)
from ..evals.slices import sliced
from ..memory.experiments import CandidateFacts, DatasetFacts, RunFacts, TrialFacts
from ..memory.redaction import redacted
from ..tools.anomaly.saved import read_notes
from ..tools.datasets.slices import by_columns, by_itself
from ..tools.datasets.splits import split_from_bytes
from ..tools.datasets.types import Split
from ..tools.deployment.saved import read_card, stands_on_base
from ..tools.deployment.sums import write_sums
from ..tools.facts import Candidate, Facts
from ..tools.fusion.facts import DomainFacts
from ..tools.fusion.kept import known_of
from ..tools.fusion.parents import by_parent
from ..tools.fusion.use import read_knowledge, write_knowledge
from ..tools.guardrails.checks import neutralise
from ..tools.knowledge.account import account_of
from ..tools.reporting.card import write_model_card
from ..tools.reporting.html import write_report
from ..tools.reporting.words import changed
from ..tools.tasks import find_task
from ..tools.tool import NEAR, ToolContext
from ..tools.training.hardware import machine
from .confirm import Confirmed, confirmed, stats_of
from .context import RunContext
from .shown import story_parts
from .standing import PROBES
from .state import State

PACKAGES = ("tuneos", "torch", "transformers", "peft", "optuna", "langgraph", "scikit-learn")


def report(state: State, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """Write model, report, model card, and the trail in the knowledge graph."""
    context = runtime.context
    found = confirmed(context)
    chosen = next((c for c in state["facts"].candidates if c.name == found.chosen), None)
    known = known_of(context.tools, state["facts"])
    source = Path(found.model or chosen.folder) if chosen is not None else None
    model = _place_model(source, known, context)
    result = _result(state, context, found, model)
    story = _story(state, context, found, result, on_base=model is None or stands_on_base(model))
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
    _remember(state, context, found, result)
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


def _story(
    state: State, context: RunContext, found: Confirmed, result: RunResult, *, on_base: bool
) -> RunStory:
    facts = state["facts"]
    parts = _of_the_test(facts.candidates, context, found, result)
    kept = context.tools.ledger.notes(context.tools.run)
    flattered = _flattered(state, context, found)
    notes = [*flattered, *(changed(c) for c in result.changes), *facts.notes, *kept]
    signed = parts.get("signatures", {}).values()  # shown beside the figures
    notes = [note for note in notes if not any(s in note for s in signed)]
    if result.stop_reason == "targets_met" and not result.met:
        notes.append("The targets held on validation but not on the test split.")
    if state["taken_over"] is not None:
        notes.append(
            f"{context.controller_name} was replaced by the rule-based planner: "
            f"{neutralise(state['taken_over'], 300)}."
        )
    story = RunStory(
        result=result,
        source=context.source,
        started=context.started,
        machine=machine(),
        versions={name: importlib.metadata.version(name) for name in PACKAGES},
        rows=facts.rows,
        labels=_labels(result.task, facts.label_counts, parts),
        label_counts=facts.label_counts if find_task(result.task).labelled else {},
        guesses=list(facts.guesses),
        findings=list(facts.findings),
        base_ranking=list(facts.base_ranking),
        steps=[s.model_copy(update={"number": n}) for n, s in enumerate(state["steps"], 1)],
        curves=list(facts.curves),
        trials=list(facts.trials),
        on_base=on_base,
        notes=notes,
        provenance=_provenance(context),
        command=context.command,
        **parts,
    )
    told: RunStory = redacted(story)  # once, for page, JSON and model card
    return told


def _provenance(context: RunContext) -> list[ProvenanceStep]:
    """Who made what from what, by the run's trail."""
    trail = context.tools.ledger.trail(context.tools.run)
    return [
        ProvenanceStep(
            number=number,
            tool=e.tool,
            ok=e.state == "ok",
            by=e.by,
            data=e.data_name,
            new_data=e.new_data_name,
            made=tuple(m.name for m in e.made),
        )
        for number, e in enumerate((e for e in trail if e.kind == "step"), 1)
    ]


def _of_the_test(
    candidates: tuple[Candidate, ...], context: RunContext, found: Confirmed, result: RunResult
) -> dict[str, Any]:
    """What the story shows of the chosen model's answers; nothing where none was chosen."""
    if not found.folder or result.model is None:
        return {}
    folder, tools = Path(found.folder), context.tools
    with np.load(folder / "chosen.npz", allow_pickle=False) as stored:
        stats = stats_of({name: stored[name] for name in stored.files})
    opener = next(c.folder for c in candidates if c.name == found.chosen)
    test = split_from_bytes(context.seals.open(tools.run, opener))
    labels = read_card(Path(result.model)).labels
    answers = folder / "chosen.jsonl"
    parts = story_parts(find_task(tools.task), tools.metric, test, stats, answers, labels)
    near = near_test_rows(tools)
    parts["slices"] = _slices(tools.metric, stats, test, near, tools.seed)
    parts["odd"] = _odd_inputs(Path(result.model), answers)
    knowledge = read_knowledge(Path(result.model))
    if knowledge is not None and "classes" in stats:
        parts["per_parent"] = by_parent(knowledge.facts, labels, stats["classes"])
    return parts


def near_test_rows(tools: ToolContext) -> tuple[int, ...]:
    """Positions of the test rows that nearly equal a train row as read."""
    kept = tools.ledger.kept(tools.run, NEAR)
    return tuple(json.loads(kept).get("test", ())) if kept is not None else ()


def _flattered(state: State, context: RunContext, found: Confirmed) -> list[str]:
    """Say so where test rows nearly stand in the rows that were trained on."""
    near, rows = near_test_rows(context.tools), state["facts"].rows.get("test", 0)
    removed = any(
        s.ok and s.tool == "clean_dataset" and s.arguments.get("near_duplicates")
        for s in state["steps"]
    )
    if not near or removed or not found.folder:
        return []
    return [
        f"{len(near):,} of {rows:,} test rows nearly equal a train row, which flatters the test "
        "figures: the slices give the figure without them. --clean near-duplicates removes such "
        "train rows."
    ]


def _slices(
    metric: str, stats: Stats, test: Split, near: Sequence[int], seed: int
) -> list[SliceResult]:
    """How the metric fares by the columns named, on short and long texts, in each language where
    rows say it, and on rows that nearly stand in train.
    """
    if n_rows(stats) != len(test):
        return []  # statistics of more than the rows, such as every turn of a dialogue
    parts = by_columns(test) | by_itself(test)
    if near:
        is_near = np.isin(np.arange(len(test)), near)
        parts["near a train row"] = np.flatnonzero(is_near)
        parts["near no train row"] = np.flatnonzero(~is_near)
    return [
        SliceResult(
            name=s.name,
            rows=s.rows,
            metric=metric,
            value=s.value,
            ci=(s.low, s.high),
            judged=s.judged,
        )
        for s in sliced(metric, stats, parts, seed=seed)
    ]


def _odd_inputs(model: Path, answers: Path) -> OddInputs | None:
    """What the model's detector says of itself, and how many test rows it calls odd."""
    notes = read_notes(model)
    if notes is None:
        return None
    lines = answers.read_text(encoding="utf-8").split("\n")
    abstained = [bool(json.loads(line).get("abstain")) for line in lines if line]
    share = sum(abstained) / len(abstained) if abstained else None
    return OddInputs(**notes.model_dump(exclude={"format"}), called_odd=share)


def _labels(task: str, counts: Mapping[str, int], parts: Mapping[str, Any]) -> list[str]:
    """Name what the model can answer: relations without direction, entity types, or labels."""
    listed = parts.get("per_label", [])
    if find_task(task).labelled and parts.get("per_label_of", "label") == "label":
        return sorted(counts)
    return [r.name for r in listed]


def _remember(state: State, context: RunContext, found: Confirmed, result: RunResult) -> None:
    """Write the run into the knowledge graph."""
    facts = state["facts"]
    lessons = [f"{s.tool} failed: {neutralise(s.summary, 200)}" for s in state["steps"] if not s.ok]
    notes = context.tools.ledger.notes(context.tools.run)
    lessons += [neutralise(note, 300) for note in notes if note.startswith("Refused ")]
    tuned = [c for c in facts.candidates if c.strategy not in PROBES]
    if result.comparison and tuned:
        c = result.comparison
        lessons.append(
            f"{result.chosen} against {c.against}: {c.difference:+.4f} {c.metric}, "
            f"95% interval {c.ci[0]:+.4f} to {c.ci[1]:+.4f}"
        )
    sizes = {f"rows_{name}": float(n) for name, n in facts.rows.items()}
    account = account_of(context.tools.ledger, context.tools.run, result)
    context.tools.knowledge.record_run(
        RunFacts(
            run=result.run,
            task=result.task,
            controller=result.controller,
            base_model=result.base_model,
            started=context.started,
            ended=datetime.now(UTC).isoformat(timespec="seconds"),
            stop_reason=result.stop_reason,
            met=result.met,
            dataset=DatasetFacts(
                source=Path(context.source).name,
                data_hash=facts.data_hash,
                measures={**sizes, "classes": float(len(facts.label_counts)), **facts.profile},
                embedding=facts.embedding,
            ),
            candidates=tuple(
                CandidateFacts(
                    name=c.name,
                    strategy=c.strategy,
                    settings=c.settings,
                    validation=c.validation,
                    seconds=c.seconds,
                    test=found.scores.get("chosen" if c.name == found.chosen else c.name, {}),
                    recalled=c.recalled,
                )
                for c in facts.candidates
            ),
            chosen=found.chosen,
            lessons=tuple(lessons),
            trials=_trials(facts, context.tools.metric),
            recalled=tuple(sorted({r.run for r in facts.remembered})),
        ),
        account,
    )


def _trials(facts: Facts, metric: str) -> tuple[TrialFacts, ...]:
    """The trials of all searches, numbered in the order they are on record.

    Only complete ones have a score: what a pruned one had reached is no result.
    """
    return tuple(
        TrialFacts(
            name=f"{number}",
            strategy=str(t.settings.get("strategy", "")),
            state=t.state,
            settings=t.settings,
            validation={t.metric or metric: METRICS[t.metric or metric].upward(t.value)}
            if t.state == "complete" and t.value is not None
            else {},
            seconds=t.seconds,
            note=neutralise(t.note, 200) if t.note else "",
        )
        for number, t in enumerate(facts.trials)
    )
