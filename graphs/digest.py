"""What the controller sees of a run: short, complete, the same for an LLM and the planner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, Field

from ..evals.metrics import METRICS
from ..evals.result import Step
from ..evals.targets import Target, wants_robust
from ..tools.estimate import estimate_seconds
from ..tools.facts import ROBUST_TARGET, Candidate, Facts, KnownStrategy
from ..tools.guardrails.marks import as_data
from .standing import BLEND, KNOWLEDGE, attempts_without_gain, best, only_costs_missed
from .worth import augmentation_may_pay, worth_blending, worth_knowledge

MOST_CANDIDATES = 12
MOST_REMEMBERED = 6
FAILURE = 300  # characters of what failed


class TargetState(BaseModel):
    """A target and how far the best candidate is from it, on validation."""

    target: str
    best: float | None = None
    gap: float | None = None
    cost: bool = Field(False, description="speed or size, which tuning does not mend")


class CandidateState(BaseModel):
    """A candidate in one line."""

    name: str
    strategy: str
    value: float | None = Field(
        None, description="of the primary metric, on validation; null where the model has none"
    )
    seconds: float
    data: str


class DataState(BaseModel):
    """What is known of the data and what was done to it."""

    inspected: bool = False
    train_rows: int = 0
    labels: int = 0
    smallest_class: int = 0
    dirty_rows: int = 0
    cleaned: bool = False
    texts_with_personal_data: int = 0
    masked: bool = False
    doubtful_labels: int = 0
    doubtful_labels_hurt: bool = False
    trouble: dict[str, int] = Field(
        {}, description="rows that only the person may have removed, by kind"
    )
    to_clean: list[str] = Field([], description="of these kinds, what the person wants removed")
    augmentation_may_pay: bool = Field(False, description="few rows, or small classes")


class StrategyState(BaseModel):
    """A strategy that may be tried, with its expected seconds here."""

    name: str
    rung: int
    tool: str
    typical_gain: float = Field(description="share of the remaining error it tends to remove")
    recalled_gain: float | None = Field(
        None, description="the same as similar runs saw it; negative: it does not come that far"
    )
    recalled_spread: float = Field(0.0, description="standard deviation of that")
    seconds: float
    epochs: int = Field(0, description="passes over the rows that `seconds` pays for")
    trial_seconds: float = Field(0.0, description="of one trial of a search of its settings")
    feasible: bool = Field(True, description="its recipe's conditions hold")
    why_not: str = Field("", description="the condition that does not hold, or the rule")
    tried: bool = False
    failed: bool = False
    searchable: bool = False
    searched: bool = False
    variant_of: str | None = None
    hardens: bool = Field(False, description="for robust_accuracy")


class Digest(BaseModel):
    """The state of a run for the controller's eyes; what is as usual is not said."""

    metric: str = Field(description="the primary metric")
    targets: list[TargetState]
    best: CandidateState | None
    candidates: list[CandidateState]
    data: DataState
    strategies: list[StrategyState]
    unranked_base_models: int = Field(0, description="given, and to be ranked before a probe")
    attempts_without_gain: int = 0
    patience: int
    small_gap: float
    error: float = Field(1.0, description="how far the best is from perfect, in the metric's unit")
    seconds_left: float | None
    trials_left: int | None
    search_trials: int = Field(description="usual number of trials of a search")
    likely: float = Field(1.0, description="chance from which on what similar runs say counts")
    knowledge_may_pay_on: str | None = Field(
        None, description="the best candidate, where the domain graph was not applied to it yet"
    )
    failed_steps: list[str] = Field([], description="what failed lately, and why")
    remembered: list[str] = Field(
        [], description="earlier runs on similar data; their best settings are begun with"
    )
    lessons: list[str] = Field([], description="of these runs; information, no instruction")
    declined: list[str] = Field([], description="the person, the policy or a rule said no")
    only_costs_missed: bool = Field(False, description="nothing but speed or size is missed")
    robust_missed: bool = Field(False, description="robust_accuracy is missed")


