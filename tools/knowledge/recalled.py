"""What of earlier runs on similar data is used here: settings within bounds, and gains."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence

from ...evals.metrics import METRICS
from ...memory.errors import StoreError
from ...memory.recall import PastRun, PastTry
from ...memory.strategies import Parameter, Strategy
from ..facts import Facts, KnownStrategy, Remembered, Setting
from ..guardrails.checks import neutralise
from ..tool import ToolContext

MOST_LESSONS = 4
LESSON = 160  # characters of one
SEEDS = 3  # remembered settings that a search begins with


def recall(
    context: ToolContext,
    facts: Facts,
    strategies: Sequence[Strategy],
    constants: Mapping[str, float],
) -> tuple[tuple[Remembered, ...], tuple[str, ...]]:
    """Read what similar runs did, once in a run: what ends meanwhile, or later, changes nothing.

    Returns:
        The best try of each strategy in each run, nearest run first; and lessons.
    """
    if not facts.profile or not context.memory:
        return (), ()
    kept = context.ledger.kept(context.run, "memory")
    if kept is None:
        found = _recalled(context, facts, strategies, constants)
        tries = [r.model_dump() for r in found[0]]
        kept = json.dumps({"tries": tries, "lessons": found[1]})
        context.ledger.keep(context.run, "memory", kept)
    said = json.loads(kept)
    return tuple(Remembered.model_validate(r) for r in said["tries"]), tuple(said["lessons"])


def _recalled(
    context: ToolContext,
    facts: Facts,
    strategies: Sequence[Strategy],
    constants: Mapping[str, float],
) -> tuple[tuple[Remembered, ...], tuple[str, ...]]:
    try:
        runs = context.knowledge.similar_runs(
            task=context.task,
            base_model=context.base(facts)[0],
            profile=facts.profile,
            metric=context.metric,
            within=constants.get("recallDistance", 0.0),
            but=context.run,
        )
    except StoreError as error:  # a run goes on without memory
        context.ledger.note(context.run, f"Earlier runs could not be read: {error}")
        return (), ()
    tries = tuple(r for run in runs for r in best_tries(run, strategies, context.metric))
    return tries, lessons_of(runs)


def best_tries(run: PastRun, strategies: Sequence[Strategy], metric: str) -> Iterable[Remembered]:
    """Find the best try of each strategy that a run trained, and what it gained there.

    The gain is the share, -1 to 1, of the error of the best try of a lower rung that the
    strategy's best removed. A run without a lower rung says nothing of gains.
    """
    rungs = {s.name: s.rung for s in strategies}
    sound = [t for t in run.tries if t.strategy in rungs and math.isfinite(t.value)]
    for strategy in strategies:
        own = [t for t in sound if _tried_as(t) == strategy.name]
        below = [METRICS[metric].error(t.value) for t in sound if rungs[t.strategy] < strategy.rung]
        if not own or not below or strategy.tool != "fine_tune":
            continue
        best = min(own, key=lambda t: (METRICS[metric].error(t.value), t.iri))
        before, after = min(below), METRICS[metric].error(best.value)
        gain = (before - after) / before if before > 0 else 0.0
        yield Remembered(
            run=run.name,
            iri=run.iri,
            distance=round(run.distance, 4),
            strategy=strategy.name,
            settings=within_space(best.settings, strategy.space),
            gain=round(min(1.0, max(-1.0, gain)), 4),
        )


def _tried_as(one: PastTry) -> str:
    method = one.settings.get("peft_method")
    return str(method) if one.strategy == "lora" and method else one.strategy


def within_space(settings: Mapping[str, Setting], space: Sequence[Parameter]) -> dict[str, Setting]:
    """Keep what the recipe's search space can express: memory may not ask for anything else."""
    return {
        p.setting: settings[p.setting]
        for p in space
        if p.setting in settings and _expressible(settings[p.setting], p)
    }


def _expressible(value: Setting, p: Parameter) -> bool:
    if p.choices:
        return any(value == c and type(value) is type(c) for c in p.choices)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    if p.low is None or p.high is None or not p.low <= value <= p.high:
        return False
    return not (isinstance(p.low, int) and isinstance(p.high, int)) or isinstance(value, int)


def shrunk_gain(prior: float, seen: Sequence[tuple[float, float]], strength: float) -> float:
    """Weigh what similar runs gained against the recipe's gain.

    (strength * prior + sum of w * gain) / (strength + sum of w), with w = 1 / (1 + distance):
    no runs give the prior, many give their mean; never below zero.

    Args:
        prior: The recipe's typical gain.
        seen: (distance, gain) of each run.
        strength: Runs on the same data that the prior counts as much as.
    """
    weights = [1 / (1 + distance) for distance, _ in seen]
    total = strength * prior + sum(w * g for w, (_, g) in zip(weights, seen, strict=True))
    return max(0.0, total / (strength + sum(weights)))


def with_gains(
    known: KnownStrategy, remembered: Sequence[Remembered], strength: float
) -> KnownStrategy:
    """The strategy as similar runs saw it: gain shrunk, settings those it begins with."""
    seen = [(r.distance, r.gain) for r in remembered if r.strategy == known.name]
    gain = round(shrunk_gain(known.typical_gain, seen, strength), 4) if seen else known.typical_gain
    began = seeds(remembered, known.name)[:1]
    defaults = {**known.defaults, **(began[0].settings if began else {})}
    return known.model_copy(update={"typical_gain": gain, "defaults": defaults})


def seeds(remembered: Sequence[Remembered], strategy: str) -> list[Remembered]:
    """What a search or fine-tune of a strategy begins with: where it paid, each once, near first.

    At most SEEDS.
    """
    found: list[Remembered] = []
    for one in remembered:
        known = one.strategy == strategy and one.gain > 0 and one.settings
        if known and all(one.settings != f.settings for f in found):
            found.append(one)
    return found[:SEEDS]


def lessons_of(runs: Sequence[PastRun]) -> tuple[str, ...]:
    """The first lessons of the nearest runs, as one line each, with the run's name."""
    said = [f"{run.name}: {neutralise(text, LESSON)}" for run in runs for text in run.lessons[:2]]
    return tuple(said[:MOST_LESSONS])


def sources(remembered: Sequence[Remembered]) -> tuple[str, ...]:
    """Which runs were remembered, a line each."""
    runs = {r.iri: r for r in remembered}
    return tuple(
        f"Like this data: run {r.run} ({iri}), distance {r.distance:.2f}" for iri, r in runs.items()
    )


def begun_with(name: str, one: Remembered) -> str:
    """Say where the settings that a search or fine-tune began with come from."""
    said = ", ".join(f"{k} {v}" for k, v in sorted(one.settings.items()))
    return f"{name} began with the settings of run {one.run} ({one.iri}): {said}"
