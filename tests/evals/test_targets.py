"""Targets as people write them."""

from __future__ import annotations

import pytest
from tuneos.evals.targets import Target, TargetError, all_hold, parse_target, shortfall

GOOD = {
    "macro_f1>=0.90": ("macro_f1", ">=", 0.9),
    "  accuracy >= 1 ": ("accuracy", ">=", 1.0),
    "mcc>=-0.5": ("mcc", ">=", -0.5),
    "ece<=.05": ("ece", "<=", 0.05),
    "latency_p95_ms<=2e1": ("latency_p95_ms", "<=", 20.0),
    "min_slice(macro_f1)>=0.8": ("min_slice(macro_f1)", ">=", 0.8),
    "min_slice ( f1 ) >= .7": ("min_slice(f1)", ">=", 0.7),
    "max_slice(perplexity)<=60": ("max_slice(perplexity)", "<=", 60.0),
    "size_mb<=500": ("size_mb", "<=", 500.0),
}
BAD = {
    "": "METRIC>=NUMBER",
    "accuracy": "METRIC>=NUMBER",
    "accuracy=0.9": "METRIC>=NUMBER",
    "accuracy>0.9": "METRIC>=NUMBER",
    "accuracy>=": "METRIC>=NUMBER",
    "accuracy>=90%": "METRIC>=NUMBER",
    "acuracy>=0.9": "unknown metric 'acuracy'; choose from accuracy, macro_f1",
    "accuracy>=high": "'high' is not a number",
    "accuracy>=1.5": "lies in 0 to 1, so 1.5 cannot be met",
    "accuracy>=-0.1": "lies in 0 to 1",
    "accuracy>=nan": "cannot be met",
    "accuracy>=inf": "cannot be met",
    "size_mb<=-1": "lies in 0 to any size",
    "size_mb<=inf": "cannot be met",
    "accuracy<=0.9": "higher accuracy is better; write accuracy>=0.9",
    "min_slice(nothing)>=0.8": "unknown metric 'min_slice(nothing)'",
    "min_slice(size_mb)>=8": "unknown metric",
    "min_slice(perplexity)<=60": "unknown metric",
    "min_slice(accuracy)<=0.9": "write min_slice(accuracy)>=0.9",
    "ece>=0.1": "lower ece is better; write ece<=0.1",
}


@pytest.mark.parametrize("text", GOOD)
def test_target_is_read(text: str) -> None:
    found = parse_target(text)
    assert (found.metric, found.op, found.value) == GOOD[text]
    assert parse_target(str(found)) == found


@pytest.mark.parametrize("text", BAD)
def test_bad_target_says_what_is_wrong_with_it(text: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_target(text)
    assert repr(text) in str(caught.value)
    assert BAD[text] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("op", "measured", "holds", "gap"),
    [
        (">=", 0.9, True, 0),
        (">=", 0.95, True, 0),
        (">=", 0.8, False, 0.1),
        ("<=", 0.9, True, 0),
        ("<=", 0.8, True, 0),
        ("<=", 1.0, False, 0.1),
    ],
)
def test_target_holds_up_to_its_value(op: str, measured: float, holds: bool, gap: float) -> None:
    target = Target.model_validate({"metric": "macro_f1", "op": op, "value": 0.9})
    assert target.holds(measured) is holds
    assert target.gap(measured) == pytest.approx(gap)


def test_all_targets_must_hold_and_an_unmeasured_one_does_not() -> None:
    targets = [parse_target("accuracy>=0.9"), parse_target("size_mb<=100")]
    assert all_hold(targets, {"accuracy": 0.9, "size_mb": 100})
    assert not all_hold(targets, {"accuracy": 0.9, "size_mb": 101})
    assert not all_hold(targets, {"accuracy": 0.9})
    assert all_hold([], {})


def test_shortfall_adds_relative_gaps() -> None:
    targets = [parse_target("accuracy>=0.8"), parse_target("size_mb<=100")]
    assert shortfall(targets, {"accuracy": 0.8, "size_mb": 50}) == 0
    assert shortfall(targets, {"accuracy": 0.6, "size_mb": 200}) == pytest.approx(0.75)
    assert shortfall(targets, {"accuracy": 0.8}) == 2  # wider than any gap that was measured
    assert shortfall([parse_target("ece<=0")], {"ece": 0.0}) == 0


def test_target_out_of_reach_does_not_outweigh_the_others() -> None:
    targets = [parse_target("accuracy>=0.8"), parse_target("latency_p95_ms<=0.000001")]
    quick_but_wrong = {"accuracy": 0.3, "latency_p95_ms": 0.5}
    right_but_slower = {"accuracy": 0.8, "latency_p95_ms": 3.0}
    assert shortfall(targets, right_but_slower) < shortfall(targets, quick_but_wrong)
