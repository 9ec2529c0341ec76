"""Search spaces put to Optuna."""

from __future__ import annotations

import optuna
import pytest
from tuneos.tools.facts import Setting
from tuneos.tools.search.space import Range, fits, suggest

SPACE = (
    Range(setting="optimizer", choices=("adamw", "sgd")),
    Range(setting="rank", low=4, high=64, log=True),
    Range(setting="epochs", low=2, high=6),
    Range(setting="learning_rate", low=1e-4, high=1e-2, log=True),
    Range(setting="dropout", low=0.0, high=0.5),
)


def drawn(count: int) -> list[optuna.trial.FrozenTrial]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: len(suggest(trial, SPACE)), n_trials=count)
    return list(study.trials)


@pytest.fixture(autouse=True, scope="module")
def quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def test_values_have_the_kind_and_lie_in_the_range() -> None:
    for trial in drawn(30):
        given = trial.params
        assert given["optimizer"] in {"adamw", "sgd"}
        assert type(given["rank"]) is type(given["epochs"]) is int
        assert 4 <= given["rank"] <= 64
        assert 2 <= given["epochs"] <= 6
        assert 1e-4 <= given["learning_rate"] <= 1e-2
        assert 0 <= given["dropout"] <= 0.5


def test_log_ranges_are_drawn_by_magnitude() -> None:
    trials = drawn(60)
    small = sum(t.params["learning_rate"] < 1e-3 for t in trials)
    assert 15 < small < 45  # evenly over the range it would be 5
    assert trials[0].distributions["learning_rate"].log
    assert not trials[0].distributions["dropout"].log


def test_first_trial_is_the_known_settings_that_the_space_can_express() -> None:
    known: dict[str, Setting] = {
        "optimizer": "sgd", "rank": 16, "epochs": 2, "learning_rate": 1e-2, "dropout": 0.0,
        "batch_size": 32,
    }  # fmt: skip
    kept = fits(known, SPACE)
    assert kept == {k: v for k, v in known.items() if k != "batch_size"}
    study = optuna.create_study()
    study.enqueue_trial(kept)
    assert suggest(study.ask(), SPACE) == kept


@pytest.mark.parametrize(
    ("setting", "value"),
    [("optimizer", "lion"), ("rank", 65), ("epochs", 1), ("learning_rate", "fast")],
)
def test_values_outside_of_the_space_are_left_to_the_sampler(
    setting: str, value: str | int
) -> None:
    assert fits({setting: value}, SPACE) == {}


def test_range_without_bounds_is_an_error() -> None:
    with pytest.raises(ValueError, match="range of rank: neither choices nor low and high"):
        suggest(optuna.create_study().ask(), (Range(setting="rank", low=4),))
