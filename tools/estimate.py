"""What a call will cost, before it is made: the graph's ratios times what was measured."""

from __future__ import annotations

from collections.abc import Mapping

from .facts import ROBUST_TARGET, Facts, KnownStrategy
from .training.settings import passes

STARTUP = 12.0  # seconds: a child process imports torch, loads the model
PER_ROW = 0.003  # seconds a row, one frozen pass, before it was measured
QUICK = 5.0
RANK_SECONDS = 20.0  # for all models together, 500 rows each: a guess
PROBE_PASSES = 1.5  # of what the recipes say: validation rows and fitting come on top
PRUNED_SHARE = 0.7  # of a full search's time is what pruning leaves
AUGMENT_PASSES = 8.0  # new rows of three methods, and the fits of the probe, if nothing is known
ADVERSARIAL_STEPS = 2  # where none are said
BLEND_MODELS = 3.0  # members that pass the validation rows through an encoder, at most
CONFIRM_STARTUP = 15.0
CONFIRM_STARTUPS = 8.0  # of a job's, as measured: a busy machine needs longer for all of it
SPARE = 1.2  # of what confirm is reckoned to take is kept back: the last step may end late
CONFIRM_SHARE = 0.5  # of the budget is kept back for confirm and report at most
ROBUST_SECONDS = 15.0  # to write test rows otherwise
ROBUST_VALIDATION, ROBUST_TEST = 150, 300  # rows that are written otherwise
ROBUST_WAYS = 7  # a row as it is, and under each perturbation
ROBUST_MODELS = 2  # the chosen and the untuned one
ATTACK_PASSES = 50 * 60  # rows attacked, and what is tried on each
DETECTOR_ROWS = 2500  # that a classifier is shown to know what is usual
CONFIRM_MODELS = 3.0  # candidate and baselines, in frozen passes


def frozen_pass(facts: Facts) -> float:
    """Seconds of one frozen pass over the training rows, measured or guessed."""
    rows = facts.data.train_rows if facts.data else facts.rows.get("train", 0)
    return facts.frozen_seconds or PER_ROW * rows


def train_seconds(strategy: KnownStrategy, epochs: float, facts: Facts) -> float:
    """Seconds of one fine-tune: the strategy's cost, in frozen passes, times its epochs.

    And then of the answers on validation, where they are written word by word.
    """
    rows = facts.data.validation_rows if facts.data else facts.rows.get("validation", 0)
    scoring = facts.answer_seconds * rows + robust_seconds(facts)
    return STARTUP + strategy.relative_cost * epochs * frozen_pass(facts) + scoring


def robust_seconds(facts: Facts) -> float:
    """Seconds that a candidate's answers to validation rows written otherwise take.

    None where no target asks for them.
    """
    if not facts.place.get(ROBUST_TARGET):
        return 0.0
    train = facts.data.train_rows if facts.data else facts.rows.get("train", 0)
    rows = facts.data.validation_rows if facts.data else facts.rows.get("validation", 0)
    share = min(ROBUST_VALIDATION, rows) / max(1, train)
    return QUICK + ROBUST_WAYS * share * frozen_pass(facts)


def estimate_seconds(tool: str, arguments: Mapping[str, object], facts: Facts) -> float:
    """Seconds that a call will take, roughly.

    Args:
        tool: Its name.
        arguments: As validated.
        facts: What is known, strategies and measured speed among it.
    """
    if tool == "probe_baselines":
        return STARTUP + PROBE_PASSES * _passes(tool, arguments.get("rungs"), facts)
    known = {s.name: s for s in facts.strategies}
    strategy = known.get(str(arguments.get("strategy")))
    if tool in {"fine_tune", "search_hyperparameters"} and strategy is None:
        return STARTUP + 10 * frozen_pass(facts)
    if tool == "fine_tune" and strategy is not None:
        epochs = _epochs(arguments, strategy) * _passes_a_step(arguments, strategy.defaults)
        return train_seconds(strategy, epochs, facts)
    if tool == "search_hyperparameters" and strategy is not None:
        trials = arguments.get("trials", 1)
        ways = strategy.tried_ways or ("none",)
        each = sum(passes(way, ADVERSARIAL_STEPS) for way in ways) / len(ways)
        one = train_seconds(strategy, 1.5 * each * _epochs({}, strategy), facts)
        return PRUNED_SHARE * one * (trials if isinstance(trials, int) else 1)
    if tool == "blend_candidates":
        return STARTUP + BLEND_MODELS * _validation_share(facts) * frozen_pass(facts)
    if tool == "apply_knowledge":
        return STARTUP + _validation_share(facts) * frozen_pass(facts)
    if tool == "augment_dataset":
        known_cost = (s.relative_cost for s in facts.strategies if s.tool == tool)
        return STARTUP + next(known_cost, AUGMENT_PASSES) * frozen_pass(facts)
    if tool == "rank_base_models":
        return STARTUP + RANK_SECONDS
    if tool in {"evaluate_candidate", "check_guardrails"}:
        return STARTUP
    return QUICK


def _passes(tool: str, named: object, facts: Facts) -> float:
    """Seconds of the strategies of a tool as the recipes have them, or of those named."""
    wanted = named if isinstance(named, (list, tuple)) else None
    costs = [
        s.relative_cost
        for s in facts.strategies
        if s.tool == tool and (wanted is None or s.name in wanted)
    ]
    return (sum(costs) if costs else 1.0) * frozen_pass(facts)


def _passes_a_step(arguments: Mapping[str, object], defaults: Mapping[str, object]) -> float:
    """What is said of adversarial training and noisy copies, in what the recipe's cost is of."""
    said = {k: v for k, v in arguments.items() if v is not None}
    return _dearness({**defaults, **said}) / _dearness(defaults)


def _dearness(settings: Mapping[str, object]) -> float:
    """Passes over the rows as they are that an epoch takes."""
    steps, copies = settings.get("adversarial_steps"), settings.get("noisy_copies", 1)
    steps = steps if isinstance(steps, int) else ADVERSARIAL_STEPS
    noisy = settings.get("noise", "none") != "none"
    rows = 1 + (copies if noisy and isinstance(copies, int) else 0)
    return passes(str(settings.get("adversarial")), steps) * rows


def confirm_seconds(facts: Facts) -> float:
    """Seconds that confirm and report take."""
    rows = max(1, facts.rows.get("train", 1))
    share = facts.rows.get("test", 0) / rows
    startup = max(CONFIRM_STARTUP, CONFIRM_STARTUPS * facts.startup_seconds)
    written = facts.answer_seconds * facts.rows.get("test", 0)
    looked_at = min(1.0, DETECTOR_ROWS / rows)
    passes = CONFIRM_MODELS * share + looked_at
    if facts.place.get(ROBUST_TARGET):
        startup += ROBUST_SECONDS
        rewritten = min(facts.rows.get("test", 0), ROBUST_TEST)
        passes += ROBUST_MODELS * (ROBUST_WAYS * rewritten + ATTACK_PASSES) / rows
    return startup + passes * frozen_pass(facts) + written


def kept_back(facts: Facts, limit: float) -> float:
    """Seconds of a budget that only confirm and report may use."""
    return min(SPARE * confirm_seconds(facts), CONFIRM_SHARE * limit)


def _validation_share(facts: Facts) -> float:
    return facts.data.validation_rows / max(1, facts.data.train_rows) if facts.data else 0.0


def _epochs(arguments: Mapping[str, object], strategy: KnownStrategy) -> float:
    said = arguments.get("epochs") or strategy.defaults.get("epochs", 4)
    return float(said) if isinstance(said, (int, float)) else 4.0
