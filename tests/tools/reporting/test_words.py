"""The sentences of the report, case by case."""

from __future__ import annotations

import pytest
import sample_stories as stories
from tuneos.evals.result import Comparison, Spending, TargetResult
from tuneos.tools.reporting import words


def target(value: float, test: float | None, ci: tuple[float, float] | None) -> TargetResult:
    met = test is not None and test >= value
    return TargetResult(
        metric="macro_f1", op=">=", value=value, validation=None, test=test, ci=ci, met=met
    )


def compare(difference: float, low: float, high: float, p: float) -> str:
    c = Comparison(
        against="tf-idf", metric="macro_f1", difference=difference, ci=(low, high), p_value=p
    )
    return words.gain(c).kind


@pytest.mark.parametrize(
    ("difference", "low", "high", "p", "kind"),
    [
        (0.041, 0.020, 0.062, 0.001, "gain"),
        (0.041, 0.020, 0.062, 0.05, "noise"),  # the interval alone is not enough
        (0.010, -0.002, 0.021, 0.04, "noise"),  # nor is p
        (0.010, 0.0, 0.021, 0.04, "noise"),  # touching 0 does not exclude it
        (-0.03, -0.05, -0.01, 0.002, "loss"),
        (-0.03, -0.05, 0.01, 0.2, "noise"),
        (0.03, 0.01, 0.05, float("nan"), "noise"),
    ],
)
def test_gain_is_real_only_when_interval_and_p_value_agree(
    difference: float, low: float, high: float, p: float, kind: str
) -> None:
    assert compare(difference, low, high, p) == kind


def test_gain_reads_as_points_with_interval_and_p_value() -> None:
    comparison = stories.result().comparison
    assert comparison is not None
    assert words.gain(comparison).sentence == (
        "+4.1 points of macro F1 over the untuned model with a trained head, "
        "95% interval [2.0, 6.2], p = 0.001: a real gain."
    )


def test_gain_within_the_noise_is_not_called_a_gain() -> None:
    c = Comparison(against="x", metric="mcc", difference=0.006, ci=(-0.008, 0.019), p_value=0.41)
    assert words.gain(c).sentence == (
        "Within the noise: +0.6 points of Matthews correlation over x, "
        "95% interval [−0.8, 1.9], p = 0.41; this is not evidence of a gain."
    )


def test_lower_is_better_turns_the_sign_of_a_gain() -> None:
    c = Comparison(
        against="x", metric="latency_p95_ms", difference=-3.0, ci=(-4.0, -2.0), p_value=0.001
    )
    assert words.gain(c).kind == "gain"
    assert words.gain(c).sentence.startswith("−3.0 ms of latency (p95) over x")


@pytest.mark.parametrize(
    ("metric", "difference", "reads"),
    [
        ("f1", 0.031, "+3.1 points of F1"),
        ("bleu", 1.26, "+1.3 points of BLEU"),
        ("chrf", -0.04, "0.0 points of chrF"),
        ("perplexity", -3.2, "−3.2 of perplexity"),
        ("nll", -0.0514, "−0.051 of negative log-likelihood"),
    ],
)
def test_differences_read_in_the_scale_of_their_metric(
    metric: str, difference: float, reads: str
) -> None:
    c = Comparison(
        against="x",
        metric=metric,
        difference=difference,
        ci=(difference - 0.01, difference + 0.01),
        p_value=0.2,
    )
    assert f"{reads} over x" in words.gain(c).sentence


@pytest.mark.parametrize(
    ("changes", "title", "sentence"),
    [
        (
            {"targets": [target(0.9, 0.923, (0.905, 0.939))]},
            "Target met on the test split",
            "Macro F1 0.923 [0.905, 0.939] against ≥ 0.90.",
        ),
        (
            {"targets": [target(0.95, 0.923, None)], "met": False},
            "Target not met on the test split",
            "Macro F1 0.923 against ≥ 0.95. Best model kept: lora r=32, trial 14.",
        ),
        (
            {"targets": [target(0.95, None, None)], "met": False, "chosen": None},
            "Target not met on the test split",
            "Macro F1 not measured, against ≥ 0.95. No model was kept.",
        ),
        (
            {"targets": [target(0.9, 0.923, None), target(0.925, 0.923, None)], "met": False},
            "1 of 2 targets not met on the test split",
            "Macro F1 0.923 against ≥ 0.925. Best model kept: lora r=32, trial 14.",
        ),
        (
            {"targets": []},
            "No target was set",
            "Best model kept: lora r=32, trial 14. On the test split: macro F1 0.923; "
            "accuracy 0.931.",
        ),
    ],
)
def test_verdict_says_what_was_measured_against_what(
    changes: dict[str, object], title: str, sentence: str
) -> None:
    verdict = words.verdict(stories.result(**changes))
    assert (verdict.title, verdict.sentence) == (title, sentence)


