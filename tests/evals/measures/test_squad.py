"""Answers from a text against the rules of the SQuAD 2.0 script."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tuneos.evals.benchmarks import references
from tuneos.evals.benchmarks.runs import DATA
from tuneos.evals.measures import score, squad
from tuneos.evals.statistics import interval

SETS = [DATA / "qa" / name / "test.jsonl" for name in ("squad_es_v2", "xquad_en")]


@pytest.mark.parametrize(
    ("golds", "answer", "exact", "f1"),
    [
        (["the Eiffel Tower"], "Eiffel tower.", 1, 1),
        (["Paris", "in Paris"], "in Paris", 1, 1),
        (["Paris, France"], "Paris", 0, 2 / 3),
        (["a b c"], "b c d", 0, 0.8),
        (["Ana"], "Ana", 1, 1),
        ([], "", 1, 1),
        ([], "Paris", 0, 0),
        (["Paris"], "", 0, 0),
        (["the"], "", 1, 1),
        (["Łódź"], "łódź", 1, 1),
        (["10,000"], "10000", 1, 1),
        (["x x y"], "x y y", 0, 2 / 3),
    ],
)
def test_one_question(golds: list[str], answer: str, exact: float, f1: float) -> None:
    row = squad.rows([golds], [answer])[0]
    assert row[:2] == pytest.approx([exact, f1])
    assert row[2] == bool(golds)
    wanted = references.squad([golds], [answer])
    assert (wanted["exact_match"], wanted["f1"]) == pytest.approx((exact, f1))


def test_answers_without_spaces_are_compared_by_character() -> None:
    row = squad.rows([["東京タワー"]], ["東京"])[0]
    assert row[:2] == pytest.approx([0, 4 / 7])


def test_no_answer_f1_is_left_out_where_every_question_has_one() -> None:
    assert set(score({"squad": squad.rows([["a b"]], ["b"])})) == {"exact_match", "f1"}


@pytest.mark.parametrize("path", SETS, ids=lambda p: p.parent.name)
def test_real_questions_agree_with_the_script_to_the_last_digit(path: Path) -> None:
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    rng = np.random.default_rng(0)
    golds, answers = [], []
    with path.open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            golds.append([] if row["is_impossible"] else row["answers"]["text"])
            words = (golds[-1][0] if golds[-1] else row["context"][:30]).split() or [""]
            start = int(rng.integers(0, len(words)))
            cut = " ".join(words[start : start + int(rng.integers(0, 4))])
            answers.append(golds[-1][0] if golds[-1] and rng.random() < 0.4 else cut)
    stats = {"squad": squad.rows(golds, answers)}
    wanted = references.squad(golds, answers)
    found = score(stats)
    assert {k: f"{v:.6f}" for k, v in found.items()} == {k: f"{v:.6f}" for k, v in wanted.items()}
    for metric in found:
        low, high = interval(metric, stats, seed=0)
        assert low <= wanted[metric] <= high
