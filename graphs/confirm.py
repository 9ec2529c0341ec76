"""confirm: open the test split once, score the chosen candidate and the baselines on it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from langgraph.runtime import Runtime
from numpy.typing import NDArray
from pydantic import BaseModel

from ..evals.anomaly import ODD_METRICS, auroc_interval
from ..evals.measures import KINDS, kind_of
from ..evals.measures.robust import NAMES as ROBUST
from ..evals.measures.robust import by_column
from ..evals.metrics import METRICS, sliced_metric
from ..evals.result import Comparison, Robustness, Share, SwapAttack, TargetResult
from ..evals.slices import worst_over
from ..evals.statistics import compare, interval, latency_interval, resampled, share_interval
from ..evals.targets import Target
from ..memory.errors import StoreError
from ..memory.trail import Entry
from ..tools.anomaly.saved import read_notes
from ..tools.datasets.odd import ODD_TEST
from ..tools.datasets.slices import parts_of
from ..tools.datasets.splits import split_from_bytes, write_split
from ..tools.datasets.types import Split, text_key
from ..tools.estimate import confirm_seconds
from ..tools.facts import Candidate, Facts, Setting
from ..tools.jobs.run import run_job, startup_seconds
from ..tools.jobs.running import JobFailed
from ..tools.tasks import find_task
from ..tools.training.job_specs import make_spec
from ..tools.training.measure import reported
from ..tools.training.score import ATTACKED, LATENCIES, ODD, ODD_FILE, USUAL
from .context import RunContext
from .events import StepEnded, StepProgress, StepStarted, emit
from .integrity import ROWS, looks_at, refuse_changed, refuse_wrong_figures, sidak, why_not_as_made
from .standing import KNOWLEDGE, best
from .state import State

BEFORE_KNOWLEDGE = "without_knowledge"  # the chosen candidate as it answers by itself


class Confirmed(BaseModel):
    """What the opened test split said."""

    chosen: str | None
    targets: list[TargetResult]
    scores: dict[str, dict[str, float]]
    comparisons: list[Comparison]
    folder: str
    robustness: list[Robustness] = []
    model: str = ""  # folder of the chosen model as it is handed over


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
                targets=_unmeasured(tools.targets),
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
    short = _time_is_short(context, facts)
    guarded, unfitted = _with_detector(chosen, context, facts, short=short)
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
    arrays = {name: _arrays(done.folder / f"{name}.npz") for name in models}
    scores = done.outcome.test_scores
    main = next(iter(models))
    figures = (*reported(spec), *ROBUST)
    for name in models:
        refuse_wrong_figures(name, scores[name], stats_of(arrays[name]), figures)
    looks = _looks(context)
    found = Confirmed(
        chosen=chosen.name,
        targets=[
            _target(t, chosen, scores[main], arrays[main], test, tools.seed) for t in tools.targets
        ],
        scores=scores,
        comparisons=[
            c
            for metric in (tools.metric, *(m for m in tools.measured if m in ROBUST))
            for c in _comparisons(main, arrays, metric, tools.seed, looks)
        ],
        robustness=_robustness(arrays, tools.seed),
        folder=str(done.folder),
        model=str(guarded),
    )
    _keep(context, found)
    seconds = time.monotonic() - start
    figure = scores[main].get(tools.metric)
    said = f"no {tools.metric}" if figure is None else f"{tools.metric} {figure:.4f}"
    text = f"{chosen.name} on the test split: {said}"
    emit(StepEnded(tool="confirm", summary=text, ok=True, seconds=seconds))
    return {"facts": Facts(notes=(*notes, *_caveats(found, facts, tools.metric, looks)))}


def _looks(context: RunContext) -> int:
    """How often test rows of this data have been looked at in this workspace."""
    ledger, run = context.tools.ledger, context.tools.run
    rows = ledger.kept(run, ROWS)
    if rows is None:
        return 1
    opened = {row.run: context.seals.opened_by(row.run) for row in ledger.runs()}
    return looks_at(rows, ledger, opened)


def _caveats(found: Confirmed, facts: Facts, metric: str, looks: int) -> tuple[str, ...]:
    """What the number of tries does to the figures."""
    said = []
    tried = len(facts.candidates) + sum(t.state == "complete" for t in facts.trials)
    chosen = next((c for c in facts.candidates if c.name == found.chosen), None)
    test = found.scores.get("chosen", {}).get(metric)
    on_validation = chosen.validation.get(metric) if chosen else None
    if tried > 1 and test is not None and on_validation is not None:
        said.append(
            f"The model was chosen among {tried} on validation, so its {metric} there "
            f"({on_validation:.4f}) flatters it; on the test split, which saw no other choice, it "
            f"is {test:.4f}."
        )
    if looks > 1:
        said.append(
            f"{looks} runs of this workspace have opened test rows of this data. Each is another "
            "chance to be lucky: p-values are also given adjusted for that (Šidák)."
        )
    return tuple(said)


def _time_is_short(context: RunContext, facts: Facts) -> bool:
    """Whether what is left of the budget is less than confirm is reckoned to take."""
    tools = context.tools
    left = tools.ledger.left(tools.run, "seconds")
    busy = startup_seconds(tools.ledger, tools.run)
    needed = confirm_seconds(facts.model_copy(update={"startup_seconds": busy}))
    return left is not None and left < needed


def _with_detector(
    chosen: Candidate, context: RunContext, facts: Facts, *, short: bool
) -> tuple[Path, tuple[str, ...]]:
    """The chosen model with what tells odd inputs and calibrates; a note where that failed."""
    tools, folder = context.tools, Path(chosen.folder)
    if not find_task(tools.task).spots_odd or read_notes(folder) is not None:
        return folder, ()
    if short:
        return folder, ("No time was left to learn what usual texts look like: no ood_score.",)
    models = ((chosen.name, chosen.folder),)
    spec = make_spec("anomaly", "detector", {}, tools, facts, models=models)
    spec = spec.model_copy(update={"seconds": None})
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


def stats_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What metrics follow from, among the arrays of a scored model."""
    return {kind: array for kind, array in arrays.items() if kind in KINDS}


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _target(
    target: Target,
    chosen: Candidate,
    test: Mapping[str, float],
    arrays: Mapping[str, NDArray[Any]],
    split: Split,
    seed: int,
) -> TargetResult:
    measured = test.get(target.metric)
    if target.metric == "latency_p95_ms":
        ci: tuple[float, float] | None = latency_interval(arrays[LATENCIES], seed=seed)
    elif target.metric == "ood_auroc" and measured is not None:
        ci = auroc_interval(arrays[USUAL], arrays[ODD], seed=seed)
    elif METRICS[target.metric].unit or target.metric in ODD_METRICS or measured is None:
        ci = None  # a quoted text has no likelihood
    elif (sliced := sliced_metric(target.metric)) is not None:
        stats = stats_of(arrays)
        worst = worst_over(sliced, stats, parts_of(split))
        ci = None if worst is None else resampled(worst, len(split), seed=seed)
    else:
        ci = interval(target.metric, stats_of(arrays), seed=seed)
    return TargetResult(
        metric=target.metric,
        op=target.op,
        value=target.value,
        validation=chosen.validation.get(target.metric),
        test=measured,
        ci=ci,
        met=measured is not None and target.holds(measured),
    )


