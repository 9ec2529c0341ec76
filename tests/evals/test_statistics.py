"""Intervals and the paired test."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits
from tuneos.evals.measures import Stats, classes, score
from tuneos.evals.metrics import IntArray
from tuneos.evals.statistics import RESAMPLES, compare, interval, latency_interval, resampled


def given(true: np.ndarray, predicted: np.ndarray) -> Stats:
    return {"classes": classes.rows(true, np.eye(3)[predicted] * 0.7 + 0.1)}


def answers(n: int, right: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """True classes and classes predicted that are right in about this share."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 3, n)
    predicted = np.where(rng.random(n) < right, true, (true + 1) % 3)
    return true, predicted


@pytest.mark.parametrize("metric", classes.NAMES)
def test_interval_contains_the_value(metric: str) -> None:
    stats = given(*answers(150, 0.8, 0))
    low, high = interval(metric, stats, seed=1)
    # Resampling makes a small calibration error larger, never smaller: its low end may touch.
    assert low - 0.02 <= score(stats)[metric] <= high
    assert low < high


def test_interval_narrows_with_rows() -> None:
    widths = []
    for n in (50, 800):
        low, high = interval("accuracy", given(*answers(n, 0.8, 0)), seed=1)
        widths.append(high - low)
    assert widths[1] < widths[0] / 2.5


def test_interval_of_accuracy_is_near_the_binomial_one() -> None:
    stats = given(*answers(400, 0.8, 0))
    low, high = interval("accuracy", stats, seed=1)
    value = score(stats)["accuracy"]
    assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt(value * (1 - value) / 400), rel=0.15)


def test_interval_is_the_same_for_the_same_seed() -> None:
    stats = given(*answers(100, 0.8, 0))
    first = interval("mcc", stats, seed=1)
    assert interval("mcc", stats, seed=1) == first
    assert interval("mcc", stats, seed=2) != first


def test_latency_interval_contains_the_percentile() -> None:
    laps = np.random.default_rng(0).gamma(5, 1, 200)
    low, high = latency_interval(laps, seed=0)
    assert low <= np.percentile(laps, 95) <= high
    assert latency_interval(laps, seed=0) == (low, high)


def test_identical_models_do_not_differ() -> None:
    same = given(*answers(100, 0.8, 0))
    found = compare("macro_f1", same, same, seed=0)
    assert (found.value, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_clearly_better_model_has_a_small_p_value() -> None:
    true, good = answers(300, 0.95, 0)
    _, weak = answers(300, 0.95, 0)
    worse = np.where(np.arange(300) % 5 == 0, (true + 2) % 3, weak)
    found = compare("accuracy", given(true, good), given(true, worse), seed=0)
    assert found.value > 0
    assert 0 < found.low <= found.value <= found.high
    assert found.p_value == pytest.approx(1 / (RESAMPLES + 1))


def test_a_difference_of_one_row_is_within_the_noise() -> None:
    true, first = answers(100, 0.8, 0)
    second = first.copy()
    row = int(np.flatnonzero(first == true)[0])
    second[row] = (second[row] + 1) % 3
    found = compare("accuracy", given(true, first), given(true, second), seed=0)
    assert found.value == pytest.approx(0.01)
    assert found.p_value > 0.5


def test_swapping_the_models_turns_the_difference_round() -> None:
    true, one = answers(120, 0.9, 0)
    _, two = answers(120, 0.7, 5)
    there = compare("macro_f1", given(true, one), given(true, two), seed=0)
    back = compare("macro_f1", given(true, two), given(true, one), seed=0)
    assert back.value == pytest.approx(-there.value)
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))
    assert back.p_value == there.p_value


def test_calibration_error_is_compared_too() -> None:
    true, predicted = answers(200, 0.8, 0)
    timid = {"classes": classes.rows(true, np.eye(3)[predicted] * 0.1 + 0.3)}
    found = compare("ece", timid, given(true, predicted), seed=0)
    assert found.low > 0
    assert found.p_value < 0.01


def test_a_metric_that_does_not_follow_from_the_statistics_is_refused() -> None:
    stats = given(*answers(10, 0.8, 0))
    with pytest.raises(ValueError, match="bleu does not follow from the statistics classes"):
        interval("bleu", stats, seed=0)
    with pytest.raises(ValueError, match="bleu does not follow from the statistics classes"):
        compare("bleu", stats, stats, seed=0)


def test_resampling_does_its_sums_on_one_thread() -> None:
    seen: set[int] = set()

    def select(rows: IntArray) -> float:
        pools = threadpool_info()
        seen.update(p["num_threads"] for p in pools if p["user_api"] == "blas")
        return float(rows.mean())

    with pytest.MonkeyPatch.context() as patch, threadpool_limits(2, "blas"):
        patch.setattr("tuneos.evals.statistics.RESAMPLES", 3)
        resampled(select, 10, seed=0)
    assert seen == {1}
