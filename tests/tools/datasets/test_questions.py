"""Rows of questions: what is read, repaired and refused, each with its place."""

from typing import Any

import pytest
from tuneos.tools.datasets.questions import question_rows, read_questions
from tuneos.tools.datasets.splits import make_splits
from tuneos.tools.datasets.tables import Table
from tuneos.tools.datasets.types import RawData
from tuneos.tools.errors import DatasetError

CONTEXT = "Ana sang in Ulm. Ben sang in Köln."


def table(**cells: Any) -> Table:
    count = len(next(iter(cells.values())))
    given = {"context": [CONTEXT] * count, "question": ["Who?"] * count, **cells}
    return Table("x.jsonl", given, [f"x.jsonl line {n}" for n in range(1, count + 1)])


@pytest.mark.parametrize(
    "answers",
    [
        {"text": ["Ben"], "answer_start": [17]},
        [{"text": "Ben", "answer_start": 17}],
        [{"text": "Ben", "start": 17}],
        "Ben",
    ],
)
def test_answers_are_read_however_they_are_written(answers: object) -> None:
    row = read_questions(table(answers=[answers])).split.rows[0]
    assert row["answers"] == [{"text": "Ben", "start": 17}]
    assert row["is_impossible"] is False


def test_no_answer_in_every_spelling() -> None:
    empty: list[object] = [[], None, "", {"text": [], "answer_start": []}]
    split = read_questions(table(answers=empty)).split
    assert [row["is_impossible"] for row in split.rows] == [True] * 4
    assert split.labels == ("no answer",) * 4


def test_text_is_all_that_an_answer_depends_on() -> None:
    split = read_questions(table(answers=["Ana"])).split
    assert split.texts == (f"{CONTEXT}\nWho?",)
    assert split.labels == ("",)


def test_answer_that_stands_once_elsewhere_is_moved_and_told() -> None:
    rows = read_questions(table(answers=[[{"text": "Köln", "start": 3}]]))
    assert rows.split.rows[0]["answers"][0]["start"] == CONTEXT.index("Köln")
    assert rows.oddities[0].kind == "moved_answer"
    assert rows.oddities[0].place == "x.jsonl line 1"


def test_blank_answer_beside_others_is_left_out_and_told() -> None:
    rows = read_questions(table(answers=[{"text": ["", "Ana"], "answer_start": [-1, 0]}]))
    assert rows.split.rows[0]["answers"] == [{"text": "Ana", "start": 0}]
    assert [o.kind for o in rows.oddities] == ["blank_answer"]


REFUSED = [
    ({"answers": [[{"text": "Eva", "start": 0}]]}, "line 1: the answer 'Eva' stands nowhere"),
    ({"answers": [[{"text": "sang", "start": 0}]]}, "'sang' stands several times .* not at"),
    ({"answers": ["sang"]}, "'sang' stands several times in its context; give"),
    ({"answers": ["Ana"], "is_impossible": [True]}, "is_impossible, yet has the answer 'Ana'"),
    ({"answers": [[]], "is_impossible": [False]}, "no answer, yet is_impossible is false"),
    ({"answers": ["Ana"], "question": [" "]}, "line 1 has no question"),
    ({"answers": ["Ana"], "context": [None]}, "line 1 has no context"),
    ({"answers": [{"text": ["Ana"], "answer_start": []}]}, "equally many"),
    ({"answers": [[{"text": "Ana", "start": "x"}]]}, "answer_start is 'x', not a whole number"),
    ({"note": ["Ana"]}, "no columns 'context', 'question' and 'answers'"),
]


@pytest.mark.parametrize(("cells", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_bad_rows_are_refused_by_place(cells: dict[str, Any], said: str) -> None:
    with pytest.raises(DatasetError, match=said) as caught:
        read_questions(table(**cells))
    assert "\n" not in str(caught.value)


def test_context_stays_on_one_side_of_made_splits() -> None:
    contexts = [f"{name} sang in Ulm." for name in "ABCDEFGHIJ" for _ in range(4)]
    split = read_questions(
        table(
            context=contexts,
            question=[f"Who {n}?" for n in range(40)],
            answers=[text[:1] for text in contexts],
        )
    ).split
    raw = RawData("x", "question-answering", (), {"train": split}, ())
    made = make_splits(raw, seed=0)
    sides = [{row["context"] for row in part.rows} for part in made.values()]
    assert sum(map(len, sides)) == len(set().union(*sides)) == 10
    assert all(sides)


def test_rows_to_be_answered_need_context_and_question() -> None:
    split = question_rows(table(id=["7"]))
    assert split.rows == ({"context": CONTEXT, "question": "Who?"},)
    with pytest.raises(DatasetError, match="not both 'context' and 'question'"):
        question_rows(Table("q.txt", {"text": ["Who?"]}, ["q.txt line 1"]))
