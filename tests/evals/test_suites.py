"""Scores of runs put together."""

from __future__ import annotations

from typing import Any

import pytest
from tuneos.evals.suites import RunScore, by_scenario, mean, share, sum_up, with_regret


def score(**said: Any) -> RunScore:
    """A run that was right, but for what is said."""
    usual = {
        "scenario": "easy",
        "controller": "planner",
        "repeat": 0,
        "expected": "met",
        "outcome": "met",
        "right": True,
    }
    return RunScore.model_validate({**usual, **said})


def test_regret_is_the_distance_to_the_best_run_on_the_same_data() -> None:
    runs = [
        score(value=0.9),
        score(value=0.8, controller="other"),
        score(value=0.7, repeat=1),
    ]
    assert [r.regret for r in with_regret(runs, {})] == pytest.approx([0.0, 0.1, 0.0])


def test_regret_counts_what_is_known_from_elsewhere() -> None:
    runs = [score(value=0.9), score(value=0.97, repeat=1), score(scenario="hard", value=0.5)]
    found = with_regret(runs, {"easy": 0.95, "hard": None})
    assert [r.regret for r in found] == pytest.approx([0.05, 0.0, 0.0])


def test_run_that_confirmed_nothing_has_no_regret() -> None:
    (found,) = with_regret([score(outcome="not_met")], {"easy": 0.9})
    assert found.regret is None


def test_scenarios_are_put_together_by_controller_in_their_order() -> None:
    runs = [
        score(scenario="b", value=0.5),
        score(scenario="b", value=0.7, repeat=1, outcome="not_met", right=False),
        score(scenario="a", controller="other"),
    ]
    first, second = by_scenario(runs)
    assert (first.scenario, first.controller, first.runs, first.right) == ("b", "planner", 2, 1)
    assert first.outcomes == {"met": 1, "not_met": 1}
    assert first.value is not None
    assert first.value.value == pytest.approx(0.6)
    assert first.value.ci is not None
    assert (second.scenario, second.controller, second.value) == ("a", "other", None)


def test_controller_is_summed_up_over_its_runs() -> None:
    runs = [
        score(proposed=4, accepted=3, wasted=1, tokens=100, usd=0.5, seconds=10),
        score(proposed=4, accepted=4, wasted=0, tokens=300, usd=0.25, seconds=20, repeat=1),
        score(right=False, violations=("no report", "not finished"), taken_over=True, repeat=2),
    ]
    found = sum_up("planner", runs)
    assert found.runs == 3
    assert found.right.value == pytest.approx(2 / 3)
    assert found.validity == pytest.approx(7 / 8)
    assert found.usd == 0.75
    assert found.tokens == pytest.approx(400 / 3)
    assert (found.violations, found.taken_over) == (2, 1)
    assert found.regret is None


def test_no_calls_have_no_validity() -> None:
    assert sum_up("planner", [score()]).validity is None


def test_share_has_an_interval_even_where_all_are_hits() -> None:
    found = share([True] * 10)
    assert found.value == 1
    assert found.ci is not None
    assert 0.6 < found.ci[0] < 0.8
    assert found.ci[1] == 1


@pytest.mark.parametrize("values", [[2.0], [2.0, 2.0, 2.0]])
def test_mean_of_what_does_not_vary_has_no_interval(values: list[float]) -> None:
    assert mean(values).value == 2
    assert mean(values).ci is None


def test_interval_of_a_mean_encloses_it_and_is_the_same_again() -> None:
    found = mean([1.0, 2.0, 3.0, 4.0])
    assert found.ci is not None
    assert found.ci[0] < found.value < found.ci[1]
    assert found == mean([1.0, 2.0, 3.0, 4.0])
