"""What the report shows of the test split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuneos.evals.measures import bleu, chrf, classes, entities, squad
from tuneos.graphs.shown import EXAMPLES, WORST, story_parts, worst
from tuneos.tools.datasets.types import Split
from tuneos.tools.tasks import find_task


def split(texts: list[str], rows: list[dict[str, Any]], labels: list[str] | None = None) -> Split:
    places = tuple(f"test.jsonl row {i}" for i in range(1, len(texts) + 1))
    return Split(
        texts=tuple(texts),
        labels=tuple(labels or [""] * len(texts)),
        ids=places,
        places=places,
        rows=tuple(rows),
    )


def written(folder: Path, answers: list[dict[str, Any]]) -> Path:
    path = folder / "chosen.jsonl"
    path.write_text("".join(json.dumps(a) + "\n" for a in answers), encoding="utf-8")
    return path


def test_classes_have_a_confusion_figures_and_the_surest_errors(tmp_path: Path) -> None:
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.8, 0.2]])
    stats = {"classes": classes.rows(np.array([0, 0, 1]), probabilities)}
    answers = [{"label": "ab"[i], "score": s} for i, s in ((0, 0.9), (1, 0.7), (0, 0.8))]
    test = split(["one", "two", "three"], [], ["a", "a", "b"])
    task = find_task("text-classification")
    found = story_parts(task, "macro_f1", test, stats, written(tmp_path, answers), ["a", "b"])
    assert found["confusion"] == [[1, 1], [1, 0]]
    assert [(r.name, r.recall, r.support) for r in found["per_label"]] == [
        ("a", 0.5, 2),
        ("b", 0, 1),
    ]
    assert [(w.text, w.label, w.predicted, w.score) for w in found["worst"]] == [
        ("three", "b", "a", 0.8),
        ("two", "a", "b", 0.7),
    ]
    assert found["examples"] == []
    assert found["signatures"] == {}


def test_choices_without_names_have_no_confusion(tmp_path: Path) -> None:
    stats = {"classes": classes.rows(np.array([0]), np.array([[0.1, 0.9]]))}
    answers = written(tmp_path, [{"label": "b", "score": 0.9}])
    test = split(["which?"], [], ["a"])
    found = story_parts(find_task("text-classification"), "accuracy", test, stats, answers, [])
    assert found["confusion"] == []
    assert found["per_label"] == []
    assert len(found["worst"]) == 1


def test_entities_are_listed_by_type(tmp_path: Path) -> None:
    row = {
        "text": "in Oslo",
        "tokens": ["in", "Oslo"],
        "offsets": [[0, 2], [3, 7]],
        "tags": ["O", "B-LOC"],
    }
    stats = {"entities": entities.rows([[("LOC", 1, 2)]], [[]], ["LOC"])}
    answers = written(tmp_path, [{"spans": []}])
    task, labels = find_task("token-classification"), ["B-LOC", "I-LOC", "O"]
    found = story_parts(task, "f1", split(["in Oslo"], [row]), stats, answers, labels)
    assert found["per_label_of"] == "entity type"
    assert [r.name for r in found["per_label"]] == ["LOC"]
    assert found["confusion"] == []
    (shown,) = found["worst"]
    assert (shown.label, shown.predicted, shown.score) == ("Oslo (LOC)", "none", None)


class Translating:
    """Just enough of a task to be shown."""

    name = "translation"

    def gold(self, split: Split, row: int) -> str:
        return str(split.rows[row]["target"])

    def shown(self, answer: dict[str, Any]) -> str:
        return str(answer["text"])


def test_texts_have_examples_and_signatures(tmp_path: Path) -> None:
    n = 20
    rows = [
        {"target": f"Satz {i}", "references": [f"Satz {i}"], "target_lang": "zh"} for i in range(n)
    ]
    given = [f"Satz {i}" if i % 2 else "" for i in range(n)]
    golds = [[f"Satz {i}"] for i in range(n)]
    stats = {"bleu": bleu.rows(golds, given, language="zh"), "chrf": chrf.rows(golds, given)}
    answers = written(tmp_path, [{"text": g} for g in given])
    test = split([f"sentence {i}" for i in range(n)], rows)
    found = story_parts(Translating(), "chrf", test, stats, answers, [])
    assert len(found["examples"]) == EXAMPLES
    assert found["examples"][0].text == "sentence 0"
    assert found["examples"][-1].predicted == "Satz 19"
    assert {w.predicted for w in found["worst"]} == {""}
    assert "tok:zh" in found["signatures"]["bleu"]
    assert found["signatures"]["chrf"].startswith("nrefs:1|")
    assert found["per_label"] == []


def test_the_worst_rows_are_furthest_from_right_then_surest() -> None:
    stats = {"squad": squad.rows([["a"], ["b"], ["c d"], ["e"]], ["x", "y", "d", "e"])}
    answers = [{"score": 0.2}, {"score": 0.9}, {"score": 0.99}, {}]
    assert worst("f1", stats, answers) == [1, 0, 2]
    many = {"squad": squad.rows([["a"]] * 30, ["x"] * 30)}
    assert worst("f1", many, [{}] * 30) == list(range(WORST))


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ({"question": "who?", "context": "long"}, "who?"),
        ({"head": {"text": "A"}, "tail": {"text": "B"}}, "A → B: the text"),
        ({}, "the text"),
    ],
)
def test_what_was_asked_is_shown(row: dict[str, Any], wanted: str, tmp_path: Path) -> None:
    stats = {"squad": squad.rows([["a"]], ["x"])}
    answers = written(tmp_path, [{"text": "x"}])
    test = split(["the text"], [{**row, "target": "a"}])
    (shown,) = story_parts(Translating(), "f1", test, stats, answers, [])["worst"]
    assert shown.text == wanted
