"""Which training comes next: what each may gain and cost, and which of them to take.

Gains come from the recipes, and from what earlier runs on similar data saw; times are estimates
for this data on this machine. `tune` weighs them against the gap to the target.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Any

from ..evals.metrics import METRICS
from ..graphs.digest import Digest, StrategyState
from ..graphs.policy import kind_of
from ..tools.estimate import STARTUP

LEAST_TRIALS = 3
LEAST_EPOCHS = 2  # fewer teach too little to be worth a start
FAR = 3.0  # a gap this many times what any step gains is climbed to by the strongest step
EVEN = 0.5  # the chance of what is expected to close the gap, where no similar run tells
NEARLY = 0.75  # of the largest expected gain is as good, if it is cheaper


@dataclass(frozen=True)
class Proposal:
    """One call and why, in a sentence."""

    tool: str
    reason: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Option:
    """Something that may be tried: what it is expected to gain, in points, and to cost."""

    proposal: Proposal
    gain: float
    seconds: float
    spread: float | None = None  # of the gain, where similar runs tell it

    def chance(self, gap: float | None) -> float:
        """How likely it is to close the gap: by what similar runs saw, else even or nothing."""
        if gap is None:
            return 0.0
        if not self.spread:
            return EVEN if self.gain >= gap else 0.0
        return NormalDist(gap, self.spread).cdf(self.gain)


def tune(digest: Digest) -> Proposal:
    """Choose what may close the gap.

    Where similar runs make something likely to close it, the most chance a second comes first,
    so that what takes seconds and may do is tried before what surely does. A small gap:
    search the settings of what did best. Else the cheapest option that may close it; else
    the cheapest of those that gain nearly the most, or, where the gap is far wider than
    that, of those that gain the most.
    """
    gap = widest_gap(digest)
    options = [
        o
        for o in _options(digest, gap)
        if fits(o.seconds, digest) and not declined(o.proposal, digest)
    ]
    if not options:
        return Proposal(
            "finish",
            "Nothing that is left fits the data and the budget.",
            {"reason": "nothing left that fits the budget"},
        )
    if any(o.spread and o.chance(gap) >= digest.likely for o in options):
        able = [o for o in options if o.chance(gap) >= min(EVEN, digest.likely)]
        return max(able, key=lambda o: o.chance(gap) / o.seconds).proposal
    search = [o for o in options if o.proposal.tool == "search_hyperparameters"]
    if search and gap is not None and gap <= digest.small_gap:
        return search[0].proposal
    if gap is None:  # no target: rung by rung
        return min(options, key=lambda o: o.seconds).proposal
    closing = [o for o in options if o.gain >= gap]
    if closing:
        return min(closing, key=lambda o: o.seconds).proposal
    most = max(o.gain for o in options)
    enough = most if gap > FAR * most else NEARLY * most
    good = [o for o in options if o.gain >= enough]
    return min(good, key=lambda o: o.seconds).proposal


def widest_gap(digest: Digest) -> float | None:
    """The largest gap to a target that tuning can close; None without such targets."""
    gaps = [t.gap for t in digest.targets if t.gap is not None and not t.cost]
    return max(gaps) if gaps else None


def _options(digest: Digest, gap: float | None) -> list[Option]:
    """Strategies not tried yet; a search where the best tuned strategy is nearly there."""
    options = _trainings(digest, gap, relatives=False)
    if gap is None or gap <= digest.small_gap or not options:
        options += _searches(digest, gap)
    options = options or _trainings(digest, gap, relatives=True)
    return options + _cheap(digest)


def _trainings(digest: Digest, gap: float | None, *, relatives: bool) -> list[Option]:
    """What trains and was not tried yet.

    Args:
        relatives: Variants of strategies that were tried; else the strategies themselves, and
            the variants that similar runs tried.
    """
    tried = {s.name for s in digest.strategies if s.tried}
    return [
        shortened(s, digest.error, gap, digest)
        for s in digest.strategies
        if s.tool == "fine_tune"
        and s.feasible
        and not s.tried
        and not s.failed
        and not s.hardens  # the planner takes these where robustness is missed
        and (
            s.variant_of in tried
            if relatives
            else s.variant_of is None or s.recalled_gain is not None
        )
    ]


def _searches(digest: Digest, gap: float | None) -> list[Option]:
    """A search of the settings of what did best, if it has any that were not searched."""
    search = next((s for s in digest.strategies if s.tool == "search_hyperparameters"), None)
    searched = _best_searchable(digest)
    if search is None or searched is None:
        return []
    number = trials(searched, digest)
    if number < LEAST_TRIALS:
        return []
    small = gap is not None and gap <= digest.small_gap
    why = (
        f"{'The gap is small' if small else 'The ladder is climbed'}: "
        f"search the settings of {searched.name}, which did best."
    )
    proposal = Proposal(search.tool, why, {"strategy": searched.name, "trials": number})
    return [Option(proposal, search.typical_gain * digest.error, number * _trial(searched))]


def _cheap(digest: Digest) -> list[Option]:
    """What trains nothing: the domain graph, and a blend."""
    options = []
    step = knowing(digest)
    if step is not None:
        why = "See whether what the domain graph says helps: it costs seconds."
        proposal = Proposal(step.tool, why, {"candidate": digest.knowledge_may_pay_on})
        options.append(Option(proposal, step.typical_gain * digest.error, step.seconds))
    blend = blending(digest)
    if blend is not None:
        why = "Blend the probes: they err on different texts, and it costs seconds."
        gain, spread = _gain(blend) * digest.error, blend.recalled_spread * digest.error
        options.append(Option(Proposal(blend.tool, why), gain, blend.seconds, spread or None))
    return options


def shortened(s: StrategyState, error: float, gap: float | None, digest: Digest) -> Option:
    """A training as known best, or with as many epochs as the time allows, and less gain."""
    proposal, gain, seconds = _training(s, error, gap), _gain(s) * error, s.seconds
    spread = s.recalled_spread * error or None
    left = digest.seconds_left
    if left is None or seconds <= left or not s.epochs:
        return Option(proposal, gain, seconds, spread)
    epochs = int(s.epochs * (left - STARTUP) / (seconds - STARTUP))
    if epochs < LEAST_EPOCHS:
        return Option(proposal, gain, seconds, spread)
    share = epochs / s.epochs
    shorter = replace(
        proposal,
        reason=f"{proposal.reason} {epochs} epochs fit the time.",
        arguments={**proposal.arguments, "epochs": epochs},
    )
    return Option(shorter, gain * share**0.5, STARTUP + share * (seconds - STARTUP), spread)


def _gain(strategy: StrategyState) -> float:
    """The share of the remaining error that a strategy is expected to remove."""
    seen = strategy.recalled_gain
    return strategy.typical_gain if seen is None else seen


def _best_searchable(digest: Digest) -> StrategyState | None:
    """The strategy of the best tuned candidate, if it has a space not searched yet."""
    known = {s.name: s for s in digest.strategies}
    tuned = [c for c in digest.candidates if c.strategy in known and known[c.strategy].rung >= 2]
    upward = METRICS[digest.metric].upward
    measured = [(-upward(c.value), c) for c in tuned if c.value is not None]
    for _, candidate in sorted(measured, key=lambda pair: pair[0]):
        strategy = known[candidate.strategy]
        strategy = known.get(strategy.variant_of or "", strategy)
        if strategy.searchable and not strategy.searched:
            return strategy
    return None


def trials(strategy: StrategyState, digest: Digest) -> int:
    """As many trials as are usual, allowed, and fit the time."""
    trials = digest.search_trials
    if digest.trials_left is not None:
        trials = min(trials, digest.trials_left)
    if digest.seconds_left is not None:
        trials = min(trials, int(digest.seconds_left / max(_trial(strategy), 1.0)))
    return trials


def _trial(strategy: StrategyState) -> float:
    """Seconds of a search's trial: of ways to harden, they take longer than the training did."""
    return strategy.trial_seconds or strategy.seconds