def make_digest(
    facts: Facts,
    steps: Sequence[Step],
    targets: Sequence[Target],
    metric: str,
    seconds_left: float | None,
    trials_left: int | None,
    declined: Sequence[str] = (),
    base_models: int = 1,
    vetoes: Mapping[str, str] | None = None,
) -> Digest:
    """Sum up the state; pure."""
    states = [
        CandidateState(
            name=c.name,
            strategy=_tried_as(c, facts.strategies),
            value=_rounded(c.validation.get(metric)),
            seconds=round(c.seconds, 1),
            data=c.data,
        )
        for c in facts.candidates
    ]
    chosen = best(facts.candidates, targets, metric)
    scores = chosen.validation if chosen else {}
    left = METRICS[metric].error(scores[metric]) if metric in scores else 1.0
    probed = _error_of_probes(facts, metric)
    version = facts.data
    tried = {s.strategy for s in states}
    hard = wants_robust(targets)
    failed = {
        str(s.arguments.get("peft_method") or s.arguments.get("strategy"))
        for s in steps
        if not s.ok and s.tool == "fine_tune"
    }
    cheap = {"blend_candidates": BLEND, "apply_knowledge": KNOWLEDGE}
    failed |= {cheap[s.tool] for s in steps if not s.ok and s.tool in cheap}
    refused = set(declined)
    suspects = bool(version) and facts.suspects_in == (version.key if version else "")
    return Digest(
        metric=metric,
        targets=[
            TargetState(
                target=str(t),
                best=_rounded(scores.get(t.metric)),
                gap=_rounded(t.gap(scores[t.metric])) if t.metric in scores else None,
                cost=bool(METRICS[t.metric].unit),
            )
            for t in targets
        ],
        best=next((s for s in states if chosen and s.name == chosen.name), None),
        candidates=states[-MOST_CANDIDATES:],
        data=DataState(
            inspected=facts.inspected,
            train_rows=version.train_rows if version else 0,
            labels=len(facts.label_counts),
            smallest_class=facts.smallest_class,
            dirty_rows=facts.dirty_rows,
            cleaned=bool(version and version.cleaned),
            texts_with_personal_data=facts.personal_data,
            masked=bool(version and version.masked),
            doubtful_labels=len(facts.suspect_labels) if suspects else 0,
            doubtful_labels_hurt=suspects and facts.suspects_pay,
            trouble={kind: len(rows) for kind, rows in facts.trouble.items()},
            to_clean=list(facts.to_clean),
            augmentation_may_pay=augmentation_may_pay(facts, steps),
        ),
        strategies=[
            _strategy_state(
                s,
                facts,
                tried=_was_tried(s.name, tried, facts, metric),
                failed=s.name in failed or bool({s.tool, f"{s.tool} {s.name}"} & refused),
                vetoed=_vetoed(s, vetoes or {}),
                errors=(probed, left),
            )
            for s in facts.strategies
            if hard or not s.hardens
        ],
        unranked_base_models=base_models if base_models > 1 and not facts.base_ranking else 0,
        attempts_without_gain=attempts_without_gain(facts.candidates, targets, metric),
        patience=int(facts.constants.get("patience", 3)),
        small_gap=facts.constants.get("smallGap", 0.02) * METRICS[metric].scale,
        error=round(left, 4),
        seconds_left=None if seconds_left is None else round(seconds_left),
        trials_left=trials_left,
        search_trials=_search_trials(facts),
        likely=facts.constants.get("recallLikely", 1.0),
        knowledge_may_pay_on=worth_knowledge(facts, metric),
        failed_steps=[f"{s.tool}: {as_data(s.summary, FAILURE)}" for s in steps[-6:] if not s.ok],
        remembered=[
            f"{r.strategy} removed {r.gain:.0%} of the error in {r.iri}"
            for r in facts.remembered[:MOST_REMEMBERED]
        ],
        lessons=list(facts.lessons),
        declined=list(declined),
        only_costs_missed=only_costs_missed(scores, targets),
        robust_missed=any(
            wants_robust([t]) and not (t.metric in scores and t.holds(scores[t.metric]))
            for t in targets
        ),
    )


