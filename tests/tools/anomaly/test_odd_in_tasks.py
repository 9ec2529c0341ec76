"""Every task that says it spots odd inputs does, and its answers stay what they were."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from headed_rows import CASES, split_of
from tuneos.evals.anomaly import ODD_METRICS
from tuneos.evals.measures import score
from tuneos.tools.anomaly import job as anomaly
from tuneos.tools.anomaly.saved import NOTES, read_notes
from tuneos.tools.datasets.splits import write_split
from tuneos.tools.datasets.tables import Table
from tuneos.tools.datasets.types import Split
from tuneos.tools.deployment.model import load_model
from tuneos.tools.errors import DatasetError, ModelError
from tuneos.tools.jobs.spec import JobSpec
from tuneos.tools.tasks import TASKS, find_task
from tuneos.tools.training import blend, fine_tune, probe
from tuneos.tools.training.data import JobData

Models = Callable[[str], tuple[JobSpec, Path]]
every = pytest.mark.parametrize("case", CASES)


def odd_of(case: str, count: int) -> Split:
    """The same rows, their words none that the encoder knows."""
    task, maker, *_ = CASES[case]
    cells: dict[str, list[Any]] = json.loads(json.dumps(maker(random.Random(9), count)))
    cells.pop("label", None)
    cells.pop("labels", None)
    cells.pop("answer", None)
    for row in range(count):
        words = [f"{chr(97 + (row + k) % 26)}q" for k in range(3)]
        for name in {"text", "first", "second", "question"} & set(cells):
            cells[name][row] = " ".join(words)
        for k, name in enumerate(sorted({"head", "tail"} & set(cells))):
            start = 3 * k
            cells[name][row] = {"text": words[k], "start": start, "end": start + 2}
        if "choices" in cells:
            cells["choices"][row] = [f"{w}z" for w in words]
    places = [f"odd.jsonl line {n + 1}" for n in range(count)]
    return find_task(task).ask(Table("odd.jsonl", dict(cells), places), None)


@pytest.fixture(scope="module")
def models(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Models:
    """The cheap rungs of a case, fitted once."""
    made: dict[str, tuple[JobSpec, Path]] = {}

    def make(case: str) -> tuple[JobSpec, Path]:
        if case not in made:
            folder = tmp_path_factory.mktemp(case)
            for seed, (name, count) in enumerate({"train": 120, "validation": 40}.items()):
                write_split(folder / f"{name}.jsonl", split_of(case, count, seed))
            write_split(folder / "ood.jsonl", odd_of(case, 30))
            task, _, metric, _ = CASES[case]
            what = {
                "kind": "probe", "data": "tiny", "task": task, "metric": metric,
                "base_model": str(tiny_base), "base_digest": "",
            }  # fmt: skip
            places = {"data_folder": str(folder), "cache": str(folder / "cache")}
            spec = JobSpec.model_validate({"what": what, "name": "probe", **places})
            probe.run(spec, folder / "rungs", lambda _: None)
            made[case] = spec, folder
        return made[case]

    return make


def fitted(models: Models, case: str, rung: str, tmp_path: Path, *, odd: bool = True) -> JobSpec:
    """A job of kind "anomaly", done: the model lies in tmp_path / "model"."""
    spec, folder = models(case)
    named = ((rung, str(folder / "rungs" / rung)),)
    what = spec.what.model_copy(update={"kind": "anomaly", "models": named})
    update = {"what": what, "odd": str(folder / "ood.jsonl") if odd else ""}
    spec = spec.model_copy(update=update)
    anomaly.run(spec, tmp_path, lambda _: None)
    return spec


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("rung", ["tfidf_linear", "frozen_linear"])
@every
def test_answers_stay_and_say_how_odd_their_inputs_are(
    case: str, rung: str, models: Models, tmp_path: Path
) -> None:
    spec, folder = models(case)
    if (case, rung) == ("scores", "tfidf_linear"):
        with pytest.raises(ModelError, match="shows nothing of its inputs"):
            fitted(models, case, rung, tmp_path)
        return
    fitted(models, case, rung, tmp_path)
    plain, model = load_model(folder / "rungs" / rung), load_model(tmp_path / "model")
    fresh, odd = split_of(case, 60, 7), odd_of(case, 30)
    before, after = plain.answers(fresh), model.answers(fresh)
    if case != "scores":
        assert [model.task.shown(a) for a in after] == [plain.task.shown(a) for a in before]
    else:
        assert [a["score"] for a in after] == [a["score"] for a in before]
    assert not any("ood_score" in a or "abstain" in a for a in before)
    assert all(0 <= a["ood_score"] <= 1 and isinstance(a["abstain"], bool) for a in after)
    if rung == "frozen_linear":
        assert np.mean([a["abstain"] for a in after]) < 0.3
        assert np.mean([a["abstain"] for a in model.answers(odd)]) > 0.7
    notes = read_notes(tmp_path / "model")
    assert notes is not None
    assert (notes.judged_by == "rows") == (rung == "frozen_linear")
    assert notes.ece_after <= notes.ece_before + 0.05
    assert bool(notes.risk) == (case != "scores")
    if notes.risk:
        stats = model.task.stats(*_scored(plain, spec))
        assert notes.risk[-1] == pytest.approx(1 - score(stats)["accuracy"], abs=1e-3)


def _scored(model: Any, spec: JobSpec) -> tuple[Split, list[dict[str, Any]]]:
    validation = JobData.of(spec).validation
    return validation, model.task.unflattered(model.card, validation, model.answers(validation))


@pytest.mark.usefixtures("float32")
@every
def test_a_target_makes_every_tuned_model_tell_odd_inputs(
    case: str, models: Models, tmp_path: Path
) -> None:
    spec, folder = models(case)
    settings = {"strategy": "top_layers", "epochs": 1, "own_weights": case == "statements"}
    what = spec.what.model_copy(
        update={"kind": "fine_tune", "settings": settings, "measured": ("ood_auroc",)}
    )
    spec = spec.model_copy(update={"what": what, "odd": str(folder / "ood.jsonl")})
    candidate = fine_tune.run(spec, tmp_path, lambda _: None).candidates[0]
    assert candidate.validation["ood_auroc"] > 0.9
    assert set(ODD_METRICS) < set(candidate.validation)
    assert all("abstain" in a for a in load_model(tmp_path / "model").answers(odd_of(case, 3)))


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("case", ["label-sets", "relations", "pairs"])
def test_a_blend_looks_at_what_its_encoder_sees(case: str, models: Models, tmp_path: Path) -> None:
    spec, folder = models(case)
    named = tuple((n, str(folder / "rungs" / n)) for n in ("tfidf_linear", "frozen_linear"))
    what = spec.what.model_copy(
        update={"kind": "blend", "models": named, "measured": ("ece", "ood_auroc")}
    )
    spec = spec.model_copy(
        update={"what": what, "name": "blend-1", "odd": str(folder / "ood.jsonl")}
    )
    (candidate,) = blend.run(spec, tmp_path, lambda _: None).candidates
    assert candidate.validation["ood_auroc"] > 0.9
    assert 0 <= candidate.validation["ece"] <= 1
    assert all("abstain" in a for a in load_model(tmp_path / "model").answers(odd_of(case, 3)))


@pytest.mark.usefixtures("float32")
def test_without_rows_out_of_the_domain_no_figure_is_claimed(
    models: Models, tmp_path: Path
) -> None:
    spec = fitted(models, "relations", "frozen_linear", tmp_path, odd=False)
    assert anomaly.fit_into(tmp_path / "model", JobData.of(spec), lambda _: None) == {}
    notes = read_notes(tmp_path / "model")
    assert notes is not None
    assert (notes.score, notes.judged_by) == ("knn", "")


def test_calibrated_scores_of_labels_are_cut_where_the_plain_ones_are(
    models: Models, tmp_path: Path
) -> None:
    fitted(models, "label-sets", "frozen_linear", tmp_path)
    text = json.loads((tmp_path / "model" / NOTES).read_text())
    _, folder = models("label-sets")
    plain = load_model(folder / "rungs" / "frozen_linear")
    fresh = split_of("label-sets", 30, 8)
    before = plain.answers(fresh)
    for temperature in (0.3, 4.0):
        (tmp_path / "model" / NOTES).write_text(json.dumps({**text, "temperature": temperature}))
        after = load_model(tmp_path / "model").answers(fresh)
        assert [a["labels"] for a in after] == [a["labels"] for a in before]
        assert [a["scores"] for a in after] != [a["scores"] for a in before]


def test_other_tasks_say_that_they_cannot() -> None:
    spotting = {name for name in TASKS if find_task(name).spots_odd}
    assert spotting == {"text-classification", *(task for task, *_ in CASES.values())}
    with pytest.raises(NotImplementedError, match="cannot tell odd inputs"):
        find_task("translation").sight(None, Path())  # type: ignore[arg-type]


def test_odd_rows_that_a_model_of_choices_cannot_read_are_refused_before_anything() -> None:
    task = find_task("multiple-choice")
    table = Table("odd.jsonl", {"question": ["what"]}, ["odd.jsonl line 1"])
    bare = task.ask(table, None)
    task.check_odd(split_of("statements", 20, 0), bare)
    with pytest.raises(DatasetError, match=r"odd.jsonl line 1: has no choices"):
        task.check_odd(split_of("choices", 20, 0), bare)
    other: dict[str, list[Any]] = {"question": ["what"], "choices": [["here", "perhaps"]]}
    with pytest.raises(DatasetError, match="'perhaps' is none of train's"):
        task.check_odd(
            split_of("statements", 20, 0), task.ask(Table("odd", other, ["odd line 1"]), None)
        )
