"""Intents and slots count where they are annotated, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tuneos.evals.measures import score
from tuneos.tools.datasets.asked import read_asked
from tuneos.tools.datasets.types import Split
from tuneos.tools.errors import DatasetError
from tuneos.tools.tasks.dialogue import TASK


def row(**more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "x"}], "reply": "a b c d", **more}


def split_of(*rows: dict[str, Any]) -> Split:
    n = len(rows)
    return Split(("x",) * n, ("",) * n, (None,) * n, ("",) * n, rows)


def test_shares_are_over_what_is_annotated() -> None:
    split = split_of(row(intent="A", slots={"x": "1", "y": "2"}), row(intent="B", slots={}), row())
    answers = [
        {"text": "a b c d", "intent": "A", "slots": {"x": "1", "y": "3", "z": "4"}},
        {"text": "a b c d", "intent": "A", "slots": {"x": "1"}},
        {"text": "e f g h", "intent": "A", "slots": {}},
    ]
    found = score(TASK.stats(split, answers))
    assert (found["intent_accuracy"], found["slot_accuracy"]) == (0.5, 0.5)
    assert "nll" not in found


def test_without_annotations_there_is_no_such_figure() -> None:
    found = score(TASK.stats(split_of(row()), [{"text": "a", "_nll": 3.0, "_tokens": 2}]))
    assert "intent_accuracy" not in found
    assert found["nll"] == 1.5


def test_chats_and_plain_texts_can_be_asked(tmp_path: Path) -> None:
    path = tmp_path / "ask.jsonl"
    path.write_text('{"messages": [{"role": "user", "content": "Hi"}]}\n')
    assert TASK.ask(read_asked(path), None).texts == ("user: Hi",)
    path.write_text('"Hello"\n')
    assert TASK.ask(read_asked(path), None).rows[0]["messages"] == [
        {"role": "user", "content": "Hello"}
    ]
    path.write_text('{"utterance": "Hi"}\n')
    with pytest.raises(DatasetError, match="no column of chats; the columns are: utterance"):
        TASK.ask(read_asked(path), None)
    assert TASK.ask(read_asked(path), "utterance").texts == ("user: Hi",)


def test_a_wrong_chat_that_is_asked_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ask.jsonl"
    path.write_text('{"messages": [{"role": "bot", "content": "Hi"}]}\n')
    with pytest.raises(DatasetError, match=r"line 1, turn 1 has the role 'bot'"):
        TASK.ask(read_asked(path), None)
