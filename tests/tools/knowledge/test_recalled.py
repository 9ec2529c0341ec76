"""What is remembered stays within the recipe's space, and thin evidence counts little."""

from __future__ import annotations

import pytest
from tuneos.memory.recall import PastRun, PastTry
from tuneos.memory.strategies import Parameter, Strategy
from tuneos.tools.facts import KnownStrategy, Remembered, Setting
from tuneos.tools.knowledge.recalled import (
    best_tries,
    expected,
    fruitless,
    lessons_of,
    seeds,
    with_memory,
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
        run="r", iri="i:r", distance=apart, strategy="top_layers", settings=settings, gain=gain,
        removed=gain,
    )  # fmt: skip


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


CONSTANTS = {"recallSpread": 0.15, "recallNoise": 0.05, "recallDrift": 0.3, "recallSame": 0.15}


@pytest.mark.parametrize(
    ("seen", "share", "spread"),
    [
        ([(0.0, 0.4)], 0.37, 0.047),
        ([(0.5, 0.4)], 0.242, 0.109),
        ([(1.0, 0.4)], 0.159, 0.134),
        ([(0.0, -1.0)], -0.89, 0.047),
        ([(0.0, 0.4)] * 1000, 0.4, 0.002),
    ],
)
def test_a_run_counts_for_more_the_nearer_its_data(
    seen: list[tuple[float, float]], share: float, spread: float
) -> None:
    assert expected(0.1, seen, CONSTANTS) == pytest.approx((share, spread), abs=1e-3)


def test_nothing_is_expected_where_no_run_tells_or_the_recipes_say_nothing_of_memory() -> None:
    assert expected(0.1, [], CONSTANTS) is None
    assert expected(0.1, [(0.0, 0.4)], {}) is None


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
    assert found.removed == 0.5


def blend(*members: str) -> dict[str, Setting]:
    return {f"weight of {m}": 0.5 for m in members}


def of_three(weights: dict[str, Setting], value: float) -> PastRun:
    """A run with two cheap rungs, a tuning and a blend of them."""
    tries: list[tuple[str, dict[str, Setting], float]] = [
        ("tfidf_linear", {}, 0.7), ("frozen_linear", {}, 0.8), ("top_layers", {}, 0.75),
        ("blend", {f"weight of {m}": w for m, w in weights.items()}, value),
    ]  # fmt: skip
    made = (PastTry(f"i:old/candidate/{s}", s, said, v, 1.0) for s, said, v in tries)
    return PastRun("i:old", "old", 0.0, tuple(made), ())


@pytest.mark.parametrize(
    ("weights", "removed"),
    [
        ({"tfidf_linear": 0.3, "frozen_linear": 1.0}, {"top_layers": -0.25, "blend": 0.5}),
        (
            {"tfidf_linear": 0.3, "frozen_linear": 1.0, "top_layers": 0.01},
            {"top_layers": -0.25, "blend": 0.5},
        ),
        (
            {"tfidf_linear": 0.3, "frozen_linear": 1.0, "top_layers": 0.2},
            {"top_layers": 0.5},
        ),
        ({"frozen_linear": 0.0}, {"top_layers": -0.25}),
    ],
)
def test_blend_counts_for_a_tuning_that_has_a_part_in_it_else_for_blending(
    weights: dict[str, Setting], removed: dict[str, float]
) -> None:
    frozen = strategy("frozen_linear", 1, "probe_baselines")
    known = (PROBE, frozen, TOP, strategy("blend", 6, "blend_candidates"))
    found = best_tries(of_three(weights, 0.9), known, "accuracy")
    assert {r.strategy: r.removed for r in found} == removed


@pytest.mark.parametrize(
    ("members", "removed"), [(("0", "1"), 0.75), (("0", "1", "2"), 0.5), (("0", "gone"), 0.5)]
)
def test_blend_with_cheap_rungs_counts_as_what_the_strategy_comes_to(
    members: tuple[str, ...], removed: float
) -> None:
    others = (strategy("full", 4, "fine_tune"), strategy("blend", 5, "blend_candidates"))
    tries: list[tuple[str, dict[str, Setting], float]] = [
        ("tfidf_linear", {}, 0.8),
        ("top_layers", {}, 0.9),
        ("full", {}, 0.8),
    ]
    past = PastRun("i:old", "old", 0.0, tuple(
        PastTry(f"i:old/candidate/{n}", s, settings, v, 1.0)
        for n, (s, settings, v) in enumerate([*tries, ("blend", blend(*members), 0.95)])
    ), ())  # fmt: skip
    found = {r.strategy: r.removed for r in best_tries(past, (PROBE, TOP, *others), "accuracy")}
    assert found == {"top_layers": removed, "full": 0.0}


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
    assert with_memory(known, [], CONSTANTS) == known
    found = with_memory(known, [remembered(0.4, 3)], CONSTANTS)
    assert (found.typical_gain, found.defaults) == (0.1, {"layers": 3, "epochs": 6})
    assert (found.recalled_share, found.recalled_spread) == (0.37, 0.0474)


def test_lessons_are_one_line_each_and_name_their_run() -> None:
    past = PastRun("i:x", "x", 0.0, (), ("two\nlines \x1b[31m" + "long " * 90,))
    (line,) = lessons_of([past])
    assert line.startswith("x: two lines")
    assert len(line) < 170
    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("apart", "idle", "named"),
    [
        ([0.05], [True], ("augment_dataset",)),
        ([0.3], [True], ()),  # on such data, but not nearly the same
        ([0.05, 0.1], [False, True], ()),  # the nearest counts
        ([], [], ()),
    ],
)
def test_augmenting_is_left_alone_where_it_came_to_nothing_on_the_same_data(
    apart: list[float], idle: list[bool], named: tuple[str, ...]
) -> None:
    did = frozenset({"augment_dataset", "inspect_dataset"})
    runs = [
        PastRun("i:r", "r", far, (), (), did if nothing else frozenset())
        for far, nothing in zip(apart, idle, strict=True)
    ]
    assert fruitless(runs, CONSTANTS) == named
