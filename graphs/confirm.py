"""confirm: open the test split once, score the chosen candidate and the baselines on it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from langgraph.runtime import Runtime

from ..evals.measures.robust import NAMES as ROBUST
from ..memory.errors import StoreError
from ..memory.trail import Entry
from ..tools.anomaly.saved import read_notes
from ..tools.datasets.odd import ODD_TEST
from ..tools.datasets.splits import split_from_bytes, write_split
from ..tools.datasets.types import text_key
from ..tools.estimate import confirm_seconds
from ..tools.facts import Candidate, Facts, Setting
from ..tools.jobs.run import run_job, startup_seconds
from ..tools.jobs.running import JobFailed
from ..tools.tasks import find_task
from ..tools.training.job_specs import make_spec
from ..tools.training.measure import reported
from ..tools.training.score import ODD_FILE
from .context import RunContext
from .events import StepEnded, StepProgress, StepStarted, emit
from .integrity import ROWS, looks_at, refuse_changed, refuse_wrong_figures, why_not_as_made
from .opened_figures import (
    Confirmed,
    caveats,
    comparisons,
    read_arrays,
    robustness,
    stats_of,
    target_result,
    unmeasured,
)
from .standing import KNOWLEDGE, best
from .state import State

BEFORE_KNOWLEDGE = "without_knowledge"  # the chosen candidate as it answers by itself
SCORING = 0.5  # of what confirm is reckoned to take, in figures rather than in the detector


def confirm(state: State, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """Score on the artifact as saved and loaded again; keep the figures in the run's folder.

    The seal remembers what opened it: after a crash the same candidate may open it
    again, another one never.
    """
    context, facts = runtime.context, state["facts"]
    tools = context.tools
    refuse_changed(tools)
    whole, notes = _whole(facts.candidates, context)
    facts = facts.model_copy(update={"candidates": whole})
    chosen = best(whole, tools.targets, tools.metric)
    if chosen is None:
        _keep(
            context,
            Confirmed(
                chosen=None,
                targets=unmeasured(tools.targets),
                scores={},
                comparisons=[],
                folder="",
            ),
        )
        return {"facts": Facts(notes=notes)}
    start = time.monotonic()
    context.audit.add("opened", {"what": "the test split", "candidate": chosen.name})
    emit(
        StepStarted(
            tool="confirm",
            arguments={"candidate": chosen.name},
            reason="open the test split, once",
            estimate=0,
        )
    )
    left, needed = _time(context, facts)
    short = left is not None and left < needed
    spare = None if left is None else left - SCORING * needed
    guarded, unfitted = _with_detector(chosen, context, facts, short=short, seconds=spare)
    notes = (*notes, *unfitted)
    test = split_from_bytes(context.seals.open(tools.run, chosen.folder))
    opened_for = Entry(kind="opened", by="confirm", candidate=chosen.name)
    tools.ledger.log(tools.run, "opened", opened_for)
    opened = context.folder / "opened"
    opened.mkdir(exist_ok=True)
    write_split(opened / "test.jsonl", test)
    odd = tools.ledger.kept(tools.run, ODD_TEST)
    if odd is not None:
        write_split(opened / ODD_FILE, split_from_bytes(odd.encode()))
    models = _models(chosen, facts, tools.task) | {"chosen": str(guarded)}
    asked: dict[str, Setting] = {"split": "test"}
    if {*ROBUST} & set(tools.measured):
        asked["attack"] = not short
        if short:
            notes = (*notes, "No time was left to attack the model by swapping words.")
    spec = make_spec(
        "score",
        "confirm",
        {**asked, "test": facts.data_hash, "ood": text_key(odd or "")},
        tools,
        facts,
        models=tuple(models.items()),
    )
    spec = spec.model_copy(update={"data_folder": str(opened), "seconds": None})
    done = run_job(
        spec,
        tools.store,
        tools.ledger,
        lambda p: emit(StepProgress(tool="confirm", progress=p)),
    )
    arrays = {name: read_arrays(done.folder / f"{name}.npz") for name in models}
    scores = done.outcome.test_scores
    main = next(iter(models))
    figures = (*reported(spec), *ROBUST)
    for name in models:
        refuse_wrong_figures(name, scores[name], stats_of(arrays[name]), figures)
    looks = _looks(context)
    found = Confirmed(
        chosen=chosen.name,
        targets=[
            target_result(t, chosen, scores[main], arrays[main], test, tools.seed)
            for t in tools.targets
        ],
        scores=scores,
        comparisons=[
            c
            for metric in (tools.metric, *(m for m in tools.measured if m in ROBUST))
            for c in comparisons(main, arrays, metric, tools.seed, looks)
        ],
        robustness=robustness(arrays, tools.seed),
        folder=str(done.folder),
        model=str(guarded),
    )
    _keep(context, found)
    seconds = time.monotonic() - start
    figure = scores[main].get(tools.metric)
    said = f"no {tools.metric}" if figure is None else f"{tools.metric} {figure:.4f}"
    text = f"{chosen.name} on the test split: {said}"
    emit(StepEnded(tool="confirm", summary=text, ok=True, seconds=seconds))
    return {"facts": Facts(notes=(*notes, *caveats(found, facts, tools.metric, looks)))}


def _looks(context: RunContext) -> int:
    """How often test rows of this data have been looked at in this workspace."""
    ledger, run = context.tools.ledger, context.tools.run
    rows = ledger.kept(run, ROWS)
    if rows is None:
        return 1
    opened = {row.run: context.seals.opened_by(row.run) for row in ledger.runs()}
    return looks_at(rows, ledger, opened)


def _time(context: RunContext, facts: Facts) -> tuple[float | None, float]:
    """Seconds that are left of the budget, if it has any, and that confirm is reckoned to take."""
    tools = context.tools
    busy = startup_seconds(tools.ledger, tools.run)
    needed = confirm_seconds(facts.model_copy(update={"startup_seconds": busy}))
    return tools.ledger.left(tools.run, "seconds"), needed


def _with_detector(
    chosen: Candidate, context: RunContext, facts: Facts, *, short: bool, seconds: float | None
) -> tuple[Path, tuple[str, ...]]:
    """The chosen model with what tells odd inputs and calibrates; a note where that failed.

    Args:
        chosen, context, facts: Of the run.
        short: No time is left for it.
        seconds: That it may take; a machine that became busy must not cost the budget.
    """
    tools, folder = context.tools, Path(chosen.folder)
    if not find_task(tools.task).spots_odd or read_notes(folder) is not None:
        return folder, ()
    if short:
        return folder, ("No time was left to learn what usual texts look like: no ood_score.",)
    models = ((chosen.name, chosen.folder),)
    spec = make_spec("anomaly", "detector", {}, tools, facts, models=models)
    spec = spec.model_copy(update={"seconds": seconds})
    try:
        done = run_job(
            spec,
            tools.store,
            tools.ledger,
            lambda p: emit(StepProgress(tool="confirm", progress=p)),
        )
    except JobFailed as error:
        return folder, (f"The model cannot tell odd inputs: {error}",)
    return done.folder / "model", ()


def _whole(
    candidates: tuple[Candidate, ...], context: RunContext
) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    """The candidates whose files are as they were written, and a note on each that is not."""
    store = context.tools.store
    kept, notes = [], []
    verdicts: dict[str, str] = {}
    for candidate in candidates:
        key = store.key_of(Path(candidate.folder))
        if key not in verdicts:
            verdicts[key] = why_not_as_made(key, context.tools)
        if verdicts[key]:
            notes.append(f"{candidate.name} was damaged on disk and left out: {verdicts[key]}")
        else:
            kept.append(candidate)
    return tuple(kept), tuple(notes)


def confirmed(context: RunContext) -> Confirmed:
    """Read what `confirm` kept."""
    tools = context.tools
    said = tools.ledger.kept(tools.run, "confirmed")
    if said is None:
        raise StoreError(f"{tools.workspace.ledger}: run {tools.run} has no confirmed figures.")
    return Confirmed.model_validate_json(said)


def _models(chosen: Candidate, facts: Facts, task: str) -> dict[str, str]:
    """The chosen model first, then each baseline (its best version), by file-safe name."""
    models = {"chosen": chosen.folder}
    before = next((c for c in facts.candidates if c.name == chosen.settings.get("of")), None)
    if chosen.strategy == KNOWLEDGE and before is not None:
        models[BEFORE_KNOWLEDGE] = before.folder
    for name in find_task(task).probes:
        versions = [c for c in facts.candidates if c.strategy == name]
        if versions and chosen.strategy != name:
            models[name] = versions[-1].folder
    return models


def _keep(context: RunContext, found: Confirmed) -> None:
    context.tools.ledger.keep(context.tools.run, "confirmed", found.model_dump_json())
