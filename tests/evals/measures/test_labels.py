"""Sets of labels against scikit-learn, relations against the rules of SemEval's scorer."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score
from tuneos.evals.benchmarks.references import semeval
from tuneos.evals.benchmarks.runs import DATA
from tuneos.evals.measures import labelsets, relations, score, value
from tuneos.evals.measures.classes import calibration_gap
from tuneos.evals.statistics import compare, interval

SEMEVAL = DATA / "relation/semeval2010_task8/test.jsonl"


def labelled(n: int, n_labels: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, given labels and scores with ties, right more often than not."""
    rng = np.random.default_rng(seed)
    true = rng.random((n, n_labels)) < rng.uniform(0.05, 0.5, n_labels)
    scores = np.round(np.clip(true * 0.3 + rng.random((n, n_labels)) * 0.7, 0, 1), 2)
    return true, scores > 0.45, scores


@pytest.mark.parametrize("seed", range(5))
def test_label_sets_are_scored_as_scikit_learn_does(seed: int) -> None:
    true, given, scores = labelled(120, 7, seed)
    found = score({"labelsets": labelsets.rows(true, given, scores)})
    for average in ("macro", "micro", "weighted"):
        wanted = f1_score(true, given, average=average, zero_division=0)
        assert found[f"{average}_f1"] == pytest.approx(wanted, abs=1e-12)
    assert found["map"] == pytest.approx(average_precision_score(true, scores), abs=1e-12)
    assert found["accuracy"] == np.mean((true == given).all(axis=1))


def test_a_label_that_nothing_has_counts_0_in_macro_f1_and_not_in_map() -> None:
    true, given, scores = labelled(60, 4, 0)
    true[:, 2] = given[:, 2] = False
    found = score({"labelsets": labelsets.rows(true, given, scores)})
    wanted = f1_score(true, given, average="macro", zero_division=0)
    assert found["macro_f1"] == pytest.approx(wanted, abs=1e-12)
    kept = [0, 1, 3]
    wanted = average_precision_score(true[:, kept], scores[:, kept])
    assert found["map"] == pytest.approx(wanted, abs=1e-12)


def test_calibration_of_labels_is_over_every_label_of_every_row() -> None:
    true, given, scores = labelled(200, 6, 1)
    found = value("ece", {"labelsets": labelsets.rows(true, given, scores)})
    assert found == pytest.approx(calibration_gap(scores.ravel(), true.ravel().astype(int)))
    honest = np.full((4000, 2), 0.25)
    rare = np.random.default_rng(0).random((4000, 2)) < 0.25
    assert value("ece", {"labelsets": labelsets.rows(rare, rare, honest)}) < 0.02
    assert value("ece", {"labelsets": labelsets.rows(rare, rare, 1 - honest)}) > 0.45


@pytest.mark.parametrize("metric", labelsets.NAMES)
def test_a_resample_is_the_metric_of_the_rows_drawn(metric: str) -> None:
    stats = labelsets.rows(*labelled(80, 5, 3))
    rows = np.random.default_rng(0).integers(0, 80, 80)
    drawn = value(metric, {"labelsets": stats[rows]})
    assert labelsets.over(metric, stats)(rows) == pytest.approx(drawn, abs=1e-12)


def test_by_label_gives_precision_recall_f1_and_support() -> None:
    true = np.array([[1, 0], [1, 0], [0, 0]], bool)
    given = np.array([[1, 1], [0, 0], [0, 0]], bool)
    found = labelsets.by_label(labelsets.rows(true, given, given * 1.0))
    assert found == pytest.approx(np.array([[1, 0.5, 2 / 3, 2], [0, 0, 0, 0]]))


DIRECTED = [f"{name}({way})" for name in ("A-B", "C-D", "E-F") for way in ("e1,e2", "e2,e1")]


def answered(true: list[str], labels: list[str], right: float, seed: int) -> list[str]:
    """Answers of which this share is right, the others anything."""
    rng = np.random.default_rng(seed)
    return [t if rng.random() < right else str(rng.choice(labels)) for t in true]


@pytest.mark.parametrize("seed", range(5))
def test_relations_follow_the_rules_of_the_official_scorer(seed: int) -> None:
    labels = [*DIRECTED, "Other"]
    rng = np.random.default_rng(seed)
    true = [str(label) for label in rng.choice(labels, 90)]
    given = answered(true, labels, 0.6, seed)
    found = score({"relations": relations.rows(true, given, labels)})
    assert found == pytest.approx(semeval(true, given), abs=1e-12)


def test_a_relation_that_is_only_given_has_no_part_in_the_macro_mean() -> None:
    true, given = ["A-B(e1,e2)", "Other", "A-B(e2,e1)"], ["A-B(e1,e2)", "C-D(e1,e2)", "Other"]
    found = score({"relations": relations.rows(true, given, [*DIRECTED, "Other"])})
    assert found["macro_f1"] == pytest.approx(2 / 3)
    assert found == pytest.approx(semeval(true, given), abs=1e-12)


def test_a_wrong_direction_is_wrong_twice() -> None:
    stats = relations.rows(["A-B(e1,e2)"], ["A-B(e2,e1)"], DIRECTED)
    assert score({"relations": stats}) == {"macro_f1": 0, "micro_f1": 0, "accuracy": 0}
    assert relations.by_relation(stats, 3)[0].tolist() == [0, 0, 0, 1]


def test_labels_without_direction_are_relations_too() -> None:
    labels = ["born_in", "no_relation", "works_for"]
    true = ["born_in", "no_relation", "works_for", "works_for"]
    given = ["born_in", "works_for", "works_for", "no_relation"]
    found = score({"relations": relations.rows(true, given, labels)})
    wanted = f1_score(true, given, labels=["born_in", "works_for"], average="macro")
    assert found["macro_f1"] == pytest.approx(wanted, abs=1e-12)
    assert found["accuracy"] == 0.5


@pytest.mark.skipif(not SEMEVAL.exists(), reason=f"{SEMEVAL} is not on this machine")
def test_real_relations_agree_with_the_rules_to_the_last_digit() -> None:
    with SEMEVAL.open(encoding="utf-8") as lines:
        true = [json.loads(line)["label"] for line in lines]
    labels = sorted(set(true))
    given = answered(true, labels, 0.8, 1)
    stats = {"relations": relations.rows(true, given, labels)}
    wanted = semeval(true, given)
    for name, found in score(stats).items():
        assert f"{found:.6f}" == f"{wanted[name]:.6f}"
    low, high = interval("macro_f1", stats, seed=0)
    assert low < wanted["macro_f1"] < high
    worse = {"relations": relations.rows(true, answered(true, labels, 0.6, 2), labels)}
    assert compare("macro_f1", stats, worse, seed=0).low > 0
