"""Rows of entities: what is read, repaired and refused, each with its place."""

from typing import Any

import pytest
from tuneos.tools.datasets.entities import check_types, entity_rows, read_entities
from tuneos.tools.datasets.tables import Table
from tuneos.tools.errors import DatasetError


def table(**cells: Any) -> Table:
    count = len(next(iter(cells.values())))
    return Table("x.jsonl", cells, [f"x.jsonl line {n}" for n in range(1, count + 1)])


def test_tokens_and_tags_become_text_with_offsets() -> None:
    rows = read_entities(table(tokens=[["Ana", "sang"]], tags=[["B-per", "O"]]), train=True)
    assert rows.split.texts == ("Ana sang",)
    assert rows.split.rows[0]["offsets"] == [[0, 3], [4, 8]]
    assert rows.split.labels == ("per",)


@pytest.mark.parametrize(
    "span",
    [
        {"start": 0, "end": 3, "label": "per"},
        {"start": 0, "end": 3, "type": "per", "text": "Ana"},
        [0, 3, "per"],
    ],
)
def test_spans_are_read_however_they_are_written(span: object) -> None:
    rows = read_entities(table(text=["Ana sang"], entities=[[span]]), train=True)
    assert rows.split.rows[0]["tags"] == ["B-per", "O"]


def test_label_of_a_row_is_its_rarest_type() -> None:
    tags = [["B-x"], ["B-x", "B-y"], ["O"]]
    rows = read_entities(table(tokens=[["a"], ["a", "b"], ["c"]], tags=tags), train=True)
    assert rows.split.labels == ("x", "y", "")


def test_cut_word_is_widened_and_told() -> None:
    rows = read_entities(table(text=["Berliner Luft"], spans=[[[0, 6, "loc"]]]), train=True)
    assert rows.split.rows[0]["tags"] == ["B-loc", "O"]
    assert [o.kind for o in rows.oddities] == ["cut_word"]
    assert "'Berliner'" in rows.oddities[0].detail


def test_stray_inside_is_repaired_and_told() -> None:
    rows = read_entities(table(tokens=[["a", "b"]], tags=[["O", "I-x"]]), train=True)
    assert rows.split.rows[0]["tags"] == ["O", "B-x"]
    assert rows.oddities[0].place == "x.jsonl line 1"
    assert "I-x at token 2, 'b', without its B-" in rows.oddities[0].detail


REFUSED = [
    ({"tokens": [["a", "b"]], "tags": [["O"]]}, "line 1 has 2 tokens and 1 tags"),
    ({"tokens": [["a"]], "tags": [["per"]]}, "line 1 has the tag 'per' at token 1"),
    ({"tokens": [["a", " "]], "tags": [["O", "O"]]}, "line 1 has a blank token at 2"),
    ({"tokens": [["a"], "b"], "tags": [["O"], [1]]}, "line 2: the tags are no list of strings"),
    ({"text": ["Ana"], "spans": [[[0, 9, "x"]]]}, "line 1: the span 0 to 9 .* lies outside"),
    ({"text": ["Ana"], "spans": [[[2, 2, "x"]]]}, "line 1: the span 2 to 2 .* is empty"),
    ({"text": ["Ana"], "spans": [[[-3, 0, "x"]]]}, "line 1: the span -3 to 0 .* lies outside"),
    ({"text": ["A  na"], "spans": [[[1, 3, "x"]]]}, "holds white space only"),
    (
        {"text": ["Ana Paz"], "spans": [[[0, 3, "x"], [2, 7, "y"]]]},
        r"line 1: the spans 0 to 3 \(x\) and 2 to 7 \(y\) overlap",
    ),
    (
        {"text": ["Ana"], "spans": [[{"start": 0, "end": 2, "label": "x", "text": "Ana"}]]},
        "holds 'An', not 'Ana'",
    ),
    ({"text": ["Ana"], "spans": [[["0", 2, "x"]]]}, "line 1: span 1 is .* whole numbers"),
    ({"text": ["Ana"], "note": ["x"]}, "neither 'tokens' with 'tags' nor 'text' with 'spans'"),
    ({"tokens": [[]], "tags": [[]]}, "no rows with words|neither"),
]


@pytest.mark.parametrize(("cells", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_bad_rows_are_refused_by_place(cells: dict[str, Any], said: str) -> None:
    with pytest.raises(DatasetError, match=said) as caught:
        read_entities(table(**cells), train=True)
    assert "\n" not in str(caught.value)


def test_types_that_train_never_saw_are_refused() -> None:
    known = read_entities(table(tokens=[["a"]], tags=[["B-x"]]), train=True).split
    new = read_entities(table(tokens=[["a"], ["b"]], tags=[["O"], ["B-z"]]), train=False).split
    with pytest.raises(DatasetError, match=r"x\.jsonl line 2 has an entity of type 'z'"):
        check_types({"train": known, "test": new})
    with pytest.raises(DatasetError, match="no train row has an entity"):
        check_types({"train": new.take([0])})


def test_rows_to_be_answered_are_tokens_or_texts() -> None:
    given = entity_rows(table(tokens=[["Ana", "sang"]]), None)
    assert given.rows[0]["text"] == "Ana sang"
    asked = entity_rows(table(text=["Ana, then."]), None)
    assert asked.rows[0]["tokens"] == ["Ana", ",", "then", "."]
