"""Questions with choices, and pairs of texts, are read and checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tuneos.tools.datasets.read import read_data
from tuneos.tools.errors import DatasetError

Write = Callable[[str, str | bytes], Path]

ASKED: dict[str, Any] = {"question": "What is wet?", "choices": ["fire", "water"], "answer": 1}
PAIR: dict[str, Any] = {"first": "A cat sleeps.", "second": "A cat is awake.", "label": "no"}


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize("answer", [1, "1", "B", "b", "water", 1.0])
def test_answers_may_be_index_letter_or_words(write: Write, answer: object) -> None:
    raw = read_data(write("data.jsonl", lines(ASKED, {**ASKED, "answer": answer})))
    assert raw.task == "multiple-choice"
    assert [row["answer"] for row in raw.splits["train"].rows] == [1, 1]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"answer": 2}, ["'answer' is '2'", "2 choices, 0 to 1", "'fire', 'water'"]),
        ({"answer": -1}, ["'answer' is '-1'"]),
        ({"answer": "C"}, ["'answer' is 'C'"]),
        ({"answer": None}, ["'answer' is empty"]),
        ({"choices": ["fire"]}, ["fewer than two choices"]),
        ({"choices": ["fire", ""]}, ["choice 1 is empty"]),
        ({"choices": ["fire", "fire"]}, ["'fire' stands twice"]),
        ({"question": " "}, ["'question' is empty"]),
    ],
)
def test_a_wrong_question_is_told_with_its_place(
    write: Write, changed: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(DatasetError) as caught:
        read_data(write("data.jsonl", lines(ASKED, {**ASKED, **changed})))
    assert str(caught.value).startswith("data.jsonl line 2: ")
    assert all(word in str(caught.value) for word in words)


def test_yes_and_no_are_the_choices_of_every_row(write: Write) -> None:
    rows = [{"text": f"Is {i} a number?", "label": ["yes", "no"][i % 2]} for i in range(6)]
    raw = read_data(write("data.jsonl", lines(*rows)), task="multiple-choice")
    assert raw.splits["train"].rows[0] == {
        "question": "Is 0 a number?",
        "choices": ["no", "yes"],
        "answer": 1,
    }


@pytest.mark.parametrize("names", [("premise", "hypothesis"), ("sentence1", "sentence2")])
def test_pairs_are_found_by_their_usual_names(write: Write, names: tuple[str, str]) -> None:
    rows = [{names[0]: f"one {i}", names[1]: f"two {i}", "label": "ab"[i % 2]} for i in range(4)]
    raw = read_data(write("data.jsonl", lines(*rows)))
    assert raw.task == "sentence-pair"
    assert raw.splits["train"].rows[1] == {"first": "one 1", "second": "two 1", "label": "b"}


def test_scores_are_told_from_labels(write: Write) -> None:
    csv = "sentence1,sentence2,label\na b,a c,0.5\na b,a b,5\nc d,a b,0\n"
    raw = read_data(write("data.csv", csv))
    assert [row["score"] for row in raw.splits["train"].rows] == [0.5, 5.0, 0.0]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"second": ""}, ["'second' is empty", "the second text of the pair"]),
        ({"first": None}, ["'first' is empty"]),
        ({"label": None}, ["'label' is empty"]),
        ({"first": ["a"]}, ["a list or an object"]),
    ],
)
def test_a_wrong_pair_is_told_with_its_place(
    write: Write, changed: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(DatasetError) as caught:
        read_data(write("data.jsonl", lines(PAIR, {**PAIR, "label": "yes"}, {**PAIR, **changed})))
    assert str(caught.value).startswith("data.jsonl line 3: ")
    assert all(word in str(caught.value) for word in words)


def test_a_score_that_is_no_number_is_told(write: Write) -> None:
    csv = "first,second,score\na b,a c,0.5\na b,a b,high\n"
    with pytest.raises(DatasetError, match=r"data.csv row 3: 'score' is 'high', not a number"):
        read_data(write("data.csv", csv))


def test_one_label_only_is_told(write: Write) -> None:
    with pytest.raises(DatasetError, match="one label only, 'no'"):
        read_data(write("data.jsonl", lines(PAIR, PAIR)))
