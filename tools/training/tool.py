"""Training tools: probe the cheap rungs, fine-tune, look closer at a candidate."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...evals.measures.classes import confusion
from ...memory import strategies as recipes
from ...memory.conditions import unmet
from ..datasets.clean import ROWS_KEPT
from ..datasets.tool import current
from ..datasets.types import Split, is_copy
from ..datasets.versions import load_version
from ..estimate import STARTUP, estimate_seconds, robust_seconds
from ..facts import Candidate, DataVersion, Facts, OnProgress, Outcome, Setting
from ..fusion.kept import keep_facts, known_of
from ..jobs.run import Finished, run_job
from ..jobs.spec import JobKind, JobSpec
from ..knowledge.recalled import alike, begun_with, from_memory, seeds
from ..tasks import find_task
from ..tool import Tool, ToolContext, ToolRefused, ToolResult
from .base_facts import this_machine
from .described import DRAWN, ZERO_SHOT
from .memory_retry import SOFTENED, kept_softness, memory_needed, train_gently, within_memory
from .settings import Adversarial, Noise, PeftMethod, TrainSettings
from .softness import gentle_enough


class ProbeArguments(BaseModel):
    """Fit the task's cheap rungs, such as tf-idf + linear or frozen embeddings + linear.

    Cheap: seconds. Their scores are the baselines of everything that follows.
    """

    model_config = ConfigDict(extra="forbid")

    rungs: list[Annotated[str, Field(max_length=24)]] | None = Field(
        None, max_length=6, description="which, by name; all if left out"
    )


class FineTuneArguments(BaseModel):
    """Fine-tune the base model once. Costly: minutes. Leave out what should be as known best."""

    model_config = ConfigDict(extra="forbid")

    strategy: str = Field(max_length=40, description="name of a fine_tune strategy of the state")
    learning_rate: float | None = Field(None, ge=1e-7, le=1.0)
    epochs: int | None = Field(None, ge=1, le=100)
    batch_size: int | None = Field(None, ge=1, le=1024)
    weight_decay: float | None = Field(None, ge=0, le=1)
    dropout: float | None = Field(None, ge=0, le=0.9)
    warmup_ratio: float | None = Field(None, ge=0, le=0.5)
    label_smoothing: float | None = Field(None, ge=0, le=0.5)
    mixup: float | None = Field(
        None, ge=0, le=4, description="blends texts, where one label or several belong to a text"
    )
    adversarial: Adversarial | None = Field(
        None, description="for answers that bear typos and attacks: 2 to 4 times the time"
    )
    adversarial_size: float | None = Field(None, gt=0, le=2)
    adversarial_steps: int | None = Field(None, ge=1, le=10)
    adversarial_weight: float | None = Field(None, ge=0, le=100)
    noise: Noise | None = Field(None, description="noisy copies of the rows, for robust answers")
    noisy_copies: int | None = Field(None, ge=1, le=5)
    class_weights: bool | None = None
    optimizer: Literal["adamw", "sgd"] | None = None
    max_length: int | None = Field(None, ge=8, le=8192, description="tokens; 256 if left out")
    peft_method: PeftMethod | None = Field(None, description="for LoRA and its relatives")
    rank: int | None = Field(None, ge=1, le=512, description="for LoRA and its relatives")
    alpha: int | None = Field(None, ge=1, le=2048, description="for LoRA and its relatives")
    target_modules: str | None = Field(
        None, max_length=200, description="names of the modules LoRA changes, with spaces; else all"
    )
    layers: int | None = Field(None, ge=1, le=200, description="of the top that learn")
    own_weights: bool | None = Field(None, description="for choices that never differ")
    accumulate: int | None = Field(None, ge=1, le=1024, description="parts of a batch, for memory")
    checkpointing: bool | None = Field(None, description="slower, less memory")
    quantised: bool | None = Field(None, description="4 bits; language models, lora, CUDA")


class EvaluateArguments(BaseModel):
    """Look closer at a candidate on validation: weakest classes and most confused pairs."""

    model_config = ConfigDict(extra="forbid")

    candidate: str = Field(max_length=80, description="name of a candidate")


TUNING = {
    "probe",
    "fine_tune",
    "search",
    "augment",
}  # jobs that need to know which base model is tuned


def make_spec(
    kind: JobKind,
    name: str,
    settings: dict[str, Setting],
    context: ToolContext,
    facts: Facts,
    **more: object,
) -> JobSpec:
    """Describe a job on the current data version."""
    version = current(facts)
    if len(context.base_models) > 1 and not facts.base_ranking and kind in TUNING:
        raise ToolRefused("rank_base_models first: several base models were given")
    if kind in TUNING:
        _refuse_leaks(version, context)
    base_model, base_digest = context.base(facts)
    what = JobSpec.What.model_validate(
        {
            "kind": kind,
            "data": version.key,
            "task": context.task,
            "base_model": base_model,
            "base_digest": base_digest,
            "metric": context.metric,
            "measured": context.measured,
            "settings": settings,
            "seed": context.seed,
            "odd": context.odd_digest,
            **more,
        }
    )
    return JobSpec(
        what=what,
        name=name,
        data_folder=version.folder,
        data_name=version.name,
        data_hash=facts.data_hash,
        masked=version.masked,
        masking=version.masking,
        run=context.run,
        cache=str(context.workspace.root / "cache"),
        studies=str(context.workspace.studies),
        odd=str(context.odd_file) if context.odd_digest else "",
        held_out=tuple(sorted(context.held_out)) if _makes_noise(what) else (),
        seconds=context.seconds_left(),
        answering=facts.answer_seconds * version.validation_rows + robust_seconds(facts),
        workers=context.workers,
    )


def _makes_noise(what: JobSpec.What) -> bool:
    """Whether a tuning makes copies of training rows, which must not become held-out ones."""
    return what.settings.get("noise", "none") != "none" or any(
        part.get("setting") == "noise" for part in what.space
    )


def _refuse_leaks(version: DataVersion, context: ToolContext) -> None:
    """Refuse to learn from rows that are copies of validation or test rows, also near ones.

    After cleaning, only the last rows of a class may be such: it would have none otherwise.

    Raises:
        ToolRefused: There are some; clean_dataset drops them.
    """
    train, _ = load_version(version)
    leaked = [i for i, text in enumerate(train.texts) if is_copy(text, context.held_out)]
    if not leaked:
        return
    counts = Counter(train.labels)
    if version.cleaned and all(counts[train.labels[i]] <= ROWS_KEPT for i in leaked):
        return
    raise ToolRefused(
        f"{len(leaked)} training rows are copies of validation or test rows "
        f"({train.places[leaked[0]]} is the first); clean_dataset drops them"
    )


def _probe(
    arguments: ProbeArguments, context: ToolContext, facts: Facts, progress: OnProgress
) -> ToolResult:
    probes = find_task(context.task).probes
    known = [s.name for s in context.knowledge.strategies(context.task) if s.tool == PROBE.name]
    chosen = {*(arguments.rungs or known), "majority"}  # which costs nothing
    wanted: dict[str, Setting] = {name: name in chosen for name in probes}
    spec = _described(make_spec("probe", "probes", wanted, context, facts), context, facts)
    done = run_job(spec, context.store, context.ledger, progress)
    named = _named_apart(done.outcome.candidates, facts)
    found = Facts(candidates=named, notes=done.outcome.notes)
    if done.outcome.frozen_seconds:
        found.frozen_seconds = done.outcome.frozen_seconds
    if done.outcome.answer_seconds:
        found.answer_seconds = done.outcome.answer_seconds
    suspects = done.outcome.suspect_labels
    if wanted.get("frozen_linear"):
        found.suspect_labels, found.suspects_in = suspects, current(facts).key
        found.suspects_pay = done.outcome.suspects_pay
    doubt = ""
    if suspects:
        pays = "helps" if done.outcome.suspects_pay else "does not help"
        doubt = f" {len(suspects)} train labels look doubtful; leaving them out {pays} the probe."
    return ToolResult(_scores(named, context.metric) + "." + doubt, found, (str(done.folder),))


def _described(spec: JobSpec, context: ToolContext, facts: Facts) -> JobSpec:
    """Give the probes what the domain graph says of the labels, where they are to compare it.

    That rung is left out where the graph says nothing and rows are many: names alone then add
    nothing.
    """
    settings = spec.what.settings
    if not settings.get(ZERO_SHOT):
        return spec
    known = known_of(context, facts)
    if not known.described and not few_rows(context.knowledge.strategies(context.task), facts):
        settings = {n: v and n not in {ZERO_SHOT, DRAWN} for n, v in settings.items()}
        return spec.model_copy(update={"what": spec.what.model_copy(update={"settings": settings})})
    digest, path = keep_facts(context.store, known)
    what = spec.what.model_copy(update={"settings": {**settings, "knowledge": digest}})
    return spec.model_copy(update={"what": what, "knowledge": str(path)})


def few_rows(known: Sequence[recipes.Strategy], facts: Facts) -> bool:
    """Whether rows are so few that a label's name alone may help, as the recipe says it."""
    recipe = next((s for s in known if s.name == ZERO_SHOT), None)
    labels = max(1, len(facts.label_counts))
    rows = facts.data.train_rows if facts.data else 0
    return recipe is not None and not unmet(recipe.requires, {"rows_a_bare_label": rows // labels})


def _fine_tune(
    arguments: FineTuneArguments, context: ToolContext, facts: Facts, progress: OnProgress
) -> ToolResult:
    said = arguments.model_dump(exclude_none=True)
    strategy = strategy_of(said, context)
    asked = as_will_run(said, context, facts)
    began = seeds(alike(facts.remembered, facts.constants), strategy)[:1]
    name = candidate_name(strategy, facts)
    train, _ = load_version(current(facts))
    longest = max((len(text) for text in train.texts), default=0)
    settings, softened = within_memory(asked, longest, context, facts)

    def make(settings: TrainSettings) -> JobSpec:
        spec = make_spec("fine_tune", name, settings.model_dump(), context, facts)
        if spec.seconds is None:
            return spec
        kept = STARTUP + estimate_seconds("blend_candidates", {}, facts)
        seconds = max(spec.seconds - kept, 0.7 * spec.seconds)  # what it makes will be blended
        return spec.model_copy(update={"seconds": seconds})

    done, _, notes = train_gently(make, settings, context, progress, strategy)
    said_of = tuple(filter(None, (softened, *notes, *(begun_with(name, r) for r in began))))
    outcome = from_memory(renamed(done.outcome, name, strategy), began, said)
    return _result(done, outcome, context, facts, said_of)


def _result(
    done: Finished,
    outcome: Outcome,
    context: ToolContext,
    facts: Facts,
    said: tuple[str, ...] = (),
) -> ToolResult:
    outcome = outcome.model_copy(update={"notes": (*outcome.notes, *said)})
    again = " (done before, not repeated)" if done.reused else f" in {done.seconds:.0f} s"
    if done.reused and any(c.folder == outcome.candidates[0].folder for c in facts.candidates):
        return ToolResult(
            "These settings were tried already: " + _scores(outcome.candidates, context.metric)
        )
    return ToolResult(
        _scores(outcome.candidates, context.metric)
        + again
        + ("." if outcome.notes else "")
        + "".join(f" {n}." for n in outcome.notes),
        Facts(candidates=outcome.candidates, curves=outcome.curves, notes=outcome.notes),
        (outcome.candidates[0].folder,),
    )


def renamed(outcome: Outcome, name: str, strategy: str | None = None) -> Outcome:
    """Give a reused job's single candidate the name it has in this run, and its strategy's."""
    named = {"name": name} if strategy is None else {"name": name, "strategy": strategy}
    return outcome.model_copy(
        update={
            "candidates": tuple(c.model_copy(update=named) for c in outcome.candidates),
            "curves": tuple(c.model_copy(update={"candidate": name}) for c in outcome.curves),
        }
    )


def as_will_run(said: dict[str, Setting], context: ToolContext, facts: Facts) -> TrainSettings:
    """What was said with the strategy's defaults, as gentle as earlier trainings had to be.

    What paid on similar data stands in for the defaults. Who says how a batch is
    computed gets just that.

    Raises:
        ToolRefused: The graph has no such strategy, or its recipe is no good.
    """
    began = seeds(alike(facts.remembered, facts.constants), strategy_of(said, context))[:1]
    known = dict(began[0].settings) if began else {}
    settings = TrainSettings.model_validate(
        full_settings({**known, **kept_softness(facts), **said}, context)
    )
    if {*SOFTENED} & said.keys():
        return settings
    _, digest = context.base(facts)
    here = this_machine()
    failures = context.knowledge.failures()
    return gentle_enough(settings, [f for f in failures if (f.machine, f.base) == (here, digest)])


def full_settings(said: dict[str, Setting], context: ToolContext) -> dict[str, Setting]:
    """Add the strategy's defaults to what was said, and check the whole.

    A PEFT method that the knowledge graph has as a variant brings its own defaults.

    Raises:
        ToolRefused: The graph has no such strategy, or its recipe is no good.
    """
    source = _recipe(said, context)
    fields = TrainSettings.model_fields
    defaults = {k: v for k, v in source.defaults.items() if k in fields}
    merged = {**defaults, **said, "strategy": source.technique}
    try:
        return TrainSettings.model_validate(merged).model_dump()
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise ToolRefused(
            f"the recipe of {source.name} cannot be used: {where}: {fault['msg']}, "
            f"got {fault.get('input')!r}"
        ) from error


def strategy_of(said: dict[str, Setting], context: ToolContext) -> str:
    """The strategy that settings amount to: the one named, or its variant of a PEFT method.

    Raises:
        ToolRefused: The graph has no such strategy.
    """
    source, method = _recipe(said, context), said.get("peft_method")
    return str(method) if method and method != source.defaults.get("peft_method") else source.name


def _recipe(said: dict[str, Setting], context: ToolContext) -> recipes.Strategy:
    tuned = [s for s in context.knowledge.strategies(context.task) if s.tool == FINE_TUNE.name]
    known = {s.name: s for s in tuned}
    named = known.get(str(said["strategy"]))
    if named is None:
        names = ", ".join(known)
        raise ToolRefused(f"no strategy {said['strategy']!r} to fine-tune with; there are: {names}")
    variant = known.get(str(said.get("peft_method", "")))
    return variant if variant is not None and variant.variant_of == named.name else named


def memory_of(
    tool: str, said: Mapping[str, object], context: ToolContext, facts: Facts
) -> tuple[int, int] | None:
    """Bytes that a call takes at most, and those that are free; None where it tunes nothing."""
    if tool not in {"fine_tune", "search_hyperparameters"}:
        return None
    given = {k: v for k, v in said.items() if k in TrainSettings.model_fields and v is not None}
    settings = full_settings({**kept_softness(facts), **cast("dict[str, Setting]", given)}, context)
    return memory_needed(tool, TrainSettings.model_validate(settings), context, facts)


def candidate_name(strategy: str, facts: Facts) -> str:
    """Name a candidate after its strategy, numbered: lora-1, lora-2."""
    taken = sum(c.name.startswith(f"{strategy}-") for c in facts.candidates)
    return f"{strategy}-{taken + 1}"


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


def _named_apart(candidates: tuple[Candidate, ...], facts: Facts) -> tuple[Candidate, ...]:
    """Probes on a later data version get that version's name, so that names stay unique."""
    taken = {c.name for c in facts.candidates}
    version = current(facts)
    return tuple(
        c.model_copy(update={"name": f"{c.name} ({version.name})"}) if c.name in taken else c
        for c in candidates
    )


def _scores(candidates: tuple[Candidate, ...], metric: str) -> str:
    return ", ".join(
        f"{c.name}: {metric} {c.validation[metric]:.4f}"
        if metric in c.validation
        else f"{c.name}: no {metric}"
        for c in candidates
    )


PROBE = Tool("probe_baselines", ProbeArguments, _probe)
FINE_TUNE = Tool("fine_tune", FineTuneArguments, _fine_tune)
EVALUATE = Tool("evaluate_candidate", EvaluateArguments, _evaluate)
