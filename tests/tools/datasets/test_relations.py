"""Spans of relations are held against their texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tuneos.tools.datasets.read import read_data
from tuneos.tools.datasets.relations import tagged
from tuneos.tools.datasets.splits import make_splits
from tuneos.tools.datasets.types import text_key
from tuneos.tools.errors import DatasetError

Write = Callable[[str, str | bytes], Path]

TEXT = "The fire caused great smoke."
HEAD = {"text": "fire", "start": 4, "end": 8}
TAIL = {"text": "smoke", "start": 22, "end": 27}
GOOD: dict[str, Any] = {"text": TEXT, "head": HEAD, "tail": TAIL, "label": "Cause(e1,e2)"}
OTHER: dict[str, Any] = {**GOOD, "head": TAIL, "tail": HEAD, "label": "Cause(e2,e1)"}


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_spans_are_read_and_the_task_inferred(write: Write) -> None:
    raw = read_data(write("data.jsonl", lines(GOOD, OTHER)))
    assert raw.task == "relation-extraction"
    assert raw.splits["train"].rows == (GOOD, OTHER)
    assert raw.splits["train"].texts[0] == "The <e1>fire</e1> caused great <e2>smoke</e2>."
    assert raw.splits["train"].texts[1] == "The <e2>fire</e2> caused great <e1>smoke</e1>."


def test_tags_in_the_text_are_spans(write: Write) -> None:
    rows = [tagged(GOOD), tagged(OTHER)]
    csv = "text,label\n" + "".join(f'{t},"{r["label"]}"\n' for t, r in zip(rows, (GOOD, OTHER)))  # noqa: B905
    raw = read_data(write("data.csv", csv))
    assert raw.task == "relation-extraction"
    assert raw.splits["train"].rows == (GOOD, OTHER)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"head": {**HEAD, "end": 99}}, ["head is 4:99, outside its text of 28 characters"]),
        ({"head": {**HEAD, "start": -1}}, ["outside its text"]),
        ({"head": {**HEAD, "end": 4}}, ["outside its text"]),
        (
            {"head": {**TAIL, "text": "fire"}, "tail": {**HEAD, "text": "smoke"}},
            ["head and tail are swapped", "'fire'", "exchange the offsets"],
        ),
        ({"head": {**HEAD, "text": "frie"}}, ["head says 'frie'", "'fire' at 4:8"]),
        ({"head": {**HEAD, "end": 7}}, ["the end is not included: write 8"]),
        ({"tail": {**TAIL, "start": 3, "end": 9}}, ["tail says 'smoke'", "it stands at 22:27"]),
        ({"tail": HEAD}, ["the same span"]),
        ({"head": "fire"}, ["head has no whole numbers start and end"]),
        ({"head": {"text": "fire", "start": 4.5, "end": 8}}, ["no whole numbers"]),
        ({"label": None}, ["'label' is empty"]),
        ({"text": ""}, ["'text' is empty"]),
    ],
)
def test_a_wrong_row_is_told_with_its_place(
    write: Write, changed: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(DatasetError) as caught:
        read_data(write("data.jsonl", lines(GOOD, OTHER, {**GOOD, **changed})))
    message = str(caught.value)
    assert message.startswith("data.jsonl line 3: ")
    assert all(word in message for word in words)
    assert "\n" not in message


def test_a_missing_tag_is_told(write: Write) -> None:
    broken = tagged(GOOD).replace("</e2>", "")
    csv = f"text,label\n{tagged(GOOD)},a\n{broken},b\n"
    with pytest.raises(DatasetError, match=r"data.csv row 3: has no </e2>"):
        read_data(write("data.csv", csv))


def test_pairs_of_one_text_stay_on_one_side(write: Write) -> None:
    rows = []
    for i in range(40):
        text = f"Number{i} fire caused great smoke."
        at = len(f"Number{i} ")
        head = {"start": at, "end": at + 4}
        tail = {"start": text.index("smoke"), "end": text.index("smoke") + 5}
        rows += [
            {"text": text, "head": head, "tail": tail, "label": "a"},
            {"text": text, "head": tail, "tail": head, "label": "b"},
        ]
    splits = make_splits(read_data(write("data.jsonl", lines(*rows))), seed=0)
    sides = [{text_key(row["text"]) for row in splits[name].rows} for name in splits]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
