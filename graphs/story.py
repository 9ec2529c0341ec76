"""The story of a run, as page, JSON and model card tell it."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..evals.measures import Stats, n_rows
from ..evals.result import OddInputs, ProvenanceStep, RunResult, RunStory, SliceResult
from ..evals.slices import sliced
from ..memory.redaction import redacted
from ..tools.anomaly.saved import read_notes
from ..tools.datasets.slices import by_columns, by_itself
from ..tools.datasets.splits import split_from_bytes
from ..tools.datasets.types import Split
from ..tools.deployment.saved import read_card
from ..tools.facts import Candidate
from ..tools.fusion.parents import by_parent
from ..tools.fusion.use import read_knowledge
from ..tools.guardrails.checks import neutralise
from ..tools.reporting.words import changed
from ..tools.tasks import find_task
from ..tools.tool import NEAR, ToolContext
from ..tools.training.hardware import machine
from .context import RunContext
from .opened_figures import Confirmed, stats_of
from .shown import story_parts
from .state import State

PACKAGES = ("tuneos", "torch", "transformers", "peft", "optuna", "langgraph", "scikit-learn")


def story_of(
    state: State, context: RunContext, found: Confirmed, result: RunResult, *, on_base: bool
) -> RunStory:
    """Put together what is told of a run, with nothing secret in it.

    Args:
        state: At the end.
        context: Of the run.
        found: What the test split said.
        result: In figures.
        on_base: Whether the model needs its base model.
    """
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
