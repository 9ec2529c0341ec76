"""What cleaning drops, what it keeps, and that it says so."""

from collections.abc import Callable

import pytest
from tuneos.tools.datasets.clean import clean_train
from tuneos.tools.datasets.types import Split, text_key

MakeSplit = Callable[..., Split]

BASE = [("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b")]
NOTHING: frozenset[str] = frozenset()

# further rows, held-out texts, suspects (positions), texts and labels kept of the further rows
CASES = [
    ([], [], [], [], {}),
    ([("x", "a"), ("X ", "a"), ("x", "a")], [], [], [("x", "a")], {"duplicate": 2}),
    ([("x", "a"), ("x", "b")], [], [], [], {"conflicting_label": 2}),
    (
        [("x", "b"), ("x", "a"), ("x", "a")],
        [],
        [],
        [("x", "a")],
        {"conflicting_label": 1, "duplicate": 1},
    ),
    ([("x", "a"), ("y", "a")], ["  X"], [], [("y", "a")], {"leaked": 1}),
    ([("x", "a"), ("x", "b")], ["x"], [], [], {"leaked": 2}),
    ([("x", "a"), ("y", "b")], [], [5], [("x", "a")], {"suspect_label": 1}),
    ([("x", "a"), ("x", "a")], [], [5], [("x", "a")], {"duplicate": 1}),
]


@pytest.mark.parametrize(("rows", "held_out", "suspects", "kept", "counts"), CASES)
def test_rows_go_for_their_reason(
    rows: list[tuple[str, str]],
    held_out: list[str],
    suspects: list[int],
    kept: list[tuple[str, str]],
    counts: dict[str, int],
    make_split: MakeSplit,
) -> None:
    train = make_split(*BASE, *rows)
    cleaned = clean_train(train, held_out=frozenset(map(text_key, held_out)), suspects=suspects)

    left = list(zip(cleaned.split.texts, cleaned.split.labels, strict=True))
    assert left == BASE + kept
    assert cleaned.counts == counts
    assert len(cleaned.dropped) == sum(counts.values())
    assert cleaned.split == train.take(cleaned.rows)
    assert cleaned.spared == ()


def test_dropped_rows_are_named_with_the_reason(make_split: MakeSplit) -> None:
    train = make_split(*BASE, ("x", "a"))
    cleaned = clean_train(train, held_out=frozenset({text_key("x")}))
    assert cleaned.dropped == (("train.csv row 6", "its text also stands in validation or test"),)


def test_every_class_keeps_two_rows_and_that_is_told(make_split: MakeSplit) -> None:
    train = make_split(("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b"), ("b3", "b"), ("c", "c"))
    held_out = frozenset(map(text_key, ["b1", "b2", "b3", "c"]))
    cleaned = clean_train(train, held_out=held_out)

    assert cleaned.split.labels == ("a", "a", "b", "b", "c")
    assert cleaned.counts == {"leaked": 1}
    assert [place for place, _ in cleaned.spared] == [
        "train.csv row 4",
        "train.csv row 5",
        "train.csv row 7",
    ]
    assert "kept, as 'b' has few rows" in cleaned.spared[0][1]


def test_least_harmful_rows_are_spared_first(make_split: MakeSplit) -> None:
    train = make_split(("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b"), ("b3", "b"))
    cleaned = clean_train(train, held_out=frozenset({text_key("b1")}), suspects=[3, 4])
    assert cleaned.split.texts == ("a1", "a2", "b2", "b3")
    assert cleaned.counts == {"leaked": 1}


def test_cleaning_twice_changes_nothing_more(make_split: MakeSplit) -> None:
    train = make_split(*BASE, ("x", "a"), ("x", "a"), ("y", "a"), ("y", "b"))
    once = clean_train(train, held_out=NOTHING)
    again = clean_train(once.split, held_out=NOTHING)
    assert again.split == once.split
    assert again.dropped == ()
