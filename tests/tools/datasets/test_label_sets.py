"""Several labels a row are found, read and checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tuneos.tools.datasets.profile import profile_data
from tuneos.tools.datasets.read import read_data
from tuneos.tools.datasets.types import RawData
from tuneos.tools.errors import DatasetError

Write = Callable[[str, str | bytes], Path]

SETS: list[object] = [["joy", "love"], ["joy"], ["anger"], ["love"], ["anger", "joy"], ["love"]]


def lines(sets: list[object], column: str = "labels") -> str:
    return "".join(
        json.dumps({"text": f"some text number {i}", column: found}) + "\n"
        for i, found in enumerate(sets)
    )


def label_sets(raw: RawData) -> list[list[str]]:
    return [row["labels"] for row in raw.splits["train"].rows]


def test_lists_are_labels_sorted_and_each_once(write: Write) -> None:
    raw = read_data(write("data.jsonl", lines([["love", "joy", "love"], ["joy"], ["anger"]])))
    assert raw.task == "multi-label-classification"
    assert label_sets(raw) == [["joy", "love"], ["joy"], ["anger"]]


@pytest.mark.parametrize("separator", [",", ";", "|"])
def test_cells_are_split_at_their_separator(write: Write, separator: str) -> None:
    cells = ["joy", "anger", f"anger{separator} joy", "joy", f"joy{separator}anger"]
    rows = "".join(f'"a text, number {i}","{cell}"\n' for i, cell in enumerate(cells))
    raw = read_data(write("data.csv", "text,labels\n" + rows))
    assert raw.task == "multi-label-classification"
    assert label_sets(raw) == [["joy"], ["anger"], ["anger", "joy"], ["joy"], ["anger", "joy"]]
    assert any(repr(separator) in guess for guess in raw.guesses)


def test_text_classification_on_lists_becomes_multi_label_and_says_so(write: Write) -> None:
    raw = read_data(write("data.jsonl", lines(SETS)), task="text-classification")
    assert raw.task == "multi-label-classification"
    assert "instead of 'text-classification'" in raw.guesses[0]


def test_one_label_a_row_stays_text_classification(write: Write) -> None:
    rows = "".join(f'"text {i}, and more","{"ab"[i % 2]}"\n' for i in range(6))
    assert read_data(write("data.csv", "text,label\n" + rows)).task == "text-classification"


def test_an_empty_list_says_that_no_label_applies(write: Write) -> None:
    raw = read_data(write("data.jsonl", lines([*SETS, []])))
    assert label_sets(raw)[-1] == []
    assert [o.kind for o in raw.oddities] == ["no_label"]


def test_rows_are_balanced_by_their_rarest_label(write: Write) -> None:
    raw = read_data(write("data.jsonl", lines([["a", "b"], ["a"], ["a"], ["a", "b"], ["b", "c"]])))
    assert raw.splits["train"].labels == ("b", "a", "a", "b", "c")


def test_profile_counts_every_label_of_a_row(write: Write) -> None:
    raw = read_data(write("data.jsonl", lines([["a", "b"], ["a", "b"], ["a"]])))
    assert profile_data(raw.splits, ()).labels == {"a": {"train": 3}, "b": {"train": 2}}


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (None, ["data.jsonl line 7", "'labels' is empty", "[] where none applies"]),
        ("joy", ["data.jsonl line 7", "lists in other rows", '["joy"]']),
        (["joy", ""], ["data.jsonl line 7", '""', "among its labels"]),
        (["joy", ["love"]], ["data.jsonl line 7", '["love"]']),
        (["joy", None], ["data.jsonl line 7", "null"]),
    ],
)
def test_a_wrong_cell_is_told_with_its_row(write: Write, cell: object, words: list[str]) -> None:
    with pytest.raises(DatasetError) as caught:
        read_data(write("data.jsonl", lines([*SETS, cell])))
    assert all(word in str(caught.value) for word in words)
    assert "\n" not in str(caught.value)


def test_a_label_that_train_never_saw_is_told(write: Write, tmp_path: Path) -> None:
    write("train.jsonl", lines(SETS))
    write("test.jsonl", lines([["joy"], ["joy", "awe"]]))
    with pytest.raises(DatasetError, match=r"test.jsonl line 2 has the label 'awe'"):
        read_data(tmp_path)
