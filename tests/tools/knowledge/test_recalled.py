"""What is remembered stays within the recipe's space, and thin evidence counts little."""

from __future__ import annotations

import pytest
from tuneos.memory.recall import PastRun, PastTry
from tuneos.memory.strategies import Parameter, Strategy
from tuneos.tools.facts import KnownStrategy, Remembered, Setting
from tuneos.tools.knowledge.recalled import (
    best_tries,
    lessons_of,
    seeds,
    shrunk_gain,
    with_gains,
    within_space,
)

SPACE = (
    Parameter("layers", choices=(1, 2, 3)),
    Parameter("learning_rate", 1e-4, 1e-3, log=True),
    Parameter("epochs", 3, 10),
    Parameter("class_weights", choices=(False, True)),
)


def strategy(name: str, rung: int, tool: str) -> Strategy:
    return Strategy(name, rung, tool, 1.0, 0.1, 1, {"epochs": 6}, SPACE, (), "test")


PROBE, TOP = strategy("tfidf_linear", 0, "probe_baselines"), strategy("top_layers", 2, "fine_tune")


def run(*tries: tuple[str, dict[str, Setting], float], name: str = "old") -> PastRun:
    made = (PastTry(f"i:{n}", s, settings, v, 1.0) for n, (s, settings, v) in enumerate(tries))
    return PastRun(f"i:{name}", name, 0.5, tuple(made), ("a", "b", "c"))


def remembered(gain: float, layers: int, apart: float = 0.0) -> Remembered:
    settings: dict[str, Setting] = {"layers": layers}
    return Remembered(
        run="r", iri="i:r", distance=apart, strategy="top_layers", settings=settings, gain=gain
    )


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({"layers": 2, "learning_rate": 5e-4}, {"layers": 2, "learning_rate": 5e-4}),
        ({"layers": 99, "learning_rate": 1e9, "epochs": 10**9}, {}),
        ({"layers": True, "class_weights": 1}, {}),
        ({"epochs": 3.5, "learning_rate": float("nan")}, {}),
        ({"epochs": "rm -rf /", "strategy": "full", "max_length": 8192}, {}),
    ],
)
def test_only_what_the_space_expresses_is_remembered(
    settings: dict[str, Setting], kept: dict[str, Setting]
) -> None:
    assert within_space(settings, SPACE) == kept


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([], 0.1),
        ([(0.0, 0.4)], 0.2),
        ([(1.0, 0.35)], 0.15),
        ([(0.0, 0.0)] * 2, 0.05),
        ([(0.0, -1.0)] * 5, 0.0),
        ([(0.0, 0.4)] * 1000, 0.4),
    ],
)
def test_gain_shrinks_toward_the_recipe_where_evidence_is_thin(
    seen: list[tuple[float, float]], expected: float
) -> None:
    assert shrunk_gain(0.1, seen, 2.0) == pytest.approx(expected, abs=1e-3)


def test_best_try_of_a_run_and_what_it_gained() -> None:
    past = run(
        ("tfidf_linear", {}, 0.8),
        ("top_layers", {"layers": 1}, 0.85),
        ("top_layers", {"layers": 3}, 0.9),
        ("top_layers", {"layers": 2}, float("nan")),
        ("unknown", {}, 0.99),
    )
    (found,) = best_tries(past, (PROBE, TOP), "accuracy")
    assert (found.strategy, found.settings, found.gain) == ("top_layers", {"layers": 3}, 0.5)


def test_run_without_a_lower_rung_says_nothing() -> None:
    assert list(best_tries(run(("top_layers", {}, 0.9)), (PROBE, TOP), "accuracy")) == []


def test_seeds_are_what_paid_each_once() -> None:
    tries = [remembered(0.0, 1), remembered(0.3, 2), remembered(0.2, 2), remembered(0.1, 3)]
    assert [s.settings["layers"] for s in seeds(tries, "top_layers")] == [2, 3]
    assert seeds(tries, "lora") == []


def test_strategy_begins_with_what_paid_and_is_as_it_was_without_memory() -> None:
    known = KnownStrategy(
        name="top_layers",
        rung=2,
        tool="fine_tune",
        relative_cost=1.0,
        typical_gain=0.1,
        min_examples_per_class=1,
        defaults={"layers": 2, "epochs": 6},
    )
    constants = {"recallPrior": 2.0, "recallSame": 0.15}
    assert with_gains(known, [], constants) == known
    found = with_gains(known, [remembered(0.4, 3)], constants)
    assert (found.typical_gain, found.defaults) == (0.2, {"layers": 3, "epochs": 6})


def test_lessons_are_one_line_each_and_name_their_run() -> None:
    past = PastRun("i:x", "x", 0.0, (), ("two\nlines \x1b[31m" + "long " * 90,))
    (line,) = lessons_of([past])
    assert line.startswith("x: two lines")
    assert len(line) < 170
    assert "\x1b" not in line
