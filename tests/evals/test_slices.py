"""Slices: parts of a split by length and by a field, each with its figure and interval."""

import numpy as np
import pytest
from tuneos.evals.measures.classes import rows
from tuneos.evals.slices import LEAST, by_length, by_value, sliced

TEXTS = ["one", "one two", "one two three"] * 40


def test_lengths_make_parts_that_hold_every_row_once() -> None:
    parts = by_length(TEXTS)
    assert list(parts) == ["1 words", "2 to 3 words"]
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(120))


@pytest.mark.parametrize("texts", [[], ["a b"], ["a b"] * 50])
def test_texts_of_one_length_have_no_parts(texts: list[str]) -> None:
    assert by_length(texts) == {}


def test_a_field_with_one_value_has_no_parts() -> None:
    assert by_value(["de", "de"], "language") == {}
    assert list(by_value(["de", "en", "en"], "language")) == ["language en", "language de"]


def test_the_weak_slice_shows_and_small_ones_are_left_out() -> None:
    true = np.arange(120) % 2
    wrong = np.arange(120) < 60
    given = np.where(wrong, 1 - true, true)
    stats = {"classes": rows(true, np.eye(2)[given])}
    parts = {"bad": np.arange(60), "good": np.arange(60, 120), "few": np.arange(LEAST - 1)}
    bad, good = sliced("accuracy", stats, parts, seed=0)
    assert (bad.name, bad.value, bad.rows) == ("bad", 0.0, 60)
    assert (good.value, good.low, good.high) == (1.0, 1.0, 1.0)
    assert sliced("bleu", stats, parts, seed=0) == []