def fits(seconds: float, digest: Digest) -> bool:
    """Whether a step ends within the time that is left."""
    return digest.seconds_left is None or seconds <= digest.seconds_left


def _training(strategy: StrategyState, error: float, gap: float | None) -> Proposal:
    """A training, and why: what the recipe or similar runs say of it."""
    seen = strategy.recalled_gain
    if seen is None:
        expected = f"{strategy.name} tends to remove {strategy.typical_gain:.0%} of the error"
    elif seen > 0:
        expected = f"On similar data {strategy.name} came to remove {seen:.0%} of the error"
    else:
        expected = f"On similar data {strategy.name} came no further than this"
    why = f"{expected}, about {max(0.0, _gain(strategy) * error):.3f}"
    if gap is not None:
        why += f"; {gap:.3f} are missing"
    return Proposal(strategy.tool, why + ".", {"strategy": strategy.name})


def declined(proposal: Proposal, digest: Digest) -> bool:
    """Whether the person, or the policy, said no to this before."""
    return kind_of(proposal.tool, proposal.arguments) in digest.declined


def knowing(digest: Digest) -> StrategyState | None:
    """The strategy that applies the domain graph, where it has something to say."""
    return next(
        (
            s
            for s in digest.strategies
            if s.tool == "apply_knowledge" and not s.tried and not s.failed
        ),
        None,
    )


def blending(digest: Digest) -> StrategyState | None:
    """The strategy that blends, where it would make something new."""
    return next(
        (
            s
            for s in digest.strategies
            if s.tool == "blend_candidates" and not s.tried and not s.failed
        ),
        None,
    )
