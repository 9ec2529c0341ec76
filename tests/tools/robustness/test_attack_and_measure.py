"""What a model makes of rows written otherwise; the attack swaps few words, and only near ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuneos.evals.measures import score
from tuneos.evals.measures.robust import PERTURBATIONS
from tuneos.tools.datasets.splits import read_split, rows_looked_at
from tuneos.tools.datasets.types import Split
from tuneos.tools.deployment.model import Model, load_model
from tuneos.tools.jobs.spec import JobSpec
from tuneos.tools.robustness import attack as attacking
from tuneos.tools.robustness.attack import attack
from tuneos.tools.robustness.measure import rewrite, right, robust_rows
from tuneos.tools.tasks import find_task
from tuneos.tools.training import fine_tune, probe
from tuneos.tools.training import score as scoring
from tuneos.tools.training.base_model import find_base_model
from tuneos.tools.training.measure import saved_scores

MakeJob = Callable[..., JobSpec]


@pytest.fixture
def tuned(make_job: MakeJob, tmp_path: Path) -> Model:
    """A tiny model, tuned on noisy copies too."""
    settings = {
        "strategy": "full", "learning_rate": 5e-3, "epochs": 6, "batch_size": 16, "noise": "typos",
    }  # fmt: skip
    spec = make_job(settings=settings)
    done = fine_tune.run(spec, tmp_path / "job", lambda _: None)
    return load_model(tmp_path / "job" / done.candidates[0].folder)


def alike(texts: Sequence[str], others: Sequence[str]) -> np.ndarray:
    return np.ones(len(texts))


def test_robust_accuracy_is_measured_only_where_a_target_names_it(
    tuned: Model, make_job: MakeJob, tiny_rows: Path
) -> None:
    validation = read_split(tiny_rows / "validation.jsonl")
    assert "robust_accuracy" not in saved_scores(tuned.folder, validation, make_job())
    spec = make_job(measured=("robust_accuracy",))
    found = saved_scores(tuned.folder, validation, spec)
    assert 0 <= found["robust_accuracy"] <= found["accuracy"]
    kept = list((Path(spec.cache) / "rewritten").iterdir())
    assert len(kept) == len(PERTURBATIONS)
    assert saved_scores(tuned.folder, validation, spec) == found


def test_rows_are_the_same_for_every_model_and_capped(tiny_base: Path, tiny_rows: Path) -> None:
    split, task = read_split(tiny_rows / "test.jsonl"), find_task("text-classification")
    base = find_base_model(str(tiny_base))
    one, other = (rewrite(task, split, 12, base, 3) for _ in range(2))
    assert one == other
    assert len(one.original) == 12
    assert rows_looked_at(split, 12, 3) == rows_looked_at(split, 12, 3)
    assert rows_looked_at(split, 12, 3) != rows_looked_at(split, 12, 4)


def test_a_model_that_reads_single_letters_is_not_robust(
    tuned: Model, tiny_rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that says the gold for texts it has seen, and anything else for others."""
    split = read_split(tiny_rows / "test.jsonl")
    gold = dict(zip(split.texts, split.labels, strict=True))
    labels = list(tuned.card.labels)

    def answers(_: Model, rows: Split, *__: Any, **___: Any) -> list[dict[str, Any]]:
        chances = [[float(gold.get(t) == name) for name in labels] for t in rows.texts]
        wrong = [[float(name != g) for name in labels] for g in rows.labels]
        given = [c if any(c) else w for c, w in zip(chances, wrong, strict=True)]
        return [{"_labels": labels, "_probabilities": c} for c in given]

    monkeypatch.setattr(Model, "answers", answers)
    rewritten = rewrite(tuned.task, split, 99, find_base_model(tuned.card.base_model), 0)
    found = robust_rows(tuned, rewritten)
    assert found.shape == (len(split), 1 + len(PERTURBATIONS))
    assert found[:, 0].all()
    assert score({"robust": found}) == {"robust_accuracy": 0.0}


def test_attack_turns_answers_by_swapping_few_words_and_leaves_wrong_ones(
    tuned: Model, tiny_rows: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["dog", "cat", "red", "blue", "bread", "soup"]
    asked: list[str] = []

    def near(_: Any) -> Callable[[str, tuple[int, int]], list[str]]:
        def fill(text: str, span: tuple[int, int]) -> list[str]:
            asked.append(text)
            return words

        return fill

    monkeypatch.setattr(attacking, "neighbour_filler", near)
    monkeypatch.setattr(attacking, "SHARE", 0.5)
    split = read_split(tiny_rows / "test.jsonl")
    found = attack(tuned, split, find_base_model(str(tiny_base)), alike)
    assert found is not None
    assert (found.before == right(tuned.task, split, tuned.answers(split))).all()
    assert found.after.sum() < found.before.sum()
    won = ~np.isnan(found.words)
    assert won.sum() == found.before.sum() - found.after.sum()
    assert (found.words[won] <= 0.67).all()
    assert not found.after[found.before == 0].any()
    assert asked


def test_attack_keeps_to_texts_that_are_alike(
    tuned: Model, tiny_rows: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attacking, "neighbour_filler", lambda _: lambda *__: ["red", "soup"])
    split = read_split(tiny_rows / "test.jsonl")
    base = find_base_model(str(tiny_base))
    found = attack(tuned, split, base, lambda texts, _: np.zeros(len(texts)))
    assert found is not None
    assert (found.after == found.before).all()


def test_a_model_without_gradients_is_not_attacked(
    tuned: Model, make_job: MakeJob, tiny_base: Path, tiny_rows: Path, tmp_path: Path
) -> None:
    names = find_task("text-classification").probes
    wanted = {name: name == "tfidf_linear" for name in names}
    folder = tmp_path / "probe"
    folder.mkdir()
    probe.run(make_job("probe", settings=wanted), folder, lambda _: None)
    model = load_model(folder / "tfidf_linear")
    split = read_split(tiny_rows / "test.jsonl")
    assert attack(model, split, find_base_model(str(tiny_base)), alike) is None


def test_confirming_keeps_both_for_the_model_and_none_without_a_target(
    tuned: Model, make_job: MakeJob, tmp_path: Path
) -> None:
    for measured in ((), ("robust_accuracy",)):
        folder = tmp_path / f"score{len(measured)}"
        folder.mkdir()
        models = (("chosen", str(tuned.folder)), ("other", str(tuned.folder)))
        spec = make_job("score", settings={"split": "test"}, models=models, measured=measured)
        done = scoring.run(spec, folder, lambda _: None)
        with np.load(folder / "chosen.npz") as kept:
            assert ("robust" in kept.files) is bool(measured)
            assert ("attacked" in kept.files) is bool(measured)
        with np.load(folder / "other.npz") as kept:  # neither chosen nor the untuned one
            assert "robust" not in kept.files
        assert ("robust_accuracy" in done.test_scores["chosen"]) is bool(measured)
        assert json.dumps(done.test_scores)
