"""The rule-based planner: a controller that needs no network, key or GPU. It is not an LLM.

It reads the digest as any chat model does and answers with one tool call. What
may be tried, in which order, at what cost and with what gain comes from the
knowledge graph, which it asks first; the rules here only weigh that.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from ..evals.metrics import METRICS
from ..graphs.digest import Digest, StrategyState
from ..graphs.policy import kind_of
from ..tools.estimate import STARTUP
from .coded import CodedChat

NAME = "rule-based planner"
LEAST_TRIALS = 3
LEAST_EPOCHS = 2  # fewer teach too little to be worth a start
FAR = 3.0  # a gap this many times what any step gains is climbed to by the strongest step
NEARLY = 0.75  # of the largest expected gain is as good, if it is cheaper
AUGMENT_SHARE = 0.3  # of the time that is left: tuning is what new rows are for
DOUBTFUL_SHARE = 0.005  # of the training rows; fewer doubtful labels are left alone


@dataclass(frozen=True)
class Proposal:
    """One call and why, in a sentence."""

    tool: str
    reason: str
    arguments: dict[str, Any] = field(default_factory=dict)


class Planner(CodedChat):
    """A chat model by interface, rules inside."""

    @property
    def _llm_type(self) -> str:
        return NAME

    def reply(self, messages: list[BaseMessage]) -> AIMessage:
        """See CodedChat."""
        proposal = propose(read_digest(messages))
        call = {
            "name": proposal.tool,
            "args": proposal.arguments,
            "id": uuid.uuid4().hex,
            "type": "tool_call",
        }
        return AIMessage(content=proposal.reason, tool_calls=[call])


def read_digest(messages: Sequence[BaseMessage]) -> Digest:
    """Find the state in the last message: the JSON object after "State:"."""
    text = str(messages[-1].text)
    found, _ = json.JSONDecoder().raw_decode(text, text.index("{", text.index("State:")))
    defaults = {"best": None, "seconds_left": None, "trials_left": None}
    targets = [{"best": None, "gap": None, **t} for t in found["targets"]]
    strategies = [{"variant_of": None, **s} for s in found["strategies"]]
    return Digest.model_validate(
        {**defaults, **found, "targets": targets, "strategies": strategies}
    )


def propose(digest: Digest) -> Proposal:
    """Decide the next step: look, know, clean, probe; then what is likeliest to close the gap."""
    for rule in (
        _look,
        _rank,
        _probe,
        _unlearn_doubt,
        _costs_alone,
        _augment,
        _blend,
        _know,
        _harden,
    ):
        proposal = rule(digest)
        if proposal is not None and not _declined(proposal, digest):
            return proposal
    if digest.attempts_without_gain >= digest.patience:
        return Proposal(
            "finish",
            f"The last {digest.attempts_without_gain} attempts brought no gain.",
            {"reason": "nothing has paid for a while"},
        )
    return _tune(digest)


def _declined(proposal: Proposal, digest: Digest) -> bool:
    """Whether the person, or the policy, said no to this before."""
    return kind_of(proposal.tool, proposal.arguments) in digest.declined


def _look(digest: Digest) -> Proposal | None:
    """Everything that should be known and mended before anything is trained."""
    data = digest.data
    if not data.inspected:
        return Proposal("inspect_dataset", "First look at the data.")
    if not digest.strategies:
        return Proposal(
            "query_knowledge",
            "Ask the knowledge graph what may be tried for this task.",
            {"about": "strategies"},
        )
    wanted = _wanted(digest)
    if wanted is not None and not _declined(wanted, digest):
        return wanted
    if data.dirty_rows and not data.cleaned:
        return Proposal(
            "clean_dataset",
            f"{data.dirty_rows} rows are leaked, copied or contradictory; they would flatter or "
            "mislead.",
        )
    if data.texts_with_personal_data and not data.masked:
        return Proposal(
            "mask_personal_data",
            f"{data.texts_with_personal_data} texts hold personal data that must not be learned.",
        )
    return None


def _wanted(digest: Digest) -> Proposal | None:
    """Remove what the person named with --clean, where there is any of it."""
    kinds = digest.data.to_clean
    if not kinds:
        return None
    named = ", ".join(kind.replace("_", " ") for kind in kinds)
    return Proposal(
        "clean_dataset",
        f"The person wants these rows removed: {named}.",
        dict.fromkeys(kinds, True),
    )


def _rank(digest: Digest) -> Proposal | None:
    """Several base models were given: the one that promises most is tuned."""
    if not digest.unranked_base_models:
        return None
    why = f"Rank the {digest.unranked_base_models} base models without training; tune the best."
    return Proposal("rank_base_models", why)


def _probe(digest: Digest) -> Proposal | None:
    """The cheap rungs that the knowledge graph knows, all in one job."""
    done = {c.strategy for c in digest.candidates}
    probes = [s for s in digest.strategies if s.tool == "probe_baselines"]
    if not probes or any(s.name in done for s in probes):
        return None
    rungs = [s.name for s in probes if s.feasible]
    why = "The cheapest rungs first; they are the baselines."
    return Proposal("probe_baselines", why, {"rungs": rungs})


def _unlearn_doubt(digest: Digest) -> Proposal | None:
    """Drop doubtful labels where the probe showed that it helps."""
    data = digest.data
    enough = data.doubtful_labels >= DOUBTFUL_SHARE * data.train_rows
    if not (data.doubtful_labels and data.doubtful_labels_hurt and enough):
        return None
    return Proposal(
        "clean_dataset",
        f"{data.doubtful_labels} labels are contradicted by the other rows, and the probe does "
        "better without them.",
        {"suspects": True},
    )


def _augment(digest: Digest) -> Proposal | None:
    """Make new rows where there are few; a probe tells whether they pay, so it costs little."""
    augment = next((s for s in digest.strategies if s.tool == "augment_dataset"), None)
    wanted = digest.data.augmentation_may_pay and digest.candidates
    if augment is None or not wanted or augment.failed:
        return None
    left = digest.seconds_left
    if left is not None and augment.seconds > AUGMENT_SHARE * left:
        return None
    return Proposal(
        augment.tool, "Rows are few or classes small: try new ones; they stay only if they help."
    )


def _costs_alone(digest: Digest) -> Proposal | None:
    """Stop where only speed or size is missed: what is left to try is no faster and no smaller."""
    if not digest.only_costs_missed:
        return None
    missed = ", ".join(t.target for t in digest.targets if t.gap)
    return Proposal(
        "finish",
        f"Only {missed} is missed, and tuning makes no model faster or smaller.",
        {"reason": "only speed or size is missed"},
    )


def _blend(digest: Digest) -> Proposal | None:
    """Blend whenever a tuned candidate is new: it costs seconds."""
    blend = _blending(digest)
    known = {s.name: s.rung for s in digest.strategies}
    last = next((c for c in reversed(digest.candidates) if c.strategy != "majority"), None)
    tuned = last is not None and known.get(last.strategy, 0) >= 2
    if blend is None or not tuned or not _fits(blend.seconds, digest):
        return None
    return Proposal(
        blend.tool, "Blend what there is: models of different kinds err on different texts."
    )


def _harden(digest: Digest) -> Proposal | None:
    """Learn from rows written otherwise, and search how, while robustness is missed."""
    if not digest.robust_missed or not digest.candidates:
        return None
    error, gap = digest.error, widest_gap(digest)
    able = [s for s in digest.strategies if s.hardens and s.feasible and not s.failed]
    fits = [_shortened(s, error, gap, digest) for s in able if not s.tried]
    fits = [o for o in fits if _affordable(o, digest)]
    if fits:
        chosen = min(fits, key=lambda o: o.seconds).proposal
        why = f"Robustness is missed: {chosen.arguments['strategy']} learns from other spellings."
        return replace(chosen, reason=why)
    search = next((s for s in digest.strategies if s.tool == "search_hyperparameters"), None)
    known = next((s for s in able if s.tried and s.searchable and not s.searched), None)
    if search is None or known is None or _trials(known, digest) < LEAST_TRIALS:
        return None
    why = f"Robustness is still missed: search the ways of {known.name} to learn for it."
    arguments = {"strategy": known.name, "trials": _trials(known, digest)}
    return Proposal(search.tool, why, arguments)


def _know(digest: Digest) -> Proposal | None:
    """Apply the domain graph whenever the best candidate is a tuned one: it costs seconds."""
    knowing, best = _knowing(digest), digest.knowledge_may_pay_on
    known = {s.name: s.rung for s in digest.strategies}
    kinds = {c.name: c.strategy for c in digest.candidates}
    tuned = known.get(kinds.get(str(best), ""), 0) >= 2
    if knowing is None or best is None or not tuned or not _fits(knowing.seconds, digest):
        return None
    why = f"The domain graph speaks of these labels: see whether that helps {best}."
    return Proposal(knowing.tool, why, {"candidate": best})


def _knowing(digest: Digest) -> StrategyState | None:
    """The strategy that applies the domain graph, where it has something to say."""
    return next(
        (
            s
            for s in digest.strategies
            if s.tool == "apply_knowledge" and not s.tried and not s.failed
        ),
        None,
    )


def _blending(digest: Digest) -> StrategyState | None:
    """The strategy that blends, where it would make something new."""
    return next(
        (
            s
            for s in digest.strategies
            if s.tool == "blend_candidates" and not s.tried and not s.failed
        ),
        None,
    )


@dataclass(frozen=True)
class Option:
    """Something that may be tried: what it is expected to gain, in points, and to cost."""

    proposal: Proposal
    gain: float
    seconds: float
    spread: float | None = None  # of the gain, where similar runs tell it

    def chance(self, gap: float | None) -> float:
        """How likely it is to close the gap, by what similar runs saw; 0 where none tells."""
        if gap is None or not self.spread:
            return 0.0
        return NormalDist(gap, self.spread).cdf(self.gain)


def _tune(digest: Digest) -> Proposal:
    """Choose what may close the gap.

    What similar runs make likely to close it comes first, by chance a second. A small gap:
    search the settings of what did best. Else the cheapest option that may close it; else
    the cheapest of those that gain nearly the most, or, where the gap is far wider than
    that, of those that gain the most.
    """
    gap = widest_gap(digest)
    options = [
        o
        for o in _options(digest, gap)
        if _affordable(o, digest) and not _declined(o.proposal, digest)
    ]
    if not options:
        return Proposal(
            "finish",
            "Nothing that is left fits the data and the budget.",
            {"reason": "nothing left that fits the budget"},
        )
    likely = [o for o in options if o.chance(gap) >= digest.likely]
    if likely:
        return max(likely, key=lambda o: o.chance(gap) / o.seconds).proposal
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
    error = digest.error
    tried = {s.name for s in digest.strategies if s.tried}
    blend = _blending(digest)
    options = [
        _shortened(s, error, gap, digest)
        for s in digest.strategies
        if s.tool == "fine_tune"
        and s.feasible
        and not s.tried
        and not s.failed
        and not s.hardens  # see `_harden`
        and (s.variant_of is None or s.recalled_gain is not None)
    ]
    search = next((s for s in digest.strategies if s.tool == "search_hyperparameters"), None)
    near = gap is None or gap <= digest.small_gap or not options
    searched = _best_searchable(digest)
    if search is not None and searched is not None and near:
        trials = _trials(searched, digest)
        if trials >= LEAST_TRIALS:
            small = gap is not None and gap <= digest.small_gap
            why = (
                f"{'The gap is small' if small else 'The ladder is climbed'}: "
                f"search the settings of {searched.name}, which did best."
            )
            proposal = Proposal(
                search.tool,
                why,
                {"strategy": searched.name, "trials": trials},
            )
            gain = search.typical_gain * error
            options.append(Option(proposal, gain, trials * searched.seconds))
    if not options:  # relatives of what was tried come last
        options = [
            _shortened(s, error, gap, digest)
            for s in digest.strategies
            if s.variant_of in tried
            and s.tool == "fine_tune"
            and not s.hardens
            and s.feasible
            and not s.tried
            and not s.failed
        ]
    knowing = _knowing(digest)
    if knowing is not None:
        why = "See whether what the domain graph says helps: it costs seconds."
        said = {"candidate": digest.knowledge_may_pay_on}
        gain = knowing.typical_gain * error
        options.append(Option(Proposal(knowing.tool, why, said), gain, knowing.seconds))
    if blend is not None:
        why = "Blend the probes: they err on different texts, and it costs seconds."
        gain = blend.typical_gain * error
        options.append(Option(Proposal(blend.tool, why), gain, blend.seconds))
    return options


def _shortened(s: StrategyState, error: float, gap: float | None, digest: Digest) -> Option:
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


def _trials(strategy: StrategyState, digest: Digest) -> int:
    """As many trials as are usual, allowed, and fit the time."""
    trials = digest.search_trials
    if digest.trials_left is not None:
        trials = min(trials, digest.trials_left)
    if digest.seconds_left is not None:
        trials = min(trials, int(digest.seconds_left / max(strategy.seconds, 1.0)))
    return trials


def _affordable(option: Option, digest: Digest) -> bool:
    return _fits(option.seconds, digest)


def _fits(seconds: float, digest: Digest) -> bool:
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
