"""Slices: parts of a split by length and by a field, each with its figure and interval."""

import numpy as np
import pytest
from tuneos.evals.measures import Stats, value
from tuneos.evals.measures.classes import rows
from tuneos.evals.metrics import FloatArray
from tuneos.evals.slices import FEW, LEAST, by_length, by_value, sliced, worst_of, worst_over
from tuneos.evals.statistics import resampled

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


def test_the_weak_slice_shows_and_small_ones_are_not_judged() -> None:
    true = np.arange(120) % 2
    wrong = np.arange(120) < 60
    given = np.where(wrong, 1 - true, true)
    stats = {"classes": rows(true, np.eye(2)[given])}
    parts = {
        "bad": np.arange(60),
        "good": np.arange(60, 120),
        "few": np.arange(LEAST - 1),
        "hardly any": np.arange(FEW - 1),
    }
    bad, good, few = sliced("accuracy", stats, parts, seed=0)
    assert (bad.judged, good.judged, few.judged) == (True, True, False)
    assert (bad.name, bad.value, bad.rows) == ("bad", 0.0, 60)
    assert (good.value, good.low, good.high) == (1.0, 1.0, 1.0)
    assert sliced("bleu", stats, parts, seed=0) == []


def half_wrong(rows_in_all: int = 120) -> Stats:
    """Two classes, of which the first half of the rows is answered wrongly."""
    true = np.arange(rows_in_all) % 2
    given = np.where(np.arange(rows_in_all) < rows_in_all // 2, 1 - true, true)
    found: dict[str, FloatArray] = {"classes": rows(true, np.eye(2)[given])}
    return found


def test_worst_slice_is_what_a_target_measures() -> None:
    stats = half_wrong()
    parts = {"mixed": np.arange(40, 120), "good": np.arange(60, 120), "few": np.arange(LEAST - 1)}
    names = ["min_slice(accuracy)", "min_slice(macro_f1)", "max_slice(ece)", "accuracy"]
    found = worst_of(names, stats, parts)
    assert list(found) == names[:3]
    assert found["min_slice(accuracy)"] == pytest.approx(60 / 80)
    mixed = {kind: array[parts["mixed"]] for kind, array in stats.items()}
    assert found["min_slice(macro_f1)"] == pytest.approx(value("macro_f1", mixed))
    assert found["max_slice(ece)"] == pytest.approx(20 / 80)


def test_no_slice_that_is_large_enough_means_no_figure() -> None:
    stats = half_wrong()
    assert worst_over("accuracy", stats, {"few": np.arange(LEAST - 1)}) is None
    assert worst_over("bleu", stats, {"all": np.arange(120)}) is None
    assert worst_of(["min_slice(accuracy)"], stats, {}) == {}


def test_interval_of_the_worst_slice_holds_its_figure() -> None:
    select = worst_over("accuracy", half_wrong(), {"a": np.arange(40, 120), "b": np.arange(60)})
    assert select is not None
    low, high = resampled(select, 120, seed=0)
    assert (low, high) == (0.0, 0.0)
    select = worst_over("accuracy", half_wrong(), {"a": np.arange(40, 120)})
    assert select is not None
    low, high = resampled(select, 120, seed=0)
    assert 0.6 < low < 0.75 < high < 0.9
