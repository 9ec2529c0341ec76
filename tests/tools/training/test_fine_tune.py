"""Fine-tunes end to end on tiny data, in this process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuneos.evals.measures.classes import score
from tuneos.tools.datasets.splits import read_split
from tuneos.tools.deployment.load import Classifier, load_classifier
from tuneos.tools.facts import JobProgress, Outcome
from tuneos.tools.jobs.spec import JobSpec
from tuneos.tools.training import fine_tune, loop, pooled, prefix
from tuneos.tools.training.base_model import load_encoder
from tuneos.tools.training.data import JobData
from tuneos.tools.training.settings import TrainSettings

MakeJob = Callable[..., JobSpec]
QUICK = {"learning_rate": 3e-3, "epochs": 2, "batch_size": 16, "rank": 4, "alpha": 8}


class Run:
    """A fine-tune that was run, with what it computed on the way."""

    def __init__(self, spec: JobSpec, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.spec, self.folder, self.told = spec, folder, list[JobProgress]()
        inner = loop.train

        def spy(*given: Any, **named: Any) -> loop.Trained:
            found = inner(*given, **named)
            self.probabilities = found.outputs
            return found

        monkeypatch.setattr(fine_tune, "train", spy)
        monkeypatch.setattr(pooled, "START_STRENGTH", 1e-4)  # so that there is much to learn
        self.outcome: Outcome = fine_tune.run(spec, folder, self.told.append)

    def loaded(self) -> Classifier:
        return load_classifier(self.folder / self.outcome.candidates[0].folder)


@pytest.mark.parametrize(
    "settings",
    [
        {"strategy": "top_layers", "layers": 1},
        {"strategy": "top_layers", "layers": 3},
        {"strategy": "full"},
        {"strategy": "full", "optimizer": "sgd", "class_weights": True, "label_smoothing": 0.1},
        *(
            {"strategy": "lora", "peft_method": m}
            for m in ("lora", "rslora", "dora", "pissa", "ia3", "ln_tuning", "bitfit")
        ),
        {"strategy": "lora", "peft_method": "prompt_tuning", "max_length": 32},
        {"strategy": "top_layers", "layers": 1, "mixup": 0.4},
        {"strategy": "top_layers", "layers": 1, "adversarial": "pgd"},
        {"strategy": "lora", "adversarial": "freelb"},
    ],
    ids=lambda s: "-".join(str(v) for v in s.values()),
)
@pytest.mark.usefixtures("float32")
def test_saved_model_answers_as_the_trained_one(
    settings: dict[str, Any],
    make_job: MakeJob,
    tiny_rows: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = make_job(settings={**QUICK, **settings}, metric="ece")  # a weak head is not sure
    run = Run(spec, tmp_path / "job", monkeypatch)
    validation = read_split(tiny_rows / "validation.jsonl")
    model = run.loaded()
    assert model.card.labels == ("animal", "colour", "food")
    found = model.probabilities(validation.texts)
    assert np.abs(found - run.probabilities).max() < 1e-3
    true = np.array([model.card.labels.index(x) for x in validation.labels])
    (candidate,) = run.outcome.candidates
    assert candidate.validation == pytest.approx(score(true, run.probabilities), abs=1e-3)
    assert candidate.strategy == settings["strategy"]
    assert candidate.seconds > 0
    (curve,) = run.outcome.curves
    assert (curve.candidate, curve.metric) == ("one", "ece")
    assert curve.points[0].epoch == 0
    values = [p.validation for p in curve.points if p.validation is not None]
    assert -candidate.validation["ece"] == pytest.approx(max(values), abs=1e-3)
    assert max(values) > values[0]
    assert run.told[-1].share <= 1
    assert [p.share for p in run.told if p.text == "training"] == sorted(
        p.share for p in run.told if p.text == "training"
    )


@pytest.mark.usefixtures("float32")
def test_tuning_learns(make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {**QUICK, "strategy": "full", "learning_rate": 1e-2, "epochs": 5}
    scores = Run(make_job(settings=settings), tmp_path, monkeypatch).outcome.candidates[0]
    assert scores.validation["accuracy"] > 0.95


@pytest.mark.usefixtures("float32")
def test_adapter_folder_is_plain_peft_without_pickles(
    make_job: MakeJob, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from peft import PeftModel

    spec = make_job(settings={**QUICK, "strategy": "lora"}, metric="ece")
    run = Run(spec, tmp_path, monkeypatch)
    folder = run.folder / "model"
    names = {p.name for p in folder.iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "head.safetensors"} <= names
    assert not [n for n in names if Path(n).suffix in {".bin", ".pt", ".pth", ".pkl", ".ckpt"}]
    assert not (folder / "model.safetensors").exists()  # the base model is not copied
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(tiny_base)
    base = load_encoder(tiny_base)
    ids = torch.tensor([[2, 6, 7, 8, 3]])
    with torch.no_grad():
        plain = base(input_ids=ids).last_hidden_state
        tuned = PeftModel.from_pretrained(base, str(folder))(input_ids=ids).last_hidden_state
    assert not torch.allclose(plain, tuned, atol=1e-4)  # it did learn something


@pytest.mark.usefixtures("float32")
def test_the_same_job_gives_the_same_model(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def probabilities(name: str, seed: int) -> np.ndarray:
        settings = {**QUICK, "strategy": "lora"}
        spec = make_job(settings=settings, seed=seed, metric="ece")
        return np.asarray(Run(spec, tmp_path / name, monkeypatch).probabilities)

    first = probabilities("a", 0)
    assert np.array_equal(first, probabilities("b", 0))
    assert not np.array_equal(first, probabilities("c", 1))


def test_model_trained_in_the_machines_own_number_type_loads(
    make_job: MakeJob, tiny_rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**QUICK, "strategy": "top_layers", "layers": 1}
    run = Run(make_job(settings=settings), tmp_path, monkeypatch)
    found = run.loaded().probabilities(read_split(tiny_rows / "validation.jsonl").texts)
    assert np.abs(found - run.probabilities).max() < 0.05


@pytest.mark.parametrize(("seconds", "answering"), [(0.0, 0.0), (500.0, 600.0)])
@pytest.mark.usefixtures("float32")
def test_time_that_is_up_leaves_the_start_and_says_so(
    seconds: float,
    answering: float,
    make_job: MakeJob,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = {**QUICK, "strategy": "full"}
    spec = make_job(settings=settings, seconds=seconds, answering=answering)
    run = Run(spec, tmp_path, monkeypatch)
    assert run.outcome.notes == ("one: stopped at the end of its time; its best epoch was kept",)
    assert run.loaded().card.strategy == "full"


@pytest.mark.usefixtures("float32")
def test_costs_are_measured_where_a_target_names_them(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_job(
        settings={**QUICK, "epochs": 1, "strategy": "lora"},
        measured=("latency_p95_ms", "size_mb"),
    )
    scores = Run(spec, tmp_path, monkeypatch).outcome.candidates[0].validation
    files = sum(f.stat().st_size for f in (tmp_path / "model").rglob("*"))
    base = sum(f.stat().st_size for f in Path(spec.what.base_model).glob("*.safetensors"))
    assert scores["size_mb"] == pytest.approx((files + base) / 1e6)
    assert scores["latency_p95_ms"] > 0


@pytest.mark.usefixtures("float32")
def test_card_says_where_the_model_comes_from(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_job(
        settings={**QUICK, "epochs": 1, "strategy": "full"}, masked=True, data_hash="abc"
    )
    card = Run(spec, tmp_path, monkeypatch).loaded().card
    assert (card.masked, card.data_hash, card.run) == (True, "abc", "test-run")
    assert (card.encoder, card.max_length) == ("whole", 64)
    assert card.base_digest


@pytest.mark.usefixtures("float32")
def test_embeddings_are_computed_once(make_job: MakeJob) -> None:
    told: list[JobProgress] = []
    spec = make_job()
    first, _, seconds = JobData.of(spec).embeddings(told.append)
    assert told
    assert seconds > 0
    told.clear()
    again, _, _ = JobData.of(spec).embeddings(told.append)
    assert np.array_equal(first, again)
    assert not told


def test_prefix_too_large_for_memory_is_not_cached(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefix, "PREFIX_BYTES", 1000)
    data, settings = JobData.of(make_job()), TrainSettings(strategy="top_layers", layers=1)
    tokens = [data.train_tokens]
    assert prefix.cached_prefix(data.encoder(), settings, tokens, lambda _: None) is None


@pytest.mark.parametrize(
    "given", [{"epochs": 0}, {"learning_rate": 2.0}, {"strategy": "magic"}, {"momentum": 0.9}]
)
def test_settings_out_of_bounds_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        fine_tune.settings_of(given)


def test_calibration_error_is_turned_round(make_job: MakeJob) -> None:
    data = JobData.of(make_job())
    tuning, right = pooled.PooledTuning(data), np.eye(3)[data.validation_labels]
    wrong = np.roll(right, 1, axis=1)
    assert tuning.value(data.validation, right, "ece") == 0
    assert tuning.value(data.validation, wrong, "ece") == -1
    assert tuning.value(data.validation, right, "accuracy") == 1


def test_deadline_is_on_the_monotonic_clock(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, float] = {}

    def caught(*_: Any, deadline: float, **__: Any) -> None:
        seen["deadline"] = deadline
        raise KeyboardInterrupt

    monkeypatch.setattr(fine_tune, "tune", caught)
    monkeypatch.setattr(fine_tune, "pin_threads", lambda _: 1)
    with pytest.raises(KeyboardInterrupt):
        fine_tune.run(make_job(seconds=100.0), tmp_path, lambda _: None)
    assert seen["deadline"] - time.monotonic() == pytest.approx(100, abs=5)
