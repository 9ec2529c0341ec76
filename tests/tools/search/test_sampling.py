"""Draws and prunings that do not depend on who was faster."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tuneos.tools.jobs.spec import JobSpec
from tuneos.tools.search.results import Drawn, TrialResult
from tuneos.tools.search.sampling import Pruning, draw, first_draws, hardens, next_number

MakeJob = Callable[..., JobSpec]
SPACE = ({"setting": "dropout", "low": 0.0, "high": 0.5},)


@pytest.fixture
def spec(make_job: MakeJob) -> JobSpec:
    first = [{"dropout": 0.1}, {"dropout": 0.1, "rank": 8}]
    return make_job("search", space=SPACE, first_trials=first, trials=12, parallel=3, seed=5)


def result(number: int, value: float, dropout: float) -> TrialResult:
    return TrialResult(
        number=number, params={"dropout": dropout}, state="complete", value=value, values=(value,)
    )


def history(length: int) -> list[Drawn]:
    return [result(n, 0.5 + 0.03 * (n % 5), 0.04 * n) for n in range(length)]


def test_known_settings_come_first_each_once(spec: JobSpec) -> None:
    assert first_draws(spec) == [{"dropout": 0.1}]
    assert draw(spec, []).params == {"dropout": 0.1}
    assert draw(spec, history(1)).params != {"dropout": 0.1}


def test_the_same_history_gives_the_same_draw(spec: JobSpec) -> None:
    assert draw(spec, history(9)) == draw(spec, history(9))
    assert draw(spec, history(9)).params != draw(spec, history(8)).params


def test_what_may_still_run_is_not_looked_at(spec: JobSpec) -> None:
    running: list[Drawn] = [Drawn(number=t.number, params=t.params) for t in history(10)]
    seen = history(10)[:8]
    assert draw(spec, seen + history(10)[8:]) == draw(spec, seen + running[8:])
    other: list[Drawn] = [result(8, 0.01, 0.32), result(9, 0.99, 0.36)]
    assert draw(spec, seen + history(10)[8:]) == draw(spec, seen + other)


def test_results_steer_the_draw(spec: JobSpec) -> None:
    turned = [result(n, 0.9 - 0.05 * n, 0.04 * n) for n in range(11)]
    assert draw(spec, history(11)) != draw(spec, turned)


@pytest.mark.parametrize(
    ("ended", "begun", "number"),
    [
        (set(), set(), 0),
        (set(), {0, 1}, 2),
        (set(), {0, 1, 2}, None),
        ({1, 2}, {0}, None),  # trial 3 is drawn with the result of trial 0
        ({0, 2}, {1}, 3),
        ({0, 2}, set(), 1),
        (set(range(12)), set(), None),
    ],
)
def test_trial_begins_when_all_it_is_drawn_with_have_ended(
    ended: set[int], begun: set[int], number: int | None, spec: JobSpec
) -> None:
    assert next_number(spec, ended, begun) == number


def test_laggard_is_pruned_where_enough_trials_were_better(spec: JobSpec) -> None:
    earlier = [(0.5, 0.6, 0.7)] * 3
    assert Pruning(spec, earlier)(1, 0.4)
    quick = Pruning(spec, earlier)
    assert [quick(e, v) for e, v in ((1, 0.5), (2, 0.65), (3, 0.8))] == [False] * 3
    assert not any(Pruning(spec, earlier[:2])(e, 0.1) for e in (1, 2, 3))


def test_a_search_for_robustness_needs_a_target_and_something_to_learn_it_by(
    make_job: MakeJob,
) -> None:
    noise = [{"setting": "noise", "choices": ["none", "typos"]}]
    asked = ("robust_accuracy",)
    assert hardens(make_job("search", space=noise, measured=asked))
    assert not hardens(make_job("search", space=noise))
    assert not hardens(make_job("search", space=SPACE, measured=asked))
