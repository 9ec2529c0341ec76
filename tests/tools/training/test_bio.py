"""The best valid tags, against trying them all."""

import itertools

import numpy as np
import pytest
from tuneos.tools.datasets.words import spans_of, stray_inside
from tuneos.tools.training.bio import best_tags, fit_outside, rows_of, strict_f1, tags_in

TAGS = ("O", "B-x", "I-x", "B-y", "I-y")


def chances(units: int, seed: int) -> np.ndarray:
    raw = np.random.default_rng(seed).dirichlet(np.ones(len(TAGS)), size=units)
    return np.asarray(raw)


@pytest.mark.parametrize("seed", range(5))
def test_tags_are_the_likeliest_valid_ones(seed: int) -> None:
    found = chances(4, seed)
    (row,) = rows_of(TAGS, best_tags(TAGS, found, np.array([0, 4])), np.array([0, 4]))
    valid = [t for t in itertools.product(range(5), repeat=4) if
             stray_inside([TAGS[i] for i in t]) is None]  # fmt: skip
    best = max(valid, key=lambda t: sum(np.log(found[k, i]) for k, i in enumerate(t)))
    assert row == [TAGS[i] for i in best]


def test_rows_of_different_lengths_are_tagged_apart() -> None:
    lengths = [3, 0, 7, 1, 400]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    found = chances(int(starts[-1]), 9)
    together = best_tags(TAGS, found, starts)
    for a, b in itertools.pairwise(starts):
        alone = best_tags(TAGS, found[a:b], np.array([0, b - a]))
        assert np.array_equal(together[a:b], alone)


def test_no_inside_begins_an_entity_even_where_it_is_certain() -> None:
    found = np.array([[0.02, 0.01, 0.95, 0.01, 0.01]] * 2)
    tags = rows_of(TAGS, best_tags(TAGS, found, np.array([0, 2])), np.array([0, 2]))[0]
    assert stray_inside(tags) is None
    assert tags == ["B-x", "I-x"]


def test_leaning_away_from_o_finds_what_it_hides() -> None:
    found = np.tile([0.6, 0.4, 0.0, 0.0, 0.0], (4, 1))
    starts, gold = np.array([0, 1, 2, 3, 4]), [["B-x"]] * 4
    outside, value = fit_outside(TAGS, found, starts, gold)
    assert outside < 0
    assert value == 1.0
    assert fit_outside(TAGS, found, starts, [["O"]] * 3 + [["B-y"]])[0] == 0.0


def test_strict_f1_counts_borders_and_types() -> None:
    true = [set(spans_of(["B-x", "I-x", "O", "B-y"]))]
    assert strict_f1(true, [["B-x", "I-x", "O", "B-y"]]) == 1.0
    assert strict_f1(true, [["B-x", "O", "O", "B-y"]]) == 0.5
    assert strict_f1(true, [["B-y", "I-y", "O", "O"]]) == 0.0


def test_tags_that_occur_are_in_a_fixed_order() -> None:
    assert tags_in([["I-b", "B-a"], ["B-b", "O"]]) == ("O", "B-a", "B-b", "I-b")
