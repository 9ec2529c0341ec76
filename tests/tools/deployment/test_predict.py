"""Predictions over a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tuneos.tools.datasets.types import Split
from tuneos.tools.deployment import predict
from tuneos.tools.deployment.model import Model
from tuneos.tools.deployment.predict import Inputs, answers, read_inputs
from tuneos.tools.deployment.saved import SavedModel
from tuneos.tools.errors import DatasetError, ModelError
from tuneos.tools.tasks import find_task
from tuneos.tools.tasks.task import Answer
from tuneos.tools.tasks.text_classification import TASK, label_answers

GOOD: dict[str, tuple[str, str, str | None, list[str], list[Any]]] = {
    "lines": ("x.txt", "one\ntwo\n", None, ["one", "two"], [None, None]),
    "no last newline": ("x.txt", "one\ntwo", None, ["one", "two"], [None, None]),
    "Windows lines": ("x.txt", "one\r\ntwo\r\n", None, ["one", "two"], [None, None]),
    "blank line": ("x.txt", "one\n\ntwo\n", None, ["one", "", "two"], [None] * 3),
    "odd separators": ("x.txt", "o\u2028ne\ntwo\x85", None, ["o\u2028ne", "two\x85"], [None] * 2),
    "any suffix": ("x.log", "one, two\n", None, ["one, two"], [None]),
    "csv": ("x.csv", "id,text\n7,one\nb,two\n", None, ["one", "two"], ["7", "b"]),
    "csv quoted": ("x.csv", 'text,n\n"a, b\nc",1\n', None, ["a, b\nc"], [None]),
    "csv other name": ("x.csv", "n,review\n1,one\n", None, ["one"], [None]),
    "csv named": ("x.csv", "text,title\none,two\n", "title", ["two"], [None]),
    "csv one column": ("x.csv", "anything\none\n", None, ["one"], [None]),
    "csv long cell": ("x.csv", f"text\n{'a' * 200_000}\n", None, ["a" * 200_000], [None]),
    "csv header only": ("x.csv", "text,id\n", None, [], []),
    "tsv": ("x.tsv", "id\ttext\n7\tone, two\n", None, ["one, two"], ["7"]),
    "jsonl": ("x.jsonl", '{"id": 7, "text": "a"}\n\n{"text": "b"}\n', None, ["a", "b"], [7, None]),
    "jsonl bare": ("x.jsonl", '"one"\n"two"\n', None, ["one", "two"], [None, None]),
    "jsonl named": ("x.ndjson", '{"a": "one", "text": "no"}\n', "a", ["one"], [None]),
}  # fmt: skip
BAD: dict[str, tuple[str, str, str | None, str]] = {
    "csv without column": ("x.csv", "a,b\n1,2\n", None, "no column 'text'; there are a, b; name"),
    "csv named wrongly": ("x.csv", "text\none\n", "txt", "no column 'txt'; there are text"),
    "csv short row": ("x.csv", "id,text\n1,one\n2\n", None, "row 3: has not as many cells"),
    "csv long row": ("x.csv", "id,text\n1,one\n2,two,3\n", None, "row 3: has not as many cells"),
    "empty": ("x.csv", "", None, "is empty"),
    "old encoding": ("x.txt", "caf\udce9 cr\udce8me", None, "is not UTF-8"),
    "jsonl broken": ("x.jsonl", '{"text": "one"}\n{"text": \n', None, "line 2: not JSON"),
    "jsonl without text": ("x.jsonl", '{"a": "one"}\n', None, "line 1: no text in 'text'"),
    "jsonl number": ("x.jsonl", '{"text": 5}\n', None, "line 1: no text in 'text'"),
    "jsonl list": ("x.jsonl", "[1]\n", None, "line 1: no text in 'text'"),
    "jsonl named wrongly": ("x.jsonl", '{"text": "one"}\n', "txt", "line 1: no text in 'txt'"),
}


CONLL = "Ada B-PER\nflew O\n\nto O\nOslo B-LOC\n"
SQUAD = {
    "data": [
        {"paragraphs": [{"context": "Ada is here.", "qas": [{"id": "q1", "question": "Who?"}]}]}
    ]
}


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.conll", CONLL), ("x.conll", "Ada\nflew\n\nto\nOslo\n"), ("x.txt", CONLL)],
    ids=["tagged", "untagged", "by its shape"],
)
def test_conll_is_asked_by_its_tokens(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    found = read_inputs(tmp_path / name, find_task("token-classification"))
    assert [row["tokens"] for row in found.split.rows] == [["Ada", "flew"], ["to", "Oslo"]]


def test_questions_of_squad_are_asked_without_their_answers(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(SQUAD))
    found = read_inputs(tmp_path / "x.json", find_task("question-answering"))
    assert found.ids == ["q1"]
    assert found.split.rows[0]["question"] == "Who?"


def test_parquet_is_asked_by_its_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [7], "text": ["one"]}), tmp_path / "x.parquet")
    found = read_inputs(tmp_path / "x.parquet", TASK)
    assert (list(found.split.texts), found.ids) == (["one"], [7])


@pytest.mark.parametrize("case", GOOD)
def test_inputs_are_read(case: str, tmp_path: Path) -> None:
    name, content, column, texts, ids = GOOD[case]
    (tmp_path / name).write_bytes(content.encode())
    found = read_inputs(tmp_path / name, TASK, column)
    assert list(found.split.texts) == texts
    assert found.ids == ids


@pytest.mark.parametrize("case", BAD)
def test_bad_inputs_are_refused_with_file_and_row(case: str, tmp_path: Path) -> None:
    name, content, column, said = BAD[case]
    (tmp_path / name).write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(DatasetError) as caught:
        read_inputs(tmp_path / name, TASK, column)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such file"):
        read_inputs(tmp_path / "gone.txt", TASK)


def model(found: list[list[float]]) -> Model:
    """A model of two labels whose probabilities are these."""
    card = SavedModel(
        task=TASK.name, strategy="full", encoder="none", labels=("no", "yes"), base_model=""
    )

    def answer(split: Split, _: object) -> list[Answer]:
        return label_answers(np.array(found)[: len(split)], card.labels)

    return Model(TASK, card, Path("the-model"), None, answer)


def asked(*texts: str) -> Split:
    n = len(texts)
    return Split(texts, ("",) * n, (None,) * n, ("",) * n)


def test_answers_have_the_inputs_id_where_it_had_one() -> None:
    inputs = Inputs(asked("a", "b"), [7, None])
    assert list(answers(model([[0.25, 0.75], [0.9, 0.1]]), inputs)) == [
        {"id": 7, "label": "yes", "score": 0.75},
        {"label": "no", "score": 0.9},
    ]


def test_answers_come_in_batches_with_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "BATCH", 2)
    told: list[tuple[int, int]] = []
    found = model([[0.25, 0.75], [0.9, 0.1]])
    inputs = Inputs(asked(*"aaaaa"), list(range(5)))
    said = list(answers(found, inputs, lambda *x: told.append(x)))
    assert [a["id"] for a in said] == [0, 1, 2, 3, 4]
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_answer_that_is_no_probability_is_refused() -> None:
    broken = model([[float("nan"), float("nan")]])
    with pytest.raises(ModelError, match="model the-model:"):
        list(answers(broken, Inputs(asked("a"), [None])))