def _comparisons(
    main: str,
    arrays: Mapping[str, Mapping[str, NDArray[Any]]],
    metric: str,
    seed: int,
    looks: int = 1,
) -> list[Comparison]:
    """The chosen model against every baseline, on the same rows."""
    first = stats_of(arrays[main])
    found = []
    for name in arrays:
        if name == main:
            continue
        other = stats_of(arrays[name])
        if kind_of(metric, first) is None or kind_of(metric, other) is None:
            continue  # a copied text, say, has no likelihood
        d = compare(metric, first, other, seed=seed)
        found.append(
            Comparison(
                against=name,
                metric=metric,
                difference=d.value,
                ci=(d.low, d.high),
                p_value=d.p_value,
                p_adjusted=sidak(d.p_value, looks),
                looks=looks,
            )
        )
    return found


def _robustness(arrays: Mapping[str, Mapping[str, NDArray[Any]]], seed: int) -> list[Robustness]:
    """What perturbations and the attack did to each model that was asked."""
    return [
        Robustness(
            model=name,
            rows=len(found["robust"]),
            robust_accuracy=_share("robust_accuracy", found["robust"].min(axis=1), seed),
            under=[_share(n, column, seed) for n, column in by_column(found["robust"]).items()],
            attack=_attack(found[ATTACKED], seed) if ATTACKED in found else None,
        )
        for name, found in arrays.items()
        if "robust" in found
    ]


def _attack(found: NDArray[Any], seed: int) -> SwapAttack:
    before, after, words = found.T
    won = words[~np.isnan(words)]
    return SwapAttack(
        rows=len(found),
        before=float(before.mean()),
        after=_share("attack", after, seed),
        words=float(won.mean()) if len(won) else None,
    )


def _share(name: str, hits: NDArray[Any], seed: int) -> Share:
    return Share(name=name, value=float(hits.mean()), ci=share_interval(hits, seed=seed))


def _unmeasured(targets: tuple[Target, ...]) -> list[TargetResult]:
    return [
        TargetResult(
            metric=t.metric, op=t.op, value=t.value, validation=None, test=None, ci=None, met=False
        )
        for t in targets
    ]


def _keep(context: RunContext, found: Confirmed) -> None:
    context.tools.ledger.keep(context.tools.run, "confirmed", found.model_dump_json())
