"""What a run would do and what each step would take, before anything is spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low

from ..evals.targets import wants_robust
from ..memory.knowledge import RECIPES
from ..memory.strategies import strategies_in
from ..tools.estimate import confirm_seconds, estimate_seconds, kept_back
from ..tools.facts import ROBUST_TARGET, DataVersion, Facts, KnownStrategy, Setting
from ..tools.knowledge.tool import as_known
from ..tools.training.base_facts import place_of
from .plan import Plan

TRIALS = 8


@dataclass(frozen=True)
class Step:
    """A step that may come, with its expected seconds on this machine."""

    tool: str
    what: str
    seconds: float
    fits: bool


def outlook(plan: Plan) -> tuple[Step, ...]:
    """The likely steps, cheapest first; which are taken depends on what the earlier ones bring.

    The speed is a guess until the probes have measured it. `fits` counts the time from
    the start, with what confirm and report take kept back.
    """
    facts = _facts(plan)
    limit = plan.spec.seconds()
    left = None if limit is None else limit - kept_back(facts, limit)
    steps: list[Step] = []
    used = 0.0
    for tool, what, seconds in _steps(facts, len(plan.spec.base_models)):
        fits = left is None or used + seconds <= left
        used += seconds if fits else 0.0
        steps.append(Step(tool, what, seconds, fits))
    steps.append(Step("confirm", "test split, report", confirm_seconds(facts), True))
    return tuple(steps)


def _steps(facts: Facts, bases: int = 1) -> list[tuple[str, str, float]]:
    look = sum(
        estimate_seconds(tool, {}, facts)
        for tool in ("inspect_dataset", "clean_dataset", "mask_personal_data")
    )
    probes = [s.name.replace("_", " ") for s in facts.strategies if s.tool == "probe_baselines"]
    steps = [
        ("inspect, clean, mask", "what must not be learned", look),
        ("probe_baselines", "; ".join(probes), estimate_seconds("probe_baselines", {}, facts)),
    ]
    if bases > 1:
        seconds = estimate_seconds("rank_base_models", {}, facts)
        steps.insert(1, ("rank_base_models", f"{bases} without training", seconds))
    usable = [s for s in facts.strategies if s.variant_of is None and not s.unmet(facts.situation)]
    tuned = [s for s in usable if s.tool == "fine_tune"]
    steps += [
        ("fine_tune", s.name, estimate_seconds(s.tool, {"strategy": s.name}, facts)) for s in tuned
    ]
    searchable = min(tuned, key=lambda s: s.relative_cost, default=None)
    if searchable is not None and any(s.tool == "search_hyperparameters" for s in usable):
        arguments = {"strategy": searchable.name, "trials": TRIALS}
        seconds = estimate_seconds("search_hyperparameters", arguments, facts)
        steps.append(("search_hyperparameters", f"{TRIALS} × {searchable.name}", seconds))
    return steps


def _facts(plan: Plan) -> Facts:
    """What is known before the run."""
    train = plan.rows.get("train", 0)
    counts = Counter(plan.raw.splits["train"].labels)
    share = train / max(1, sum(counts.values()))
    return Facts(
        data=DataVersion(
            key="",
            name="as read",
            folder="",
            train_rows=train,
            validation_rows=plan.rows.get("validation", 0),
        ),
        rows=plan.rows,
        smallest_class=int(min(counts.values()) * min(1.0, share)),
        median_class=int(median_low(counts.values()) * min(1.0, share)),
        strategies=_known(plan),
        place=_place(plan),
    )


def _known(plan: Plan) -> tuple[KnownStrategy, ...]:
    """What may be tried, as the knowledge graph will have it."""
    return tuple(as_known(s) for s in plan.strategies or strategies_in(RECIPES, plan.raw.task))


def _place(plan: Plan) -> dict[str, Setting]:
    wanted: dict[str, Setting] = {ROBUST_TARGET: wants_robust(plan.spec.parsed_targets())}
    return place_of(plan.spec.base_models[0], plan.raw.task) | wanted


def total(steps: Sequence[Step]) -> float:
    """Seconds of all steps that fit."""
    return sum(s.seconds for s in steps if s.fits)


def memory_line(plan: Plan) -> str:
    """What the dearest training may take, as the defaults stand, and what is free."""
    from ..tools.training.base_model import find_base_model
    from ..tools.training.memory_estimate import estimate_memory, free_memory, shape_of
    from ..tools.training.memory_retry import CHARACTERS_A_TOKEN, gigabytes
    from ..tools.training.settings import TrainSettings

    fields = TrainSettings.model_fields
    longest = max((len(text) for text in plan.raw.splits["train"].texts), default=0)
    needed = 0
    for ref in plan.spec.base_models:
        base = find_base_model(ref)
        shape = shape_of(base.path)
        for strategy in _known(plan):
            if strategy.tool != "fine_tune" or strategy.variant_of is not None:
                continue
            said = {k: v for k, v in strategy.defaults.items() if k in fields}
            settings = TrainSettings.model_validate({**said, "strategy": strategy.technique})
            length = min(settings.max_length, base.max_tokens, 2 + longest // CHARACTERS_A_TOKEN)
            needed = max(needed, estimate_memory(shape, settings, length).total)
    free = free_memory()
    less = "" if needed <= free else "; smaller parts of a batch at a time will do"
    return f"about {gigabytes(needed)} at most, {gigabytes(free)} free{less}"
