"""New rows: which rows they are made of, what is dropped, and how they are marked."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from tuneos.tools.augment.added import Added, choose_sources, new_only, with_added
from tuneos.tools.datasets.types import Split, text_key


def split(texts: list[str], labels: list[str]) -> Split:
    places = tuple(f"train.csv row {i}" for i in range(2, len(texts) + 2))
    return Split(tuple(texts), tuple(labels), (None,) * len(texts), places)


@pytest.mark.parametrize(
    ("counts", "total", "wanted"),
    [
        ({"a": 10, "b": 2}, 8, {"b": 8}),
        ({"a": 10, "b": 2}, 12, {"a": 2, "b": 10}),
        ({"a": 3, "b": 3}, 4, {"a": 2, "b": 2}),
        ({"a": 5, "b": 1, "c": 3}, 6, {"b": 4, "c": 2}),
    ],
)
def test_smallest_classes_are_filled_up_first(
    counts: dict[str, int], total: int, wanted: dict[str, int]
) -> None:
    labels = [label for label, n in counts.items() for _ in range(n)]
    drawn = choose_sources(labels, total, np.random.default_rng(0))
    assert Counter(labels[i] for i in drawn) == wanted


def test_rows_of_a_class_are_drawn_equally_often() -> None:
    drawn = choose_sources(["a"] * 9 + ["b"] * 3, 6, np.random.default_rng(1))
    assert sorted(Counter(drawn).values()) == [2, 2, 2]


def test_what_stands_in_any_split_or_twice_is_dropped() -> None:
    train = split(["the dog", "the cat"], ["x", "x"])
    added = [Added(t, 0, "o") for t in ("the dgo", "The  Dog", "held out", "the dgo", "the og")]
    kept = new_only(train, added, frozenset({text_key("held out")}))
    assert [a.text for a in kept] == ["the dgo", "the og"]


def test_new_rows_keep_the_label_and_say_where_they_come_from() -> None:
    train = split(["the dog", "the car"], ["animal", "thing"])
    both = with_added(train, [Added("the carr", 1, "with spelling noise")])
    assert both.texts == ("the dog", "the car", "the carr")
    assert both.labels == ("animal", "thing", "thing")
    assert both.places[2] == "train.csv row 3, with spelling noise"
    assert both.ids == (None,) * 3
