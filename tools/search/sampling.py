"""Which settings a trial gets, and when it is given up: Optuna's choice, the same after a resume.

The n-th trial is drawn, and pruned, by what the trials before it came to, save the
last few that may still be under way when it begins: whatever they come to, and in
which order, the draw is the same. Nothing but results has to outlive a process.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

import optuna

from ...evals.measures.robust import NAMES
from ..facts import Setting
from ..jobs.spec import JobSpec
from .results import Drawn, TrialResult
from .space import Range, distribution, fits, suggest

(ROBUST,) = NAMES
MIN_TRIALS_BEFORE_PRUNING = 3
WARMUP_EPOCHS = 1
LEAST_RANDOM = 4  # trials drawn at random before the sampler has something to go by
_STATES = {
    "complete": optuna.trial.TrialState.COMPLETE,
    "pruned": optuna.trial.TrialState.PRUNED,
    "failed": optuna.trial.TrialState.FAIL,
}


def space_of(spec: JobSpec) -> tuple[Range, ...]:
    """The ranges of the job's search space."""
    return tuple(Range.model_validate(r) for r in spec.what.space)


def hardens(spec: JobSpec) -> bool:
    """Whether the search is for answers that bear rows written otherwise.

    A target asks for robustness, and the space holds what is learned for it. A trial's value
    is then its robust accuracy, which a row has only where it is right as it is, too.
    """
    settings = {r.setting for r in space_of(spec)}
    return ROBUST in spec.what.measured and bool({"noise", "adversarial"} & settings)


def first_draws(spec: JobSpec) -> list[dict[str, Setting]]:
    """The best known settings, each once, as far as the space can express them."""
    space = space_of(spec)
    found: list[dict[str, Setting]] = []
    for known in spec.what.first_trials:
        if (draw := fits(known, space)) not in found:
            found.append(draw)
    return found


def draw(spec: JobSpec, earlier: Sequence[Drawn]) -> Drawn:
    """Draw the next trial's settings.

    Args:
        spec: Of the search; its seed and `parallel` enter the draw.
        earlier: All trials before this one, in order. What the last `parallel - 1` of
            them came to is not looked at, as they may not have ended.
    """
    _quiet()
    number, first = len(earlier), first_draws(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=(spec.what.seed * 1_000_003 + number * 10_007) % 2**31,
            n_startup_trials=max(LEAST_RANDOM, len(first) + 1),
        )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials(frozen(t, spec, ended=t.number < known(spec, number)) for t in earlier)
    if number < len(first):
        study.enqueue_trial(first[number])
    return Drawn(number=number, params=suggest(study.ask(), space_of(spec)))


def known(spec: JobSpec, number: int) -> int:
    """How many trials have ended whenever the one of this number begins."""
    return max(0, number - spec.what.parallel + 1)


def next_number(spec: JobSpec, ended: set[int], begun: set[int]) -> int | None:
    """Number of the trial that may begin now; None where it has to wait, or none is left.

    Args:
        spec: Of the search.
        ended: Trials with a result.
        begun: Trials under way.
    """
    number = next(n for n in range(spec.what.trials + 1) if n not in ended and n not in begun)
    if number == spec.what.trials or not ended.issuperset(range(known(spec, number))):
        return None
    return number


def frozen(trial: Drawn, spec: JobSpec, *, ended: bool = True) -> optuna.trial.FrozenTrial:
    """A trial as Optuna keeps it; as under way if it has not ended, or shall not count yet."""
    result = trial if ended and isinstance(trial, TrialResult) else None
    attributes = {"settings": result.settings, "seconds": result.seconds} if result else {}
    return optuna.trial.create_trial(
        state=_STATES[result.state] if result else optuna.trial.TrialState.RUNNING,
        value=result.value if result and result.state == "complete" else None,
        params=dict(trial.params),
        distributions={r.setting: distribution(r) for r in space_of(spec)},
        intermediate_values=dict(enumerate(result.values, 1)) if result else {},
        user_attrs={**attributes, "note": result.note} if result and result.note else attributes,
    )


class Pruning:
    """Tells after each epoch whether a trial lags behind the earlier ones."""

    def __init__(self, spec: JobSpec, earlier: Iterable[Sequence[float]]) -> None:
        """Take the values, epoch by epoch, of the complete trials that count."""
        _quiet()
        pruner = optuna.pruners.MedianPruner(
            n_startup_trials=MIN_TRIALS_BEFORE_PRUNING, n_warmup_steps=WARMUP_EPOCHS
        )
        study = optuna.create_study(direction="maximize", pruner=pruner)
        for values in earlier:
            steps = dict(enumerate(values, 1))
            best = max(values, default=0.0)
            study.add_trial(optuna.trial.create_trial(value=best, intermediate_values=steps))
        self._trial = study.ask()

    def __call__(self, epoch: int, value: float) -> bool:
        """Note a value; True when the trial should be given up."""
        self._trial.report(value, epoch)
        return bool(self._trial.should_prune())


def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