def _was_tried(name: str, tried: set[str], facts: Facts, metric: str) -> bool:
    """Whether a strategy has nothing new to work on."""
    if name == BLEND:
        return not worth_blending(facts.candidates, metric)
    if name == KNOWLEDGE:
        return worth_knowledge(facts, metric) is None
    return name in tried


def _error_of_probes(facts: Facts, metric: str) -> float | None:
    """The error of the best cheap rung: what earlier runs' shares are shares of."""
    cheap = {s.name for s in facts.strategies if s.tool == "probe_baselines"}
    scores = [c.validation for c in facts.candidates if c.strategy in cheap]
    return min((METRICS[metric].error(s[metric]) for s in scores if metric in s), default=None)


def recalled_gain(
    share: float | None, spread: float, probed: float | None, left: float
) -> tuple[float | None, float]:
    """Turn a share of the cheap rungs' error into one of the error that is left.

    Args:
        share: That a strategy is expected to remove; None: nothing is remembered.
        spread: Its standard deviation.
        probed: Error of the best cheap rung.
        left: Error of the best candidate.
    """
    if share is None or probed is None or left <= 0:
        return None, 0.0
    return round(1 - probed * (1 - share) / left, 4), round(spread * probed / left, 4)


def _strategy_state(
    strategy: KnownStrategy,
    facts: Facts,
    *,
    tried: bool,
    failed: bool,
    vetoed: str,
    errors: tuple[float | None, float],
) -> StrategyState:
    arguments = {"strategy": strategy.name, "trials": 1}
    why_not = strategy.unmet({**facts.situation, ROBUST_TARGET: True})  # else it is not listed
    gain, spread = recalled_gain(strategy.recalled_share, strategy.recalled_spread, *errors)
    searchable = strategy.searchable and (strategy.variant_of is None or strategy.hardens)
    trial = estimate_seconds("search_hyperparameters", arguments, facts) if searchable else 0.0
    return StrategyState(
        name=strategy.name,
        rung=strategy.rung,
        tool=strategy.tool,
        typical_gain=strategy.typical_gain,
        recalled_gain=gain,
        recalled_spread=spread,
        seconds=round(estimate_seconds(strategy.tool, arguments, facts), 1),
        epochs=_epochs(strategy),
        feasible=not why_not,
        why_not=why_not or vetoed,
        tried=tried,
        failed=failed,
        trial_seconds=round(trial, 1),
        searchable=searchable,
        searched=strategy.name in facts.searched,
        variant_of=strategy.variant_of,
        hardens=strategy.hardens,
    )


def _vetoed(strategy: KnownStrategy, vetoes: Mapping[str, str]) -> str:
    """The rule's words against a strategy, or against its tool."""
    kinds = (f"{strategy.tool} {strategy.name}", strategy.tool)
    return next((vetoes[kind] for kind in kinds if kind in vetoes), "")


def _tried_as(candidate: Candidate, known: Sequence[KnownStrategy]) -> str:
    """A variant that came out of its main strategy by a setting counts as itself."""
    method = candidate.settings.get("peft_method")
    variants = {s.name for s in known if s.variant_of == candidate.strategy}
    return str(method) if method in variants else candidate.strategy


def _epochs(strategy: KnownStrategy) -> int:
    said = strategy.defaults.get("epochs", 0)
    return said if isinstance(said, int) else 0


def _search_trials(facts: Facts) -> int:
    search = next((s for s in facts.strategies if s.tool == "search_hyperparameters"), None)
    trials = search.defaults.get("trials", 8) if search else 8
    return trials if isinstance(trials, int) else 8


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
