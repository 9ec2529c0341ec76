"""Which rows belong to which slice, and what of that is kept with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tuneos.tools.datasets.read import read_data
from tuneos.tools.datasets.slices import by_itself, judged, parts_of
from tuneos.tools.datasets.splits import data_hash, read_split, write_split
from tuneos.tools.datasets.types import Split
from tuneos.tools.errors import DatasetError

Write = Callable[[str, str | bytes], Path]


def csv(rows: int) -> str:
    """Rows of two labels that came by phone or web, a few by letter."""
    ways = ["phone", "web", "phone", "web", ""]
    lines = (f"text number {i},{'ab'[i % 2]},{ways[i % 5]}\n" for i in range(rows))
    return "text,label,channel\n" + "".join(lines)


def channels(write: Write, rows: int = 100) -> Split:
    path = write("data.csv", csv(rows))
    return read_data(path, slices=["channel"]).splits["train"]


def test_named_column_makes_the_slices(write: Write) -> None:
    split = channels(write)
    parts = parts_of(split)
    assert {name: len(rows) for name, rows in parts.items()} == {
        "channel phone": 40,
        "channel web": 40,
        "channel (none)": 20,
    }
    assert list(judged(split)) == ["channel phone", "channel web"]


def test_without_a_column_length_makes_them(write: Write) -> None:
    split = read_data(write("data.csv", csv(100))).splits["train"]
    assert split.slices == ()
    assert parts_of(split).keys() == by_itself(split).keys()


def test_slices_go_with_their_rows_and_through_files(write: Write, tmp_path: Path) -> None:
    split = channels(write).take([3, 1, 4])
    assert [row["channel"] for row in split.slices] == ["web", "web", "(none)"]
    write_split(tmp_path / "rows.jsonl", split)
    assert read_split(tmp_path / "rows.jsonl") == split


def test_rows_with_other_slices_are_other_data(write: Write) -> None:
    split = channels(write)
    bare = read_data(write("data.csv", csv(100))).splits["train"]
    assert data_hash({"train": split}) != data_hash({"train": bare})


def test_column_that_is_not_there_is_named(write: Write) -> None:
    with pytest.raises(DatasetError, match="no such column; it has text, label, channel"):
        read_data(write("data.csv", csv(20)), slices=["region"])


def test_task_whose_rows_are_not_those_of_the_file_is_told(write: Write) -> None:
    said = [{"role": r, "content": c} for r, c in [("user", "hi"), ("assistant", "yes?")] * 2]
    turns = json.dumps({"messages": said, "way": "web"}) + "\n"
    with pytest.raises(DatasetError, match="leave the slice out"):
        read_data(write("data.jsonl", turns * 3), task="dialogue", slices=["way"])
