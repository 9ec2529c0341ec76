"""What of earlier runs on similar data is used here: settings within bounds, and gains."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from ...evals.metrics import METRICS
from ...memory.errors import StoreError
from ...memory.recall import PastRun, PastTry, Profile
from ...memory.strategies import Parameter, Strategy
from ..facts import Facts, KnownStrategy, Outcome, Remembered, Setting
from ..guardrails.checks import neutralise
from ..tool import ToolContext

AUGMENT = "augment_dataset"
MOST_LESSONS = 4
MOST_NAMED = 5  # similar runs that are told of
LESSON = 160  # characters of one
MEMBER = "weight of "  # before the name of a member, in the settings of a blend
LEAST_WEIGHT = 0.05  # of a blend's weights together; a member with less has no part in it
BLEND_TOOL = "blend_candidates"
SEEDS = 3  # remembered settings that a search begins with


class Recalled(NamedTuple):
    """The best try of each strategy in each similar run, the nearest first; lessons; the runs.

    `fruitless` are tools that came to nothing on all but the same data.
    """

    tries: tuple[Remembered, ...] = ()
    lessons: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    fruitless: tuple[str, ...] = ()


def recall(
    context: ToolContext,
    facts: Facts,
    strategies: Sequence[Strategy],
    constants: Mapping[str, float],
) -> Recalled:
    """Read what similar runs did, once in a run: what ends meanwhile, or later, changes nothing."""
    if not facts.profile or not context.memory:
        return Recalled()
    kept = context.ledger.kept(context.run, "memory")
    if kept is None:
        found = _recalled(context, facts, strategies, constants)
        dumped = [r.model_dump() for r in found.tries]
        kept = json.dumps({**found._asdict(), "tries": dumped})
        context.ledger.keep(context.run, "memory", kept)
    said = json.loads(kept)
    tries = tuple(Remembered.model_validate(r) for r in said["tries"])
    fruitless = tuple(said.get("fruitless", ()))
    return Recalled(tries, tuple(said["lessons"]), tuple(said["runs"]), fruitless)


def _recalled(
    context: ToolContext,
    facts: Facts,
    strategies: Sequence[Strategy],
    constants: Mapping[str, float],
) -> Recalled:
    try:
        runs = context.knowledge.similar_runs(
            task=context.task,
            base_model=context.base(facts)[0],
            profile=Profile(facts.profile, facts.embedding),
            metric=context.metric,
            within=constants.get("recallDistance", 0.0),
            but=context.run,
        )
    except StoreError as error:  # a run goes on without memory
        context.ledger.note(context.run, f"Earlier runs could not be read: {error}")
        return Recalled()
    tries = tuple(r for run in runs for r in best_tries(run, strategies, context.metric))
    idle = fruitless(runs, constants)
    said = (*named(runs, tries), *(f"{tool} came to nothing there: not tried" for tool in idle))
    return Recalled(tries, lessons_of(runs), said, idle)


def best_tries(run: PastRun, strategies: Sequence[Strategy], metric: str) -> Iterable[Remembered]:
    """Find the best try of each strategy that a run trained or blended, and what it gained there.

    The gain is the share, -1 to 1, of the error of the best try of a lower rung that the
    strategy's best removed. A run without a lower rung says nothing of gains. What it removed of
    the error of the best cheap rung is what tells later whether it may close a gap: that counts
    a blend of it with cheap rungs, too, as blending follows every tuning. Blending itself is
    remembered by the blends of cheap rungs alone.
    """
    rungs = {s.name: s.rung for s in strategies}
    cheap = {s.name for s in strategies if s.tool == "probe_baselines"}
    sound = [t for t in run.tries if t.strategy in rungs and math.isfinite(t.value)]

    def error(one: PastTry) -> float:
        return METRICS[metric].error(one.value)

    for strategy in strategies:
        if strategy.tool == BLEND_TOOL:
            own = _blends_of((), sound, cheap)
        elif strategy.tool == "fine_tune":
            own = [t for t in sound if _tried_as(t) == strategy.name]
        else:
            continue
        below = [error(t) for t in sound if rungs[t.strategy] < strategy.rung]
        if not own or not below:
            continue
        best = min(own, key=lambda t: (error(t), t.iri))
        probed = [error(t) for t in sound if t.strategy in cheap]
        reached = min(error(t) for t in (*own, *_blends_of(own, sound, cheap)))
        yield Remembered(
            run=run.name,
            iri=run.iri,
            distance=round(run.distance, 4),
            strategy=strategy.name,
            settings=within_space(best.settings, strategy.space),
            gain=_share(min(below), error(best)),
            removed=_share(min(probed), reached) if probed else None,
        )


def _share(before: float, after: float) -> float:
    """The share of an error that is gone, -1 to 1."""
    gain = (before - after) / before if before > 0 else 0.0
    return round(min(1.0, max(-1.0, gain)), 4)


def _blends_of(
    own: Sequence[PastTry], tries: Sequence[PastTry], cheap: Collection[str]
) -> list[PastTry]:
    """The blends of these tries and cheap rungs; where there are such tries, with one of them."""
    tuned = {_name(t) for t in own}
    allowed = tuned | {_name(t) for t in tries if t.strategy in cheap}
    found = []
    for one in tries:
        members = _members(one) if one.strategy == "blend" else set()
        if members and members <= allowed and (not tuned or members & tuned):
            found.append(one)
    return found


def _members(one: PastTry) -> set[str]:
    """The members of a blend that have a part in what it answers."""
    weights = {
        name.removeprefix(MEMBER): float(weight)
        for name, weight in one.settings.items()
        if name.startswith(MEMBER) and isinstance(weight, (int, float)) and weight > 0
    }
    least = LEAST_WEIGHT * sum(weights.values())
    return {name for name, weight in weights.items() if weight >= least}


def _name(one: PastTry) -> str:
    return unquote(one.iri.rpartition("/")[2])


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


def expected(
    prior: float, seen: Sequence[tuple[float, float]], constants: Mapping[str, float]
) -> tuple[float, float] | None:
    """Weigh what similar runs removed of their cheap rungs' error against the recipe's gain.

    Every source is a normal estimate, weighed by its precision: the recipe's has the standard
    deviation `recallSpread`, a run's at distance d that of `recallNoise` and `recallDrift` * d
    together. On the same data one run counts for far more than the recipe, far away for less.

    Args:
        prior: The recipe's typical gain.
        seen: (distance, share removed) of each run.

    Returns:
        The share to be expected and its standard deviation; None where no run tells.

    Source: the posterior of a normal mean with known variances, as Gelman et al. 2013,
    Bayesian Data Analysis, section 2.5.
    """
    spread, noise = constants.get("recallSpread", 0.0), constants.get("recallNoise", 0.0)
    if not seen or spread <= 0 or noise <= 0:
        return None
    drift = constants.get("recallDrift", 0.0)
    parts = [(1 / spread**2, prior)]
    parts += [(1 / (noise**2 + (drift * far) ** 2), share) for far, share in seen]
    total = sum(precision for precision, _ in parts)
    return sum(p * share for p, share in parts) / total, total**-0.5


def alike(remembered: Sequence[Remembered], constants: Mapping[str, float]) -> list[Remembered]:
    """Those on data so near that their settings come before the recipe's."""
    same = constants.get("recallSame", 0.0)
    return [r for r in remembered if r.distance <= same]


