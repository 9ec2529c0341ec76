"""Rows out of the domain are found beside the data or in a file, and shared out by their texts."""

import json
from pathlib import Path

import pytest
from tuneos.tools.datasets.odd import read_odd
from tuneos.tools.errors import DatasetError

TASK = "text-classification"


def write(path: Path, n: int, word: str = "odd") -> Path:
    path.write_text("".join(json.dumps({"text": f"{word} {i}"}) + "\n" for i in range(n)))
    return path


def test_a_file_is_halved_with_copies_on_one_side(tmp_path: Path) -> None:
    file = tmp_path / "others.jsonl"
    rows = [json.dumps({"text": f"odd {i // 2}"}) + "\n" for i in range(200)]
    file.write_text("".join(rows))
    found = read_odd(tmp_path, file, TASK, None)
    assert sum(map(len, found.values())) == 200
    assert not set(found["validation"].texts) & set(found["test"].texts)


def test_two_files_in_the_folder_serve_as_they_are_called(tmp_path: Path) -> None:
    write(tmp_path / "ood.jsonl", 30, "choose")
    write(tmp_path / "test_ood.jsonl", 40, "judge")
    found = read_odd(tmp_path, None, TASK, None)
    assert found["validation"].texts[0] == "choose 0"
    assert len(found["test"]) == 40


def test_a_file_that_is_named_goes_before_those_of_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "ood.jsonl", 30, "choose")
    found = read_odd(tmp_path, write(tmp_path / "mine.jsonl", 100, "mine"), TASK, None)
    assert all(t.startswith("mine") for t in found["validation"].texts)


def test_nothing_there_is_nothing(tmp_path: Path) -> None:
    assert read_odd(tmp_path, None, TASK, None) == {}


def test_too_few_rows_and_other_tasks_are_refused(tmp_path: Path) -> None:
    few = write(tmp_path / "few.jsonl", 10)
    with pytest.raises(DatasetError, match="at least 20"):
        read_odd(tmp_path, few, TASK, None)
    with pytest.raises(DatasetError, match="leave it out"):
        read_odd(tmp_path, few, "translation", None)
