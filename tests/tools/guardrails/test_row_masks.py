"""Rows of every task are masked whole, and answers are led back to the rows as they were."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tuneos.tools.datasets.columns import Asked
from tuneos.tools.datasets.tables import Table
from tuneos.tools.datasets.types import Split
from tuneos.tools.guardrails.masked_rows import Masker
from tuneos.tools.guardrails.masker import bracketed, row_guard
from tuneos.tools.guardrails.personal_data import Finding
from tuneos.tools.tasks import TASKS, find_task

MAIL = "anna.berg@example.org"
SAID = f"Write to {MAIL} today"
AT = SAID.index(MAIL)
CHAT = [{"role": "user", "content": SAID, "intent": "mail", "slots": {"to": MAIL}}]
ROWS: dict[str, dict[str, Any]] = {
    "text-classification": {"text": SAID, "label": "x"},
    "multi-label-classification": {"text": SAID, "labels": ["x", "y"]},
    "token-classification": {
        "text": SAID,
        "spans": [{"start": AT, "end": AT + len(MAIL), "label": "EMAIL"}],
    },
    "relation-extraction": {
        "text": SAID,
        "head": {"text": "Write", "start": 0, "end": 5},
        "tail": {"text": MAIL, "start": AT, "end": AT + len(MAIL)},
        "label": "to",
    },
    "question-answering": {
        "context": SAID,
        "question": f"Is {MAIL} whom I write to?",
        "answers": {"text": [MAIL], "answer_start": [AT]},
    },
    "multiple-choice": {"question": SAID, "choices": [MAIL, "no"], "answer": 0},
    "sentence-pair": {"first": SAID, "second": MAIL, "label": "x"},
    "translation": {"source": SAID, "target": f"Schreib an {MAIL}"},
    "summarisation": {"source": SAID, "target": MAIL},
    "dialogue": {"messages": [*CHAT, {"role": "assistant", "content": f"Sent to {MAIL}"}]},
    "text-generation": {"control": "x", "text": SAID, "prompt": f"To {MAIL}"},
    "code-generation": {
        "prompt": SAID,
        "solution": f"def f():\n    return '{MAIL}'",
        "tests": [f"assert f() == '{MAIL}'"],
    },
    "reasoning": {"question": SAID, "solution": f"It is {MAIL}", "answer": MAIL},
    "language-modelling": {"text": SAID},
}


def read(name: str, *rows: dict[str, Any]) -> Split:
    table = Table(
        "data.jsonl",
        {key: [row[key] for row in rows] for key in rows[0]},
        [f"data.jsonl line {i}" for i in range(1, len(rows) + 1)],
    )
    return find_task(name).read(table, Asked(), train=True).split


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("mode", ["mask", "pseudonymise"])
def test_no_value_is_left_in_a_row_of_any_task(name: str, mode: str) -> None:
    split = read(name, ROWS[name], ROWS[name])
    assert MAIL in json.dumps([split.texts, split.rows])
    masked = row_guard(mode, None, lambda: bytes(32))(find_task(name), split)
    left = json.dumps([masked.split.texts, masked.split.rows, masked.split.labels])
    assert MAIL not in left
    assert masked.touched == (0, 1)
    assert len(masked.split.texts[0]) > 0
    assert masked.split.texts[0] == masked.split.texts[1]


def test_gold_still_points_at_the_same_words() -> None:
    relation = row_guard("mask", None, bytes)(
        find_task("relation-extraction"), read("relation-extraction", ROWS["relation-extraction"])
    ).split
    tail = relation.rows[0]["tail"]
    assert relation.rows[0]["text"][tail["start"] : tail["end"]] == "[EMAIL]" == tail["text"]
    assert "<e2>[EMAIL]</e2>" in relation.texts[0]
    asked = row_guard("mask", None, bytes)(
        find_task("question-answering"), read("question-answering", ROWS["question-answering"])
    ).split
    (answer,) = asked.rows[0]["answers"]
    at = answer["start"]
    assert asked.rows[0]["context"][at : at + len(answer["text"])] == "[EMAIL]"
    entities = read("token-classification", ROWS["token-classification"])
    masked = row_guard("mask", None, bytes)(find_task("token-classification"), entities).split
    assert masked.rows[0]["tags"] == entities.rows[0]["tags"]
    assert len(masked.rows[0]["tokens"]) == len(entities.rows[0]["tokens"])
    for token, (start, end) in zip(
        masked.rows[0]["tokens"], masked.rows[0]["offsets"], strict=True
    ):
        assert masked.rows[0]["text"][start:end] == token


def test_entities_are_led_back_to_the_words_as_they_were() -> None:
    task = find_task("token-classification")
    split = read("token-classification", ROWS["token-classification"])
    masked = row_guard("mask", None, bytes)(task, split)
    own = masked.split.rows[0]
    start, end = own["offsets"][-1]
    spans = [
        {"start": start, "end": end, "text": "today", "label": "DATE"},
        {"start": own["offsets"][2][0], "end": start - 1, "text": "?", "label": "EMAIL"},
    ]
    (answer,) = masked.led_back(task, split, [{"spans": spans}])
    found = [(SAID[s["start"] : s["end"]], s["text"]) for s in answer["spans"]]
    assert found == [("today", "today"), (MAIL, MAIL)]


def test_an_answer_is_led_back_into_the_context_as_it_was() -> None:
    task = find_task("question-answering")
    split = read("question-answering", ROWS["question-answering"])
    masked = row_guard("mask", None, bytes)(task, split)
    context = masked.split.rows[0]["context"]
    for said, wanted in (("today", "today"), ("MAIL", MAIL), ("to [EMAIL]", f"to {MAIL}")):
        at = context.index(said)
        given = {"answer": said, "start": at, "end": at + len(said), "score": 1.0}
        (answer,) = masked.led_back(task, split, [given])
        assert answer["answer"] == SAID[answer["start"] : answer["end"]] == wanted
    none = {"answer": "", "start": None, "end": None, "score": 1.0}
    assert masked.led_back(task, split, [none]) == [none]


def test_texts_are_looked_into_together_where_a_model_finds_faster() -> None:
    seen: list[str] = []

    def ahead(texts: Any, progress: Any) -> Any:
        seen.extend(texts)
        return lambda text: [Finding("PERSON", text.index("Anna"), text.index("Anna") + 4)]

    split = read("text-classification", *({"text": f"{w} Anna", "label": w} for w in "ab"))
    masker = Masker(bracketed, lambda text: [])
    from tuneos.tools.guardrails.row_masks import mask_rows

    masked = mask_rows(find_task("text-classification"), split, masker, ahead=ahead)
    assert seen == ["a Anna", "b Anna"]
    assert masked.split.texts == ("a [PERSON]", "b [PERSON]")
    assert len(masked.marks[0]) == 1
