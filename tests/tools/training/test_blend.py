"""Blending candidates: the weights, the saved model, and what the tool takes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuneos.evals.metrics import FloatArray
from tuneos.tools.datasets.splits import read_split
from tuneos.tools.deployment.load import load_classifier
from tuneos.tools.deployment.model import load_model
from tuneos.tools.deployment.pool import pooled
from tuneos.tools.deployment.saved import CARD
from tuneos.tools.errors import ModelError
from tuneos.tools.facts import Candidate, DataVersion, Facts
from tuneos.tools.jobs.spec import JobSpec
from tuneos.tools.tool import ToolRefused
from tuneos.tools.training import blend, probe
from tuneos.tools.training.blend import fit_weights, sparing_weights
from tuneos.tools.training.blend_tool import members_of
from tuneos.tools.training.linear import log_loss, softmax

MakeJob = Callable[..., JobSpec]
MEMBERS = ("tfidf_linear", "frozen_linear")


def opinions(seed: int, *signals: float) -> tuple[list[FloatArray], Any]:
    """Members whose log-probabilities carry the truth this strongly, beside noise of one."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 3, 3000)
    found = []
    for signal in signals:
        scores = rng.normal(size=(3000, 3)) + signal * np.eye(3)[true]
        found.append(softmax(scores))
    return found, true


def test_member_that_knows_nothing_gets_no_weight() -> None:
    found, true = opinions(0, 2.0, 0.0)
    knowing, ignorant = fit_weights(found, true)
    assert knowing > 1.5
    assert ignorant < 0.1


def test_weights_are_the_signals_of_independent_members() -> None:
    # Gaussian scores of unit noise: the posterior weighs each score by its signal.
    found, true = opinions(1, 2.0, 1.0)
    assert fit_weights(found, true) == pytest.approx([2.0, 1.0], abs=0.15)


def test_blend_is_surer_of_the_truth_than_any_member() -> None:
    found, true = opinions(2, 1.0, 1.0, 0.5)
    both = log_loss(true, pooled(found, fit_weights(found, true)))
    assert both < min(log_loss(true, p) for p in found)


def test_few_rows_leave_the_weights_near_equal() -> None:
    found, true = opinions(3, 1.0, 1.0)
    few = fit_weights([p[:1] for p in found], true[:1])
    assert few == pytest.approx([0.5, 0.5], abs=0.35)


def test_members_without_a_part_are_left_out_and_the_others_fitted_anew() -> None:
    found, true = opinions(0, 2.0, 0.0, 1.0)
    found[1] = np.full_like(found[1], 1 / 3)  # says nothing, whatever its weight
    weights = sparing_weights([*found, found[0] ** 0 / 3], true)
    assert weights[0] > weights[2] > 0
    contrary = found[0][:, ::-1].copy()
    assert sparing_weights([found[0], contrary], true)[1] == 0.0
    alone = fit_weights([found[0]], true)
    assert sparing_weights([found[0], contrary], true)[0] == pytest.approx(alone[0], rel=1e-3)


def test_members_that_are_all_wrong_are_weighed_alike() -> None:
    found, _ = opinions(0, 8.0, 8.0)
    wrong = (found[0].argmax(axis=1) + 1) % 3
    assert sparing_weights(found, wrong) == pytest.approx([0.5, 0.5])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("blend")


@pytest.fixture
def blended(make_job: MakeJob, folder: Path) -> tuple[Candidate, Path]:
    """A blend of the two probes, made once."""
    if not (folder / "model").exists():
        probe.run(make_job("probe"), folder / "probes", lambda _: None)
    models = tuple((name, str(folder / "probes" / name)) for name in MEMBERS)
    spec = make_job("blend", models=models)
    shutil.rmtree(folder / "model", ignore_errors=True)
    (candidate,) = blend.run(spec, folder, lambda _: None).candidates
    return candidate, folder / "model"


