"""What a call will cost, before it is made."""

from __future__ import annotations

import pytest
from tuneos.tools import estimate
from tuneos.tools.estimate import confirm_seconds, estimate_seconds, frozen_pass, kept_back
from tuneos.tools.facts import ROBUST_TARGET, DataVersion, Facts, KnownStrategy


def strategy(name: str, cost: float, **defaults: int) -> KnownStrategy:
    return KnownStrategy(
        name=name, rung=1, tool="fine_tune", relative_cost=cost, typical_gain=0.0,
        min_examples_per_class=1, defaults=defaults,
    )  # fmt: skip


FACTS = Facts(
    frozen_seconds=10.0,
    rows={"train": 1000, "validation": 100, "test": 200},
    strategies=(strategy("lora", 4.0, epochs=5), strategy("full", 6.0)),
)


def seconds(tool: str, facts: Facts = FACTS, **arguments: object) -> float:
    return estimate_seconds(tool, arguments, facts)


def test_fine_tune_costs_start_up_and_frozen_passes_times_epochs() -> None:
    assert seconds("fine_tune", strategy="lora", epochs=3) == estimate.STARTUP + 4 * 3 * 10
    assert seconds("fine_tune", strategy="lora") == estimate.STARTUP + 4 * 5 * 10
    assert seconds("fine_tune", strategy="full") == estimate.STARTUP + 6 * 4 * 10


def test_more_epochs_and_dearer_strategies_cost_more() -> None:
    costs = [seconds("fine_tune", strategy="lora", epochs=n) for n in (1, 2, 5, 50)]
    assert costs == sorted(costs)
    assert len(set(costs)) == 4
    assert seconds("fine_tune", strategy="full", epochs=2) > costs[1]


def test_more_trials_cost_more_and_one_less_than_they_would_unpruned() -> None:
    costs = [seconds("search_hyperparameters", strategy="lora", trials=n) for n in (1, 2, 8)]
    assert costs == sorted(costs)
    assert costs[2] == pytest.approx(8 * costs[0])
    assert costs[0] < seconds("fine_tune", strategy="lora", epochs=7.5)


def test_adversarial_training_costs_its_passes_in_a_tuning_and_on_average_in_a_search() -> None:
    plain, fgm, pgd = (
        seconds("fine_tune", strategy="lora", adversarial=way, adversarial_steps=3)
        - estimate.STARTUP
        for way in ("none", "fgm", "pgd")
    )
    assert (fgm, pgd) == (2 * plain, 4 * plain)
    known = FACTS.strategies[0].model_copy(update={"tried_ways": ("none", "fgm")})
    facts = FACTS.model_copy(update={"strategies": (known,)})
    one, both = (
        seconds("search_hyperparameters", f, strategy="lora", trials=1) / estimate.PRUNED_SHARE
        for f in (FACTS, facts)
    )
    assert both - estimate.STARTUP == pytest.approx(1.5 * (one - estimate.STARTUP))


def test_search_costs_more_than_one_fine_tune_and_this_more_than_a_probe() -> None:
    probe = seconds("probe_baselines")
    tune = seconds("fine_tune", strategy="lora")
    assert probe < tune < seconds("search_hyperparameters", strategy="lora", trials=8)


@pytest.mark.parametrize("tool", ["inspect_dataset", "query_knowledge", "finish", "no such tool"])
def test_tools_without_a_job_are_quick(tool: str) -> None:
    assert seconds(tool) == estimate.QUICK


@pytest.mark.parametrize("tool", ["fine_tune", "search_hyperparameters"])
def test_strategy_that_is_not_known_yet_costs_something(tool: str) -> None:
    assert seconds(tool, Facts(frozen_seconds=10.0), strategy="lora") > estimate.STARTUP


def test_speed_is_guessed_from_the_rows_until_it_was_measured() -> None:
    guessed = Facts(rows={"train": 1000})
    assert frozen_pass(guessed) == estimate.PER_ROW * 1000
    version = DataVersion(key="k", name="cleaned", folder="f", train_rows=500, validation_rows=9)
    assert frozen_pass(guessed.model_copy(update={"data": version})) == estimate.PER_ROW * 500
    assert frozen_pass(FACTS) == 10


def test_confirm_costs_more_for_a_larger_test_split() -> None:
    small = FACTS.model_copy(update={"rows": {"train": 1000, "test": 10}})
    assert estimate.CONFIRM_STARTUP < confirm_seconds(small) < confirm_seconds(FACTS)
    assert confirm_seconds(Facts()) == estimate.CONFIRM_STARTUP


def test_busy_machine_keeps_more_back_but_never_most_of_the_budget() -> None:
    busy = Facts(startup_seconds=8.0)
    assert kept_back(busy, 600) == estimate.SPARE * estimate.CONFIRM_STARTUPS * 8
    assert kept_back(busy, 60) == estimate.CONFIRM_SHARE * 60
    calm = Facts(startup_seconds=1.0)
    assert kept_back(calm, 600) == estimate.SPARE * estimate.CONFIRM_STARTUP


def test_answers_that_are_written_word_by_word_are_reckoned_with() -> None:
    data = DataVersion(key="k", name="as read", folder="", train_rows=1000, validation_rows=100)
    plain = FACTS.model_copy(update={"data": data})
    slow = plain.model_copy(update={"answer_seconds": 0.5})
    assert (
        seconds("fine_tune", slow, strategy="lora")
        == seconds("fine_tune", plain, strategy="lora") + 0.5 * 100
    )
    assert confirm_seconds(slow) == confirm_seconds(plain) + 0.5 * 200


def test_noisy_copies_cost_as_rows_and_what_the_recipe_has_is_not_paid_twice() -> None:
    plain = seconds("fine_tune", strategy="lora") - estimate.STARTUP
    noisy = seconds("fine_tune", strategy="lora", noise="typos", noisy_copies=2) - estimate.STARTUP
    assert noisy == 3 * plain
    own = {**FACTS.strategies[0].defaults, "noise": "characters", "noisy_copies": 1}
    known = FACTS.strategies[0].model_copy(update={"defaults": own})
    facts = FACTS.model_copy(update={"strategies": (known,)})
    assert seconds("fine_tune", facts, strategy="lora") - estimate.STARTUP == plain
    twice = seconds("fine_tune", facts, strategy="lora", noisy_copies=3, noise=None)
    assert twice - estimate.STARTUP == 2 * plain


def test_robustness_costs_time_only_where_a_target_asks_for_it() -> None:
    facts = FACTS.model_copy(update={"place": {ROBUST_TARGET: True}})
    assert estimate.robust_seconds(FACTS) == 0
    assert estimate.robust_seconds(facts) > 0
    assert confirm_seconds(facts) > confirm_seconds(FACTS)
    assert seconds("fine_tune", facts, strategy="lora") > seconds("fine_tune", strategy="lora")
