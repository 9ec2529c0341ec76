"""Search spaces as the knowledge graph describes them, put to Optuna."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from ..facts import Setting

if TYPE_CHECKING:
    import optuna


class Range(BaseModel):
    """What may be tried for one setting: `choices`, or `low` to `high` inclusive.

    Whole numbers at both ends mean that only whole numbers are tried.
    """

    model_config = ConfigDict(frozen=True)

    setting: str
    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: tuple[Setting, ...] = ()


def suggest(trial: optuna.Trial, space: tuple[Range, ...]) -> dict[str, Setting]:
    """Let Optuna choose a value for every setting of the space."""
    return {r.setting: _suggest(trial, r) for r in space}


def _suggest(trial: optuna.Trial, r: Range) -> Setting:
    if r.choices:
        chosen: Setting = trial.suggest_categorical(r.setting, list(r.choices))
        return chosen
    if r.low is None or r.high is None:
        raise ValueError(f"range of {r.setting}: neither choices nor low and high")
    if isinstance(r.low, int) and isinstance(r.high, int):
        return int(trial.suggest_int(r.setting, r.low, r.high, log=r.log))
    return float(trial.suggest_float(r.setting, float(r.low), float(r.high), log=r.log))


def distribution(r: Range) -> optuna.distributions.BaseDistribution:
    """The range as Optuna describes it."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if r.choices:
        return CategoricalDistribution(list(r.choices))
    if r.low is None or r.high is None:
        raise ValueError(f"range of {r.setting}: neither choices nor low and high")
    if isinstance(r.low, int) and isinstance(r.high, int):
        return IntDistribution(r.low, r.high, log=r.log)
    return FloatDistribution(float(r.low), float(r.high), log=r.log)


def fits(settings: dict[str, Setting], space: tuple[Range, ...]) -> dict[str, Setting]:
    """Keep the settings that the space can express, to enqueue them as a first trial."""
    kept: dict[str, Setting] = {}
    for r in space:
        value = settings.get(r.setting)
        if value is None:
            continue
        if r.choices:
            if value in r.choices:
                kept[r.setting] = value
        elif (
            isinstance(value, (int, float))
            and r.low is not None
            and r.high is not None
            and r.low <= value <= r.high
        ):
            kept[r.setting] = value
    return kept
