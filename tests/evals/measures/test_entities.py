"""Strict entity F1 against seqeval."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2
from tuneos.evals.benchmarks import references
from tuneos.evals.benchmarks.runs import DATA
from tuneos.evals.measures import entities, score
from tuneos.evals.statistics import compare, interval

SETS = [DATA / "ner" / name / "test.jsonl" for name in ("wnut17", "ncbi_disease")]
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]


def scores(true: list[list[str]], given: list[list[str]]) -> dict[str, float]:
    return score({"entities": statistics(true, given)})


def statistics(true: list[list[str]], given: list[list[str]]) -> np.ndarray:
    types = sorted({tag[2:] for row in true + given for tag in row if tag != "O"})
    found = [[entities.entities(row) for row in side] for side in (true, given)]
    return entities.rows(found[0], found[1], types)


def noisy(true: list[list[str]], share: float, seed: int) -> list[list[str]]:
    """The same tags with some replaced by any other: many are not well formed."""
    rng = np.random.default_rng(seed)
    all_tags = sorted({tag for row in true for tag in row})
    return [[str(rng.choice(all_tags)) if rng.random() < share else t for t in r] for r in true]


@pytest.mark.parametrize("seed", range(8))
def test_strict_f1_is_that_of_seqeval_even_on_broken_tags(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true = [[str(t) for t in rng.choice(TAGS, rng.integers(1, 12))] for _ in range(60)]
    given = noisy(true, 0.3, seed)
    assert scores(true, given) == pytest.approx(references.entities(true, given), abs=1e-12)


def test_by_type_is_the_classification_report_of_seqeval() -> None:
    rng = np.random.default_rng(0)
    true = [[str(t) for t in rng.choice(TAGS, 8)] for _ in range(80)]
    given = noisy(true, 0.3, 1)
    report = classification_report(true, given, mode="strict", scheme=IOB2, output_dict=True)
    found = entities.by_type(statistics(true, given))
    for kind, row in zip(("LOC", "ORG", "PER"), found, strict=True):
        wanted = [report[kind][k] for k in ("precision", "recall", "f1-score", "support")]
        assert row == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ("O O", []),
        ("B-A I-A O B-A", [("A", 0, 2), ("A", 3, 4)]),
        ("B-A B-A", [("A", 0, 1), ("A", 1, 2)]),
        ("I-A I-A", []),
        ("B-A I-B", [("A", 0, 1)]),
        ("B-A I-B I-A", [("A", 0, 1)]),
        ("O I-A B-A", [("A", 2, 3)]),
        ("B-creative-work I-creative-work", [("creative-work", 0, 2)]),
        ("", []),
    ],
)
def test_entities_of_tags(tags: str, wanted: list[entities.Entity]) -> None:
    assert entities.entities(tags.split()) == wanted


def test_a_span_with_the_wrong_end_or_type_is_wrong() -> None:
    stats = entities.rows([[("A", 0, 5)]] * 3, [[("A", 0, 4)], [("B", 0, 5)], [("A", 0, 5)]], "AB")
    assert score({"entities": stats})["f1"] == pytest.approx(1 / 3)


def test_nothing_true_and_nothing_given_is_0() -> None:
    assert score({"entities": entities.rows([[]], [[]], ["A"])}) == {"f1": 0, "macro_f1": 0}


@pytest.mark.parametrize("path", SETS, ids=lambda p: p.parent.name)
def test_real_tags_agree_with_seqeval_to_the_last_digit(path: Path) -> None:
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    with path.open(encoding="utf-8") as lines:
        true = [json.loads(line)["tags"] for line in lines]
    given = noisy(true, 0.05, 0)
    stats = {"entities": statistics(true, given)}
    wanted = references.entities(true, given)["f1"]
    assert f"{score(stats)['f1']:.6f}" == f"{wanted:.6f}"
    low, high = interval("f1", stats, seed=0)
    assert low < wanted < high
    assert compare("f1", stats, {"entities": statistics(true, true)}, seed=0).high < 0
