"""The tool that looks closer at a candidate."""

from __future__ import annotations

import json

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ...evals.measures.classes import confusion
from ..datasets.tool import current
from ..datasets.types import Split
from ..datasets.versions import load_version
from ..facts import Facts, OnProgress
from ..jobs.run import Finished, run_job
from ..tasks import find_task
from ..tool import Tool, ToolContext, ToolRefused, ToolResult
from .job_specs import make_spec


class EvaluateArguments(BaseModel):
    """Look closer at a candidate on validation: weakest classes and most confused pairs."""

    model_config = ConfigDict(extra="forbid")

    candidate: str = Field(max_length=80, description="name of a candidate")


def _evaluate(
    arguments: EvaluateArguments, context: ToolContext, facts: Facts, progress: OnProgress
) -> ToolResult:
    chosen = next((c for c in facts.candidates if c.name == arguments.candidate), None)
    if chosen is None:
        names = ", ".join(c.name for c in facts.candidates) or "none yet"
        raise ToolRefused(f"no candidate {arguments.candidate!r}; there are: {names}")
    models = ((chosen.name, chosen.folder),)
    spec = make_spec("score", chosen.name, {"split": "validation"}, context, facts, models=models)
    done = run_job(spec, context.store, context.ledger, progress)
    _, validation = load_version(current(facts))
    with np.load(done.folder / f"{chosen.name}.npz", allow_pickle=False) as arrays:
        classes = arrays.get("classes")
    if classes is None:
        said = _wrong_ones(chosen.name, done, context, validation)
    else:
        true, predicted = classes[:, 0].astype(np.int64), classes[:, 1:].argmax(axis=1)
        said = _closer(chosen.name, true, predicted, validation)
    return ToolResult(said, Facts(), (str(done.folder),))


def _wrong_ones(name: str, done: Finished, context: ToolContext, validation: Split) -> str:
    """Every score on validation, and the first answers that are not the gold."""
    task = find_task(context.task)
    said = (done.folder / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")
    shown = [task.shown(json.loads(line)) for line in said if line]
    wrong = [
        f"{validation.places[i]}: {shown[i][:80]!r} for {task.gold(validation, i)[:80]!r}"
        for i in range(len(validation))
        if shown[i] != task.gold(validation, i)
    ]
    scores = ", ".join(f"{m} {v:.4f}" for m, v in done.outcome.test_scores[name].items())
    return f"{name} on validation: {scores}. Other than the gold: {'; '.join(wrong[:3]) or 'none'}."


def _closer(name: str, true: np.ndarray, predicted: np.ndarray, validation: Split) -> str:
    labels = sorted(set(validation.labels))
    n = max(int(true.max()), int(predicted.max()), len(labels) - 1) + 1
    counts = confusion(true, predicted, n)
    total = counts.sum(axis=1) + counts.sum(axis=0)
    f1 = 2 * np.diag(counts) / np.maximum(total, 1)
    names = {int(t): label for t, label in zip(true, validation.labels, strict=True)}
    weakest = [i for i in np.argsort(f1) if i in names][:3]
    wrong = counts - np.diag(np.diag(counts))
    pairs = [np.unravel_index(i, wrong.shape) for i in np.argsort(-wrong, axis=None)[:3]]
    said = "; ".join(
        f"{names[int(a)]} taken for {names.get(int(b), '?')}: {int(wrong[a, b])}"
        for a, b in pairs
        if wrong[a, b] and int(a) in names
    )
    classes = ", ".join(f"{names[int(i)]} {f1[i]:.2f}" for i in weakest)
    return (
        f"{name} on validation: weakest classes by F1: {classes}. Most confused: {said or 'none'}."
    )


EVALUATE = Tool("evaluate_candidate", EvaluateArguments, _evaluate)
