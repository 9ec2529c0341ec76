"""The second way to compute metrics, from a test file and what was answered."""

from __future__ import annotations

from typing import Any

import pytest
from tuneos.evals.benchmarks.references import recompute

TOKENS = {
    "tokens": ["Ana", "flew", "to", "New", "York"],
    "tags": ["B-PER", "O", "O", "B-LOC", "I-LOC"],
}


def span(start: int, end: int, label: str = "PER") -> dict[str, Any]:
    return {"start": start, "end": end, "label": label}


TEXT = {"text": "Ana flew", "spans": [span(0, 3)]}


@pytest.mark.parametrize(
    ("task", "row", "answer", "metric", "value"),
    [
        ("text-classification", {"label": "a"}, {"label": "b"}, "macro_f1", 0),
        ("text-classification", {"label": "a"}, {"label": "b"}, "accuracy", 0),
        (
            "multi-label-classification",
            {"labels": ["a", "b"]},
            {"labels": ["a"], "scores": {"a": 0.9, "b": 0.2}},
            "micro_f1",
            2 / 3,
        ),
        (
            "token-classification",
            TOKENS,
            {"spans": [span(12, 20, "LOC"), span(4, 8)]},
            "f1",
            0.5,
        ),
        ("token-classification", TEXT, {"spans": [span(0, 3)]}, "f1", 1),
        ("token-classification", TEXT, {"spans": [span(0, 8)]}, "f1", 0),
        ("relation-extraction", {"label": "A(e1,e2)"}, {"label": "A(e2,e1)"}, "macro_f1", 0),
        ("question-answering", {"is_impossible": True}, {"answer": ""}, "no_answer_f1", 1),
        (
            "question-answering",
            {"is_impossible": False, "answers": {"text": ["the sea", "a lake"]}},
            {"answer": "Lake"},
            "exact_match",
            1,
        ),
        ("multiple-choice", {"label": "yes"}, {"choice": "no"}, "accuracy", 0),
        ("translation", {"target": "a b c d"}, {"text": "a b c d"}, "bleu", 100),
        ("summarisation", {"summaries": ["x", "one two"]}, {"text": "one two"}, "rougeL", 1),
        ("reasoning", {"answer": "1,000"}, {"answer": "$1000.00"}, "exact_match", 1),
        ("reasoning", {"answer": "18"}, {"answer": ""}, "exact_match", 0),
    ],
)  # fmt: skip
def test_one_row(
    task: str, row: dict[str, Any], answer: dict[str, Any], metric: str, value: float
) -> None:
    assert recompute(task, [row], [answer])[metric] == pytest.approx(value)


def test_there_is_no_second_way_for_programs_nor_for_more_answers_than_rows() -> None:
    assert recompute("code-generation", [{}], [{"text": ""}]) == {}
    assert recompute("text-classification", [{"label": "a"}], []) == {}
