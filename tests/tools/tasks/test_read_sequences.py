"""Files of the sequence tasks as people have them, right and wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tuneos.evals.benchmarks.runs import DATA
from tuneos.tools.datasets.read import read_data
from tuneos.tools.datasets.types import RawData
from tuneos.tools.errors import DatasetError


def jsonl(folder: Path, rows: Sequence[dict[str, Any]], name: str = "train.jsonl") -> Path:
    """Write rows, one object a line."""
    path = folder / name
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def read(folder: Path, rows: Sequence[dict[str, Any]], task: str | None = None) -> RawData:
    return read_data(jsonl(folder, rows), task=task)


def refusal(folder: Path, rows: Sequence[dict[str, Any]], task: str | None = None) -> str:
    with pytest.raises(DatasetError) as caught:
        read(folder, rows, task)
    assert "\n" not in str(caught.value)
    return str(caught.value)


USER, ASSISTANT = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}
PAIR = {"source": "Good day", "target": "Guten Tag"}
PROGRAM = {
    "prompt": "Double it.",
    "solution": "def f(n):\n    return 2 * n",
    "tests": ["assert f(1) == 2", "assert f(0) == 0"],
}
SUM = {"question": "1 + 1?", "solution": "1 + 1 = <<1+1=2>>2\n#### 2", "answer": "2"}


@pytest.mark.parametrize(
    ("folder", "task", "rows"),
    [
        ("translation/tatoeba_en_de", "translation", (5000, 500, 1000)),
        ("summarisation/scitldr", "summarisation", (320, 80, 618)),
        ("dialogue/sgd", "dialogue", (2691, 498, 1155)),
        ("code_generation/mbpp", "code-generation", (374, 90, 500)),
        ("math_reasoning/gsm8k", "reasoning", (800, 80, 1319)),
    ],
)
def test_real_sets_are_read_without_options(
    folder: str, task: str, rows: tuple[int, int, int]
) -> None:
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not here")
    raw = read_data(DATA / folder)
    assert raw.task == task
    assert tuple(len(raw.splits[name]) for name in ("train", "validation", "test")) == rows


# Translation


def test_several_targets_are_references(tmp_path: Path) -> None:
    rows = [{"source": "Hi", "target": ["Hallo", "Hi"], "references": ["Servus", "Hi"]}]
    assert read(tmp_path, rows).splits["train"].rows[0] == {
        "source": "Hi",
        "target": "Hallo",
        "references": ["Hallo", "Hi", "Servus"],
        "source_lang": "",
        "target_lang": "",
    }


def test_two_columns_called_as_languages_are_a_translation(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("de,en\nGuten Tag,Good day\nJa,Yes\n", "utf-8")
    raw = read_data(path)
    assert raw.task == "translation"
    assert any("translating en to de" in guess for guess in raw.guesses)
    row = raw.splits["train"].rows[0]
    assert (row["source"], row["source_lang"], row["target_lang"]) == ("Good day", "en", "de")
    turned = read_data(path, task="translation", text="de", label="en").splits["train"].rows[0]
    assert (turned["source"], turned["target_lang"]) == ("Guten Tag", "en")


@pytest.mark.parametrize(
    ("names", "source"),
    [
        (("train.en", "train.de"), "yes"),
        (("train.src", "train.tgt"), "yes"),
        (("train.de-en.en", "train.de-en.de"), "ja"),
        (("train.fr", "train.es"), "ja"),  # by the alphabet, es first
    ],
)
def test_parallel_files_are_read_by_line(
    tmp_path: Path, names: tuple[str, str], source: str
) -> None:
    (tmp_path / names[0]).write_text("yes\n\nno\u2028way\n", "utf-8")
    (tmp_path / names[1]).write_bytes(b"ja\r\n\r\nnein\r\n")
    raw = read_data(tmp_path)
    assert raw.task == "translation"
    train = raw.splits["train"]
    assert len(train) == 2
    assert train.texts[0] == source
    assert train.places[1].endswith("line 3")
    assert {"no\u2028way", "nein"} == {train.rows[1]["source"], train.rows[1]["target"]}


def test_parallel_files_of_different_length_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train.en").write_text("a b\nc d\ne f\n")
    (tmp_path / "train.de").write_text("a b\nc d\n")
    with pytest.raises(DatasetError, match=r"train.en has 3 lines and train.de has 2: each line"):
        read_data(tmp_path)


def test_a_parallel_split_without_its_twin_is_refused(tmp_path: Path) -> None:
    for name in ("train.en", "train.de", "test.en"):
        (tmp_path / name).write_text("a b\n")
    with pytest.raises(DatasetError, match=r"test.en for the test split, but train ends in"):
        read_data(tmp_path)


def test_a_blank_line_on_one_side_is_an_empty_target(tmp_path: Path) -> None:
    (tmp_path / "train.en").write_text("a b\nc d\n")
    (tmp_path / "train.de").write_text("a b\n\n")
    with pytest.raises(DatasetError, match=r"column 'de' is empty in 1 of 2 rows: train.en line 2"):
        read_data(tmp_path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([PAIR, {"source": "x", "target": ""}], "column 'target' is empty in 1 of 2 rows: "
         "train.jsonl line 2; fill it in or delete those rows"),
        ([PAIR, {"quelle": "x", "ziel": "y"}], "train.jsonl line 2 calls its source 'quelle', "
         "other rows call it 'source'"),
        ([PAIR, {"src": "x", "target": "y"}], "train.jsonl line 2 calls its source 'src'"),
        ([{"source": ["x"], "target": "y"}], "train.jsonl line 1: column 'source' holds a list"),
        ([{"source": "x", "target": ["y", ""]}], "column 'target' must hold texts only"),
        ([{"source": "x", "target": [1]}], "column 'target' must hold texts only"),
    ],
)  # fmt: skip
def test_wrong_pairs_are_refused(tmp_path: Path, rows: list[dict[str, Any]], message: str) -> None:
    assert message in refusal(tmp_path, rows)


def test_a_text_without_target_column_is_told_what_to_call_it(tmp_path: Path) -> None:
    said = refusal(tmp_path, [{"source": "x", "german": "y"}], "translation")
    assert "train.jsonl has no target; the columns are: source, german" in said
    assert "--label COLUMN" in said


def test_other_names_are_understood_where_all_rows_use_them(tmp_path: Path) -> None:
    raw = read(tmp_path, [{"quelle": "Hund", "ziel": "dog"}] * 2)
    assert raw.task == "translation"
    assert raw.splits["train"].rows[0]["target"] == "dog"


def test_a_blank_source_is_left_out_of_train_and_kept_in_test(tmp_path: Path) -> None:
    jsonl(tmp_path, [PAIR, {"source": " ", "target": "x"}])
    jsonl(tmp_path, [PAIR, {"source": "", "target": "x"}], "test.jsonl")
    raw = read_data(tmp_path)
    assert (len(raw.splits["train"]), len(raw.splits["test"])) == (1, 2)
    assert [oddity.kind for oddity in raw.oddities] == ["blank_text", "blank_text"]


# Summarisation


def test_all_summaries_are_references(tmp_path: Path) -> None:
    raw = read(tmp_path, [{"document": "A. B.", "summary": "a", "summaries": ["a", "b"]}])
    assert raw.task == "summarisation"
    assert raw.splits["train"].rows[0]["references"] == ["a", "b"]


# Dialogue


def test_every_answer_of_the_assistant_is_a_row(tmp_path: Path) -> None:
    more = [USER, ASSISTANT, {"role": "User", "content": "Bye"}, ASSISTANT]
    chat = {"id": "c", "messages": [{"role": "system", "content": "Be kind."}, *more]}
    raw = read(tmp_path, [chat])
    train = raw.splits["train"]
    assert raw.task == "dialogue"
    assert train.ids == ("c-2", "c-4")
    assert train.texts[0] == "system: Be kind.\nuser: Hi"
    assert train.places[1] == "train.jsonl line 1, turn 5"
    assert [m["role"] for m in train.rows[1]["messages"]] == [
        "system", "user", "assistant", "user",
    ]  # fmt: skip
    assert train.rows[0]["dialogue"] == train.rows[1]["dialogue"]


def test_annotations_of_the_last_user_turn_stand_with_the_answer(tmp_path: Path) -> None:
    turns = [
        {"role": "user", "text": "To Bern", "intent": "Trains", "slots": {"to": "Bern"}},
        {"role": "assistant", "text": "When?"},
        {"role": "user", "text": "At 9", "intent": "Trains", "slots": {"to": "Bern", "at": ["9"]}},
        {"role": "assistant", "text": "Done."},
    ]
    rows = read(tmp_path, [{"turns": turns}]).splits["train"].rows
    assert rows[0]["slots"] == {"to": "Bern"}
    assert (rows[1]["intent"], rows[1]["slots"]) == ("Trains", {"to": "Bern", "at": "9"})


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([USER], "train.jsonl line 2: the chat needs an assistant's turn that answers something"),
        ([ASSISTANT, USER], "(its only one opens the chat)"),
        ([USER, {"role": None, "content": "x"}], "train.jsonl line 2, turn 2 has no role"),
        ([USER, {"content": "x"}], "turn 2 has no role; say 'system' or 'user' or 'assistant'"),
        ([USER, {"role": "bot", "content": "x"}], "has the role 'bot'; known roles: system, user"),
        ([USER, {"role": 3, "content": "x"}], "has the role 3; known roles"),
        ([USER, {"role": "assistant", "content": " "}], "turn 2 (assistant) is empty"),
        ([USER, {"role": "assistant", "content": None}], "turn 2 (assistant) is empty"),
        ([USER, {"role": "assistant", "content": 5}], "turn 2: its content must be a text"),
        ([USER, "Hello"], "turn 2 is no object with role and content"),
        ([], "a chat must be a list of turns"),
        ("Hi", "a chat must be a list of turns"),
        ([{**USER, "intent": "x", "slots": "city"}, ASSISTANT], "turn 1: slots must be an object"),
        ([USER, {"role": "assistant", "content": [{"type": "image"}]}], "parts other than text"),
    ],
)
def test_wrong_chats_are_refused(tmp_path: Path, messages: Any, message: str) -> None:
    rows = [{"messages": [USER, ASSISTANT]}, {"messages": messages}]
    said = refusal(tmp_path, rows)
    assert message in said
    assert said.startswith("train.jsonl line 2")


def test_a_dialogue_stays_on_one_side_of_a_split(tmp_path: Path) -> None:
    from tuneos.tools.datasets.splits import make_splits

    chats = [
        {"messages": [{"role": "user", "content": f"Hi {i}"}, ASSISTANT, USER, ASSISTANT]}
        for i in range(40)
    ]
    splits = make_splits(read(tmp_path, chats), seed=1)
    sides = [{row["dialogue"] for row in split.rows} for split in splits.values()]
    assert all(sides)
    assert sum(map(len, sides)) == len(set().union(*sides)) == 40


# Code


def test_a_programs_tests_and_setup_are_read(tmp_path: Path) -> None:
    raw = read(tmp_path, [{**PROGRAM, "test_setup": "import math", "entry_point": "f"}])
    assert raw.task == "code-generation"
    assert any("are run on this machine" in guess for guess in raw.guesses)
    row = raw.splits["train"].rows[0]
    assert (row["setup"], row["entry_point"], len(row["tests"])) == ("import math", "f", 2)


def test_a_check_function_is_called_with_the_entry_point(tmp_path: Path) -> None:
    test = "def check(candidate):\n    assert candidate(1) == 2\n"
    row = {"prompt": "p", "canonical_solution": "s = 1", "test": test, "entry_point": "f"}
    assert read(tmp_path, [row]).splits["train"].rows[0]["tests"] == [f"{test}check(f)\n"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tests": ["assert f(1) == 2", "assert f(1) = 2"]},
         "train.jsonl line 2: test 2 of 2 is not valid Python"),
        ({"tests": []}, "column 'tests' is empty in 1 of 2 rows: train.jsonl line 2"),
        ({"tests": [""]}, "column 'tests' is empty in 1 of 2 rows"),
        ({"solution": ""}, "column 'solution' is empty in 1 of 2 rows"),
        ({"setup": "import"}, "train.jsonl line 2: its setup is not valid Python"),
    ],
)  # fmt: skip
def test_wrong_programs_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    assert message in refusal(tmp_path, [{"setup": "", **PROGRAM}, {**PROGRAM, **change}])


# Reasoning


def test_an_answer_at_the_end_of_its_solution_is_found(tmp_path: Path) -> None:
    raw = read(tmp_path, [{"question": "1 + 1?", "answer": "1 + 1 = 2\n#### 2"}])
    assert raw.task == "reasoning"
    assert raw.splits["train"].rows[0] == {
        "question": "1 + 1?",
        "solution": "1 + 1 = 2\n#### 2",
        "answer": "2",
    }


@pytest.mark.parametrize("answer", [None, "", "  "])
def test_a_missing_answer_is_refused(tmp_path: Path, answer: str | None) -> None:
    said = refusal(tmp_path, [SUM, {**SUM, "answer": answer}])
    assert "column 'answer' is empty in 1 of 2 rows: train.jsonl line 2" in said


def test_an_answer_that_is_all_mark_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, [SUM, {**SUM, "answer": "#### "}])
    assert said.startswith("train.jsonl line 2: the answer is missing")


def test_a_number_may_be_the_answer(tmp_path: Path) -> None:
    raw = read(tmp_path, [{**SUM, "answer": 2}, {**SUM, "answer": 2.5}])
    assert [row["answer"] for row in raw.splits["train"].rows] == ["2", "2.5"]