@pytest.mark.usefixtures("float32")
def test_saved_blend_answers_as_its_weighted_members(
    blended: tuple[Candidate, Path], tiny_rows: Path
) -> None:
    candidate, model = blended
    loaded = load_classifier(model)
    validation = read_split(tiny_rows / "validation.jsonl")
    weights = [part.weight for part in loaded.card.parts]
    members = [load_classifier(model / "parts" / name) for name in MEMBERS]
    expected = pooled([m.probabilities(validation.texts) for m in members], weights)
    found = loaded.probabilities(validation.texts)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    true = np.array([loaded.card.labels.index(x) for x in validation.labels])
    assert (found.argmax(axis=1) == true).mean() == candidate.validation["accuracy"]
    assert set(candidate.settings) == {f"weight of {name}" for name in MEMBERS}
    assert load_model(model).latencies(validation.take([0])).shape == (1,)


@pytest.mark.usefixtures("float32")
def test_damaged_blend_is_refused(blended: tuple[Candidate, Path], tmp_path: Path) -> None:
    _, model = blended
    damaged = tmp_path / "model"
    shutil.copytree(model, damaged)
    shutil.rmtree(damaged / "parts" / "frozen_linear")
    with pytest.raises(ModelError, match="frozen_linear"):
        load_classifier(damaged)


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parts": []}, "names no parts"),
        ({"labels": ["food", "animal", "colour"]}, "does not fit"),
        ({"masked": True}, "does not fit"),
        ({"parts": [{"name": "../probes", "weight": 1.0}]}, "damaged description"),
        ({"parts": [{"name": "tfidf_linear", "weight": -1.0}]}, "damaged description"),
    ],
)
def test_description_that_does_not_fit_its_parts_is_refused(
    blended: tuple[Candidate, Path], tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    _, model = blended
    damaged = tmp_path / "model"
    shutil.copytree(model, damaged)
    said = json.loads((damaged / CARD).read_text())
    (damaged / CARD).write_text(json.dumps({**said, **change}))
    with pytest.raises(ModelError, match=words):
        load_classifier(damaged)


def known(folder: Path, *scored: tuple[str, str, float, bool]) -> Facts:
    """Candidates as (name, strategy, value, masked) with their descriptions on disk."""
    made = []
    for name, strategy, value, masked in scored:
        (folder / name).mkdir()
        card = {
            "task": "text-classification",
            "strategy": strategy,
            "encoder": "none",
            "labels": ["a", "b"],
            "base_model": "",
            "masked": masked,
        }
        (folder / name / CARD).write_text(json.dumps(card))
        made.append(
            Candidate(
                name=name,
                strategy=strategy,
                validation={"macro_f1": value},
                seconds=1.0,
                folder=str(folder / name),
            )
        )
    version = DataVersion(key="k", name="as read", folder="", train_rows=9, validation_rows=9)
    return Facts(data=version, candidates=tuple(made))


def test_best_of_each_strategy_is_blended_best_first(tmp_path: Path) -> None:
    facts = known(
        tmp_path,
        ("majority", "majority", 0.1, False),
        ("tfidf_linear", "tfidf_linear", 0.7, False),
        ("lora-1", "lora", 0.8, False),
        ("lora-2", "lora", 0.9, False),
        ("blend-1", "blend", 0.95, False),
        ("frozen_linear", "frozen_linear", 0.99, True),  # of masked texts: does not fit
    )
    assert [c.name for c in members_of(None, facts, "macro_f1")] == ["lora-2", "tfidf_linear"]
    assert [c.name for c in members_of(["lora-1", "lora-2"], facts, "macro_f1")] == [
        "lora-1",
        "lora-2",
    ]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["lora-1", "lora-9"], "no candidate 'lora-9' to blend; there are: lora-1"),
        (["lora-1", "lora-1"], "said twice"),
        (None, "two candidates of different strategies"),
    ],
)
def test_what_cannot_be_blended_is_refused_in_words(
    tmp_path: Path, names: list[str] | None, words: str
) -> None:
    facts = known(tmp_path, ("lora-1", "lora", 0.8, False), ("majority", "majority", 0.1, False))
    with pytest.raises(ToolRefused, match=words):
        members_of(names, facts, "macro_f1")
