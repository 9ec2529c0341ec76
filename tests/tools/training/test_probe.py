"""The cheap rungs, and labels the other rows contradict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tuneos.tools.datasets.splits import read_split, write_split
from tuneos.tools.datasets.types import Split
from tuneos.tools.deployment.load import load_classifier
from tuneos.tools.facts import JobProgress
from tuneos.tools.jobs.spec import JobSpec
from tuneos.tools.training import probe, score
from tuneos.tools.training.linear import softmax

MakeJob = Callable[..., JobSpec]


@pytest.mark.usefixtures("float32")
def test_probe_gives_the_cheap_rungs_cheapest_first(
    make_job: MakeJob, tiny_rows: Path, tmp_path: Path
) -> None:
    told: list[JobProgress] = []
    outcome = probe.run(make_job("probe"), tmp_path, told.append)
    names = [c.name for c in outcome.candidates]
    assert names == ["majority", "tfidf_linear", "frozen_linear"]
    validation = read_split(tiny_rows / "validation.jsonl")
    for candidate in outcome.candidates:
        model = load_classifier(tmp_path / candidate.folder)
        true = np.array([model.card.labels.index(x) for x in validation.labels])
        hits = model.probabilities(validation.texts).argmax(axis=1) == true
        assert hits.mean() == pytest.approx(candidate.validation["accuracy"])
    majority, tfidf, _ = (c.validation["accuracy"] for c in outcome.candidates)
    assert majority == pytest.approx(1 / 3)
    assert tfidf > 0.9
    assert outcome.frozen_seconds > 0
    assert told[-1].share <= 1


def test_rungs_can_be_left_out(make_job: MakeJob, tmp_path: Path) -> None:
    settings = {"tfidf_linear": False, "frozen_linear": False}
    outcome = probe.run(make_job("probe", settings=settings), tmp_path, lambda _: None)
    assert [c.name for c in outcome.candidates] == ["majority"]
    assert outcome.suspect_labels == ()


def test_majority_answers_the_most_frequent_class_for_any_text(
    make_job: MakeJob, tmp_path: Path
) -> None:
    texts = tuple(f"word{i}" for i in range(10))
    labels = ("b",) * 7 + ("a",) * 3
    rows = Split(texts, labels, (None,) * 10, tuple(f"x row {i}" for i in range(10)))
    for name in ("train", "validation"):
        write_split(tmp_path / f"{name}.jsonl", rows)
    settings = {"tfidf_linear": False, "frozen_linear": False}
    spec = make_job("probe", settings=settings, data_folder=str(tmp_path))
    (candidate,) = probe.run(spec, tmp_path / "job", lambda _: None).candidates
    model = load_classifier(tmp_path / "job" / candidate.folder)
    assert model.probabilities(["anything", ""]) == pytest.approx(np.array([[0.3, 0.7]] * 2))


def test_texts_without_a_word_leave_out_tfidf(make_job: MakeJob, tmp_path: Path) -> None:
    rows = Split(("!", "?", "…", "."), ("a", "b") * 2, (None,) * 4, ("x",) * 4)
    for name in ("train", "validation"):
        write_split(tmp_path / f"{name}.jsonl", rows)
    settings = {"frozen_linear": False}
    spec = make_job("probe", settings=settings, data_folder=str(tmp_path))
    outcome = probe.run(spec, tmp_path / "job", lambda _: None)
    assert [c.name for c in outcome.candidates] == ["majority"]


def clusters(n: int, flipped: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Two clear clusters of unit vectors, some rows with the other label."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    points = np.stack([np.where(labels, -1.0, 1.0), np.zeros(n)], axis=1)
    points = np.hstack([points, np.zeros((n, 2))]) + rng.normal(0, 0.1, (n, 4))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    labels[flipped] = 1 - labels[flipped]
    return points.astype(np.float32), labels


def test_planted_wrong_labels_are_suspected_and_no_others() -> None:
    features, labels = clusters(100, [3, 40, 77])
    assert probe.suspect_labels(features, labels, 2).tolist() == [3, 40, 77]


def test_clean_labels_raise_no_suspicion() -> None:
    features, labels = clusters(100, [])
    assert len(probe.suspect_labels(features, labels, 2)) == 0


def test_labels_that_nothing_predicts_raise_no_suspicion() -> None:
    rng = np.random.default_rng(0)
    features = softmax(rng.normal(size=(60, 4))).astype(np.float32)
    assert len(probe.suspect_labels(features, rng.integers(0, 2, 60), 2)) == 0


def test_classes_smaller_than_the_folds_are_not_judged() -> None:
    features, labels = clusters(100, [3])
    labels[-2:] = 2
    assert len(probe.suspect_labels(features, labels, 3)) == 0


@pytest.mark.usefixtures("float32")
def test_scoring_loads_the_models_again(make_job: MakeJob, tiny_rows: Path, tmp_path: Path) -> None:
    probes = tmp_path / "probes"
    outcome = probe.run(
        make_job("probe", settings={"frozen_linear": False}), probes, lambda _: None
    )
    told: list[JobProgress] = []
    spec = make_job(
        "score",
        models=[(c.name, str(probes / c.folder)) for c in outcome.candidates],
        settings={"split": "test"},
        measured=("latency_p95_ms",),
    )
    (tmp_path / "scores").mkdir()
    found = score.run(spec, tmp_path / "scores", told.append)
    assert set(found.test_scores) == {"majority", "tfidf_linear"}
    assert told[-1].share == 1
    with np.load(tmp_path / "scores" / "tfidf_linear.npz", allow_pickle=False) as arrays:
        test = read_split(tiny_rows / "test.jsonl")
        true, probabilities = arrays["classes"][:, 0].astype(int), arrays["classes"][:, 1:]
        assert probabilities.shape == (30, 3)
        assert [sorted(set(test.labels))[i] for i in true] == list(test.labels)
        assert arrays["latencies"].shape == (30,)
        hits = probabilities.argmax(axis=1) == true
    scores = found.test_scores["tfidf_linear"]
    assert scores["accuracy"] == pytest.approx(hits.mean())
    assert scores["size_mb"] > 0
    assert scores["latency_p95_ms"] > 0
