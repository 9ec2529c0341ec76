"""Label sets, relations, choices and pairs, from rows to a saved model and back."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from headed_rows import CASES, split_of
from tiny_words import TOPICS
from tuneos.evals.measures import score
from tuneos.tools.datasets.splits import write_split
from tuneos.tools.datasets.tables import Table
from tuneos.tools.datasets.types import Split
from tuneos.tools.deployment.model import Model, load_model
from tuneos.tools.deployment.saved import Part, read_card, read_head, write_description
from tuneos.tools.errors import DatasetError, ModelError
from tuneos.tools.jobs.spec import JobSpec
from tuneos.tools.robustness import attack
from tuneos.tools.robustness.measure import right
from tuneos.tools.tasks import find_task
from tuneos.tools.training import blend, fine_tune, probe
from tuneos.tools.training.base_model import find_base_model

MakeJob = Callable[..., JobSpec]

every = pytest.mark.parametrize("case", CASES)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("headed")
    for case in CASES:
        (root / case).mkdir()
        for seed, (name, count) in enumerate({"train": 120, "validation": 40}.items()):
            write_split(root / case / f"{name}.jsonl", split_of(case, count, seed))
    return {case: root / case for case in CASES}


@pytest.fixture
def job(make_job: MakeJob, folders: dict[str, Path]) -> Callable[..., Any]:
    def make(case: str, kind: str, **settings: object) -> Any:
        task, _, metric, _ = CASES[case]
        return make_job(
            kind, task=task, metric=metric, data_folder=str(folders[case]), settings=settings
        )

    return make


@every
@pytest.mark.usefixtures("float32")
def test_cheap_rungs_learn_and_are_loaded_with_the_same_scores(
    case: str, job: Callable[..., Any], tmp_path: Path
) -> None:
    task, _, metric, least = CASES[case]
    outcome = probe.run(job(case, "probe"), tmp_path, lambda _: None)
    reached = {c.name: c.validation[metric] for c in outcome.candidates}
    assert tuple(reached) == find_task(task).probes
    assert reached["tfidf_linear"] > least
    assert reached["majority"] < least
    assert outcome.frozen_seconds > 0
    validation = split_of(case, 40, 1)
    for candidate in outcome.candidates:
        model = load_model(tmp_path / candidate.folder)
        answers = model.task.unflattered(model.card, validation, model.answers(validation))
        again = score(model.task.stats(validation, answers))
        reached_again = {name: again[name] for name in candidate.validation}
        assert reached_again == pytest.approx(candidate.validation)


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize(
    ("case", "strategy"),
    # Of a few random layers it cannot be asked to relate a text to a word that never changes:
    # statements are read alone, and each answer has weights of its own.
    [*((case, "top_layers") for case in CASES), ("relations", "lora"), ("choices", "full")],
)
def test_tuned_model_learns_and_answers_alike_when_loaded(
    case: str, strategy: str, job: Callable[..., Any], tmp_path: Path
) -> None:
    _, _, metric, least = CASES[case]
    settings = {
        "strategy": strategy,
        "learning_rate": 5e-3,
        "epochs": 5,
        "batch_size": 8,
        "own_weights": case in {"statements", "choices"},
    }
    outcome = fine_tune.run(job(case, "fine_tune", **settings), tmp_path, lambda _: None)
    candidate = outcome.candidates[0]
    points = [p.validation for p in outcome.curves[0].points if p.validation is not None]
    assert candidate.validation[metric] == pytest.approx(max(points), abs=0.03)
    assert candidate.validation[metric] > least - 0.25
    model = load_model(tmp_path / candidate.folder)
    fresh = split_of(case, 12, 9)
    together = model.answers(fresh)
    alone = [model.answers(fresh.take([i]))[0] for i in range(len(fresh))]
    assert [model.task.shown(a) for a in together if "label" in a or "choice" in a] == [
        model.task.shown(a) for a in alone if "label" in a or "choice" in a
    ]
    assert [a.get("score", 0) for a in together] == pytest.approx(
        [a.get("score", 0) for a in alone], abs=1e-4
    )


@pytest.mark.usefixtures("float32")
def test_rows_to_be_answered_need_no_gold(job: Callable[..., Any], tmp_path: Path) -> None:
    only = {"frozen_linear": False, "majority": False}
    for case in CASES:
        folder = tmp_path / case
        outcome = probe.run(job(case, "probe", **only), folder, lambda _: None)
        model = load_model(folder / outcome.candidates[0].folder)
        cells = CASES[case][1](random.Random(5), 4)
        asked = {k: v for k, v in cells.items() if k not in ("label", "labels", "answer")}
        split = model.task.ask(Table("ask.jsonl", asked, [f"line {n}" for n in range(4)]), None)
        assert len(model.answers(split)) == 4


@pytest.fixture(scope="module")
def own_weights(
    tiny_base: Path, folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Model:
    """A model of statements with weights for each answer."""
    folder = tmp_path_factory.mktemp("own")
    what = {
        "kind": "fine_tune", "data": "tiny", "task": "multiple-choice", "metric": "accuracy",
        "base_model": str(tiny_base), "base_digest": "",
        "settings": {"strategy": "top_layers", "epochs": 1, "own_weights": True},
    }  # fmt: skip
    places = {"data_folder": str(folders["statements"]), "cache": str(folder / "cache")}
    spec = JobSpec.model_validate({"what": what, "name": "one", **places})
    fine_tune.run(spec, folder, lambda _: None)
    return load_model(folder / "model")


def asked(model: Model, **cells: list[object]) -> Split:
    places = [f"ask line {n + 1}" for n in range(len(cells["question"]))]
    return model.task.ask(Table("ask", cells, places), None)


def test_each_of_the_choices_that_never_differ_has_weights(own_weights: Model) -> None:
    head = read_head(own_weights.folder, 2)
    assert head.weight.shape == (2, 32)
    texts: list[object] = ["the red dog", "my bread"]
    plain = own_weights.answers(asked(own_weights, question=texts))
    turned: list[object] = [["there", "here"]] * 2
    other = own_weights.answers(asked(own_weights, question=texts, choices=turned))
    assert [a["choice"] for a in plain] == [a["choice"] for a in other]
    assert [a["score"] for a in plain] == [a["score"] for a in other]
    assert [a["index"] for a in plain] == [1 - a["index"] for a in other]


def test_a_choice_without_weights_is_refused(own_weights: Model) -> None:
    other: list[object] = [["here", "perhaps"]]
    with pytest.raises(DatasetError, match="'perhaps' is none of the model's, 'here', 'there'"):
        own_weights.answers(asked(own_weights, question=["the dog"], choices=other))


def test_choices_that_differ_must_be_given(job: Callable[..., Any], tmp_path: Path) -> None:
    only = {"frozen_linear": False, "majority": False}
    outcome = probe.run(job("choices", "probe", **only), tmp_path, lambda _: None)
    model = load_model(tmp_path / outcome.candidates[0].folder)
    table = Table("ask.jsonl", {"question": ["what is here"]}, ["ask.jsonl line 1"])
    with pytest.raises(DatasetError, match="choices"):
        model.answers(model.task.ask(table, None))


def test_scores_and_labels_do_not_mix() -> None:
    task = find_task("sentence-pair")
    with pytest.raises(DatasetError, match="give all splits the same"):
        task.check({"train": split_of("pairs", 8, 0), "test": split_of("scores", 8, 0)})
    assert task.metrics_of(split_of("scores", 8, 0)) == ("spearman",)
    assert "spearman" not in task.metrics_of(split_of("pairs", 8, 0))


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("case", ["label-sets", "relations"])
def test_a_blend_is_scored_as_it_answers_when_loaded(
    case: str, job: Callable[..., Any], tmp_path: Path
) -> None:
    probes = job(case, "probe")
    outcome = probe.run(probes, tmp_path, lambda _: None)
    members = tuple((c.name, str(tmp_path / c.folder)) for c in outcome.candidates[1:])
    what = probes.what.model_copy(update={"kind": "blend", "models": members, "settings": {}})
    spec = probes.model_copy(update={"what": what, "name": "blend-1"})
    (candidate,) = blend.run(spec, tmp_path / "blend", lambda _: None).candidates
    model = load_model(tmp_path / "blend" / "model")
    validation = split_of(case, 40, 1)
    answers = model.task.unflattered(model.card, validation, model.answers(validation))
    assert score(model.task.stats(validation, answers)) == pytest.approx(candidate.validation)
    metric = CASES[case][2]
    worst = min(c.validation[metric] for c in outcome.candidates[1:])
    assert candidate.validation[metric] >= worst - 0.05
    assert set(candidate.settings) == {"weight of tfidf_linear", "weight of frozen_linear"}


def test_a_blend_of_models_with_other_labels_is_refused(
    job: Callable[..., Any], tmp_path: Path
) -> None:
    probe.run(job("relations", "probe", frozen_linear=False), tmp_path, lambda _: None)
    folder = tmp_path / "blend"
    shutil.copytree(tmp_path / "tfidf_linear", folder / "parts" / "one")
    card = read_card(folder / "parts" / "one")
    other = {"labels": (*card.labels[1:], "new"), "encoder": "parts"}
    parts = (Part(name="one", weight=1.0),)
    write_description(folder, card.model_copy(update={**other, "parts": parts}))
    with pytest.raises(ModelError, match=r"parts/one: does not fit .*tuneos\.json"):
        load_model(folder)


@pytest.mark.usefixtures("float32")
def test_label_sets_are_scored_by_thresholds_of_other_rows(
    job: Callable[..., Any], tmp_path: Path
) -> None:
    task = find_task("multi-label-classification")
    outcome = probe.run(job("label-sets", "probe", tfidf_linear=False), tmp_path, lambda _: None)
    majority, frozen = outcome.candidates
    validation = split_of("label-sets", 40, 1)
    plain, crossed = {}, {}
    for candidate in (majority, frozen):
        model = load_model(tmp_path / candidate.folder)
        answers = model.answers(validation)
        honest = task.unflattered(model.card, validation, answers)
        plain[candidate.name] = score(task.stats(validation, answers))
        crossed[candidate.name] = score(task.stats(validation, honest))
        assert crossed[candidate.name] == pytest.approx(candidate.validation)
        assert [task.shown(a).split(", ") for a in honest if a["labels"]] == [
            a["labels"] for a in honest if a["labels"]
        ]
    assert plain["majority"] == crossed["majority"]  # its threshold suits no rows in particular
    assert plain["frozen_linear"] != crossed["frozen_linear"]
    assert plain["frozen_linear"]["map"] == crossed["frozen_linear"]["map"]


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("case", ["label-sets", "relations", "choices", "pairs"])
def test_answers_to_rows_written_otherwise_are_measured_and_attacked(
    case: str, job: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"strategy": "top_layers", "epochs": 3, "batch_size": 8, "learning_rate": 5e-3}
    spec = job(case, "fine_tune", noise="characters", **settings)
    what = spec.what.model_copy(update={"measured": ("robust_accuracy",)})
    spec = spec.model_copy(update={"what": what})
    candidate = fine_tune.run(spec, tmp_path, lambda _: None).candidates[0]
    assert 0 <= candidate.validation["robust_accuracy"] <= 1
    words = [word for topic in TOPICS.values() for word in topic]
    monkeypatch.setattr(attack, "neighbour_filler", lambda _: lambda *__: words)
    model, split = load_model(tmp_path / candidate.folder), split_of(case, 12, 9)
    base = find_base_model(spec.what.base_model)
    found = attack.attack(model, split, base, lambda texts, _: np.ones(len(texts)))
    if case == "choices":
        assert found is None, "several sequences answer one row"
        return
    assert found is not None
    assert found.after.sum() <= found.before.sum()
    assert (found.before == right(model.task, split, model.answers(split))).all()
