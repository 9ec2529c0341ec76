"""What a person may answer at the terminal, and what they are shown."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console
from tuneos.agent.approval import ask_person, in_words, memory_words, read_answer
from tuneos.agent.chat.answers import asked
from tuneos.graphs.approval import Answer, Question

QUESTION = Question(
    tool="fine_tune",
    arguments={"strategy": "lora", "epochs": 8},
    reason="lora [tends] to help",
    seconds=400.0,
    why_asked="fine_tune above 60 s",
    known=("strategy", "epochs", "rank"),
)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", Answer(decision="approve")),
        (" YES ", Answer(decision="approve")),
        ("n", Answer(decision="refuse")),
        ("no, too dear", Answer(decision="refuse", words="too dear")),
        (
            "epochs=3, rank=4",
            Answer(decision="edit", arguments={"strategy": "lora", "epochs": 3, "rank": 4}),
        ),
    ],
)
def test_answer_is_read(said: str, expected: Answer) -> None:
    assert read_answer(said, QUESTION) == expected


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("perhaps", "say yes, no, or changes"),
        ("epochs=", "say yes, no, or changes"),
        ("colour=red", "known: strategy, epochs, rank"),
        ("rank=[1", "cannot be read"),
    ],
)
def test_answer_that_cannot_be_read_says_what_would_do(said: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_answer(said, QUESTION)


@pytest.mark.parametrize(
    ("memory", "free", "words"),
    [
        (None, None, ""),
        (1_240_000_000, 8_000_000_000, ", up to 1.2 GB of memory (8.0 GB free)"),
        (
            9_000_000_000,
            8_000_000_000,
            ", up to 9.0 GB of memory (8.0 GB free: smaller parts of a batch at a time)",
        ),
    ],
)
def test_memory_is_said_where_something_is_trained(
    memory: int | None, free: int | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = QUESTION.model_copy(update={"memory": memory, "free": free})
    assert memory_words(question) == words
    out = io.StringIO()
    monkeypatch.setattr("builtins.input", lambda *_: "no")
    ask_person(question, Console(file=out, width=200))
    assert f"about 7 min{words}; you are asked before" in out.getvalue()
    assert f"about 6 min 40 s{words} (your rule: fine_tune above 60 s)" in asked(question)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (40, "40 s"), (400, "7 min"), (9000, "2.5 h")]
)
def test_time_is_said_as_people_say_it(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_person_sees_the_step_its_cost_and_why_and_is_asked_until_it_can_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers: Iterator[str] = iter(["what?", "epochs=2"])
    monkeypatch.setattr("builtins.input", lambda *_: next(answers))
    out = io.StringIO()
    answer: Any = ask_person(QUESTION, Console(file=out, width=80))
    assert answer.arguments == {"strategy": "lora", "epochs": 2}
    shown = " ".join(out.getvalue().split())
    assert "fine_tune strategy=lora, epochs=8" in shown
    assert "lora [tends] to help" in shown
    assert "about 7 min; you are asked before: fine_tune above 60 s" in shown
    assert shown.count("[yes]:") == 2