@pytest.mark.parametrize(
    ("count", "title"),
    [(1, "Target met"), (2, "Both targets met"), (3, "All 3 targets met")],
)
def test_verdict_counts_the_targets(count: int, title: str) -> None:
    met = stories.result(targets=[target(0.9, 0.92, None)] * count)
    assert words.verdict(met).title == f"{title} on the test split"


@pytest.mark.parametrize(
    ("value", "ci", "says"),
    [
        (0.90, (0.905, 0.939), None),
        (0.95, (0.905, 0.939), None),
        (0.91, (0.905, 0.939), "another sample could fall short"),
        (0.93, (0.905, 0.939), "less than the test split can resolve"),
        (0.91, None, None),
    ],
)
def test_interval_that_contains_the_target_is_said(
    value: float, ci: tuple[float, float] | None, says: str | None
) -> None:
    found = words.straddles(target(value, 0.923, ci))
    assert (found is None) == (says is None)
    assert says is None or (found is not None and says in found)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("planner", "rule-based planner (not an LLM)"),
        ("rule-based planner", "rule-based planner (not an LLM)"),
        ("", "rule-based planner (not an LLM)"),
        ("openai:planner-7b", "LLM openai:planner-7b"),
        ("scripted", "scripted"),
    ],
)
def test_planner_is_never_passed_off_as_an_llm(name: str, shown: str) -> None:
    assert words.controller(name) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "under 0.1 s"), (0.42, "0.4 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min"),
        (684.2, "11 min 24 s"), (3599.7, "1 h 00 min"), (7384, "2 h 03 min"),
    ],
)  # fmt: skip
def test_durations_carry_the_two_units_that_matter(seconds: float, shown: str) -> None:
    assert words.duration(seconds) == shown


@pytest.mark.parametrize(
    ("metric", "value", "shown"),
    [
        ("macro_f1", 0.9, "0.900"), ("macro_f1", None, "–"), ("macro_f1", float("nan"), "–"),
        ("latency_p95_ms", 12.44, "12.4 ms"), ("size_mb", 1234.5, "1,234 MB"),
        ("unheard_of", 0.5, "0.500"), ("bleu", 27.346, "27.35"), ("perplexity", 1234.5, "1,234.50"),
        ("nll", 3.4512, "3.451"), ("rouge1", 0.2, "0.200"), ("spearman", -0.5, "-0.500"),
    ],
)  # fmt: skip
def test_numbers_carry_the_unit_of_their_metric(
    metric: str, value: float | None, shown: str
) -> None:
    assert words.number(metric, value) == shown


def test_thresholds_keep_the_decimals_that_were_asked_for() -> None:
    shown = [words.threshold(">=", "accuracy", v) for v in (0.9, 0.935, 1)]
    assert shown == ["≥ 0.90", "≥ 0.935", "≥ 1.00"]
    assert words.threshold("<=", "latency_p95_ms", 20) == "≤ 20 ms"
    assert words.threshold(">=", "bleu", 27.5) == "≥ 27.5"
    assert words.threshold("<=", "perplexity", 40) == "≤ 40"


def test_cost_names_limits_where_there_are_some() -> None:
    budget = {
        "seconds": Spending(limit=1800, spent=684.2),
        "trials": Spending(limit=None, spent=1),
        "tokens": Spending(limit=50000, spent=1200),
    }
    assert words.cost(budget) == "11 min 24 s of 30 min; 1 trial; 1,200 of 50,000 tokens"


def test_met_on_validation_only_is_said() -> None:
    missed = stories.result(met=False, stop_reason="targets_met")
    assert "the test split did not confirm it" in words.stop_reason(missed)


def test_clean_removes_what_could_reorder_or_break_a_page() -> None:
    assert words.clean("a\u202eb\x00c\n d\ud800") == "a b c d"
    assert words.clean("x" * 50, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("chosen", "baselines", "says"),
    [
        ("a", 2, "at the end, for the chosen model and the 2 baselines,"),
        ("a", 0, "at the end, for the chosen model,"),
        (None, 1, "at the end, for the baseline,"),
        (None, 0, "It stayed shut"),
    ],
)
def test_sealed_split_names_what_was_measured_on_it(
    chosen: str | None, baselines: int, says: str
) -> None:
    made = stories.result(chosen=chosen, baselines=stories.result().baselines[:baselines])
    assert says in words.sealed(made, 450)
    assert "(450 rows)" in words.sealed(made, 450)