def with_memory(
    known: KnownStrategy, remembered: Sequence[Remembered], constants: Mapping[str, float]
) -> KnownStrategy:
    """The strategy as similar runs saw it: what it may remove, settings those it begins with."""
    own = [r for r in remembered if r.strategy == known.name and r.removed is not None]
    seen = [(r.distance, r.removed) for r in own if r.removed is not None]
    hoped = expected(known.typical_gain, seen, constants)
    began = seeds(alike(remembered, constants), known.name)[:1]
    defaults = {**known.defaults, **(began[0].settings if began else {})}
    changed: dict[str, object] = {"defaults": defaults}
    if hoped is not None:
        changed |= {"recalled_share": round(hoped[0], 4), "recalled_spread": round(hoped[1], 4)}
    return known.model_copy(update=changed)


def fruitless(runs: Sequence[PastRun], constants: Mapping[str, float]) -> tuple[str, ...]:
    """Name the tools whose work was dropped in the nearest run on all but the same data.

    Only of augmenting: it takes long, and whether it pays lies in the rows.
    """
    same = [run for run in runs if run.distance <= constants.get("recallSame", 0.0)]
    return tuple(tool for tool in (AUGMENT,) if same and tool in same[0].fruitless)


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


def named(runs: Sequence[PastRun], tries: Sequence[Remembered]) -> tuple[str, ...]:
    """The nearest similar runs, a line each; also those that have nothing to teach."""
    tuned = {r.iri for r in tries}
    return tuple(
        f"Like this data: run {run.name} ({run.iri}), distance {run.distance:.2f}"
        + ("" if run.iri in tuned else "; it tuned nothing")
        for run in runs[:MOST_NAMED]
    )


def from_memory(outcome: Outcome, began: Sequence[Remembered], asked: Collection[str]) -> Outcome:
    """Say of an outcome's candidates which settings are those that were begun with.

    Args:
        outcome: Of a fine-tune or search.
        began: What it began with.
        asked: Settings that the call named itself.
    """
    marked = tuple(
        c.model_copy(update={"recalled": {k: r.iri for k in r.settings if k not in asked}})
        if (r := _held(c.settings, began, asked))
        else c
        for c in outcome.candidates
    )
    return outcome.model_copy(update={"candidates": marked})


def _held(
    settings: Mapping[str, Setting], began: Sequence[Remembered], asked: Collection[str]
) -> Remembered | None:
    """The first whose settings, apart from those that were asked for, are all here."""
    return next(
        (
            r
            for r in began
            if all(settings.get(k) == v for k, v in r.settings.items() if k not in asked)
        ),
        None,
    )


def begun_with(name: str, one: Remembered) -> str:
    """Say where the settings that a search or fine-tune began with come from."""
    said = ", ".join(f"{k} {v}" for k, v in sorted(one.settings.items()))
    return f"{name} began with the settings of run {one.run} ({one.iri}): {said}"
