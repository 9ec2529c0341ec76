"""Saved models: loaded as they were, and damage named by file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tuneos.evals.metrics import FloatArray
from tuneos.tools.anomaly.seen import States
from tuneos.tools.datasets.types import Split
from tuneos.tools.deployment.load import Classifier, load_classifier
from tuneos.tools.deployment.model import Model
from tuneos.tools.deployment.saved import (
    SavedModel,
    read_card,
    read_tensors,
    size_mb,
    write_card,
    write_tfidf,
)
from tuneos.tools.errors import BaseModelError, ModelError
from tuneos.tools.tasks import find_task
from tuneos.tools.tasks.task import Answer
from tuneos.tools.training.linear import LinearHead

LABELS = ("no", "yes")
MakeCard = Callable[..., SavedModel]


@pytest.fixture
def make_card(tiny_base: Path) -> MakeCard:
    def make(encoder: str, **given: object) -> SavedModel:
        return SavedModel.model_validate(
            {
                "task": "text-classification", "strategy": "x", "encoder": encoder,
                "labels": LABELS, "base_model": str(tiny_base), **given,
            }
        )  # fmt: skip

    return make


def head(width: int, classes: int = 2) -> LinearHead:
    rng = np.random.default_rng(0)
    return LinearHead(
        rng.normal(size=(classes, width)).astype(np.float32), np.zeros(classes, np.float32)
    )


@pytest.fixture
def tfidf(tmp_path: Path, make_card: MakeCard) -> Path:
    folder = tmp_path / "tfidf"
    write_tfidf(folder, {"good": 0, "bad": 1, "very good": 2}, np.ones(3, np.float32))
    weight = np.array([[-2, 2, -1], [2, -2, 1]], np.float32)
    write_card(folder, make_card("none"), LinearHead(weight, np.zeros(2, np.float32)))
    return folder


@pytest.fixture
def frozen(tmp_path: Path, make_card: MakeCard) -> Path:
    folder = tmp_path / "frozen"
    write_card(folder, make_card("base"), head(32))
    return folder


@pytest.fixture
def whole(tmp_path: Path, make_card: MakeCard, tiny_base: Path) -> Path:
    folder = tmp_path / "whole"
    shutil.copytree(tiny_base, folder)
    write_card(folder, make_card("whole", base_model="/gone/meanwhile"), head(32))
    return folder


@pytest.fixture
def adapter(tmp_path: Path, make_card: MakeCard, tiny_base: Path) -> Path:
    from tuneos.tools.training.base_model import load_encoder
    from tuneos.tools.training.network import prepare_encoder
    from tuneos.tools.training.settings import TrainSettings

    folder = tmp_path / "adapter"
    wrapped = prepare_encoder(load_encoder(tiny_base), TrainSettings(rank=2))
    wrapped.save_pretrained(str(folder))
    write_card(folder, make_card("adapter"), head(32))
    return folder


def refused(folder: Path, kind: type[Exception] = ModelError) -> str:
    with pytest.raises(kind) as caught:
        load_classifier(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("kind", ["tfidf", "frozen", "whole", "adapter"])
def test_model_answers_with_probabilities(kind: str, request: pytest.FixtureRequest) -> None:
    model = load_classifier(request.getfixturevalue(kind))
    told: list[tuple[int, int]] = []
    found = model.probabilities(["red dog", "", "a"], lambda *said: told.append(said))
    assert found.shape == (3, 2)
    assert found.sum(axis=1) == pytest.approx(np.ones(3))
    assert told[-1] == (3, 3)
    assert model.probabilities([]).shape == (0, 2)
    assert (model.base_folder is not None) == (kind in {"frozen", "adapter"})


def test_tfidf_reads_words_and_pairs(tfidf: Path) -> None:
    found = load_classifier(tfidf).probabilities(["GOOD", "bad", "nothing known", "very good"])
    assert found.argmax(axis=1).tolist()[:2] == [1, 0]
    assert found[2] == pytest.approx([0.5, 0.5])
    assert found[3, 1] > 0.5


def test_card_reads_as_written(frozen: Path, make_card: MakeCard) -> None:
    assert read_card(frozen) == make_card("base")


@pytest.mark.parametrize("kind", ["tfidf", "frozen", "whole", "adapter"])
@pytest.mark.parametrize("damage", ["missing", "cut", "other labels"])
def test_damaged_head_is_named(kind: str, damage: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(kind)
    path = folder / "head.safetensors"
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        cut(path)
    else:
        card = json.loads((folder / "tuneos.json").read_text())
        card["labels"] += ["maybe"]
        (folder / "tuneos.json").write_text(json.dumps(card))
    assert str(path) in refused(folder)


@pytest.mark.parametrize(
    "tensors",
    [
        {"weight": np.zeros((2, 32), np.float32)},
        {"weight": np.zeros((2, 32), np.float32), "bias": np.zeros(3, np.float32)},
        {"weight": np.zeros(2, np.float32), "bias": np.zeros(2, np.float32)},
        {"weight": np.zeros((2, 7), np.float32), "bias": np.zeros(2, np.float32)},
    ],
    ids=["no bias", "long bias", "flat weight", "narrow weight"],
)
@pytest.mark.parametrize("kind", ["tfidf", "frozen"])
def test_head_of_another_shape_is_refused(
    kind: str, tensors: dict[str, np.ndarray], request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(kind)
    save_file(tensors, folder / "head.safetensors")
    assert "head.safetensors" in refused(folder)


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xfe", b"[]", b'{"format": 2}'])
def test_missing_or_damaged_description_is_named(tfidf: Path, content: bytes | None) -> None:
    path = tfidf / "tuneos.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert "tuneos.json" in refused(tfidf)


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path / "gone").endswith("no such folder; give the folder that a run printed")


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("tfidf", "vocabulary.json"),
        ("tfidf", "idf.safetensors"),
        ("whole", "model.safetensors"),
        ("adapter", "adapter_model.safetensors"),
    ],
)
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_damaged_weights_are_named(
    kind: str, file: str, damage: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(kind)
    if damage == "missing":
        (folder / file).unlink()
    else:
        cut(folder / file)
    assert str(folder) in refused(folder)


def test_pickled_adapter_is_not_read(adapter: Path) -> None:
    import torch

    weights = adapter / "adapter_model.safetensors"
    tensors = {k: torch.from_numpy(v) for k, v in load_file(weights).items()}
    torch.save(tensors, adapter / "adapter_model.bin")
    weights.unlink()
    assert "adapter_model.bin: cannot be loaded: is of a kind that is unpickled" in refused(adapter)


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_damaged_adapter_settings_are_named(adapter: Path, damage: str) -> None:
    path = adapter / "adapter_config.json"
    if damage == "missing":
        path.unlink()
    else:
        cut(path)
    assert str(adapter) in refused(adapter)


def test_base_model_that_has_gone_is_named(tmp_path: Path, make_card: MakeCard) -> None:
    write_card(tmp_path, make_card("base", base_model="/gone/meanwhile"), head(32))
    assert "/gone/meanwhile" in refused(tmp_path, BaseModelError)


def test_other_weights_of_the_base_model_are_refused(tmp_path: Path, make_card: MakeCard) -> None:
    write_card(tmp_path, make_card("base", base_digest="0123"), head(32))
    assert "was tuned on other weights" in refused(tmp_path)


def test_tensor_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"not at all")
    with pytest.raises(ModelError, match=r"x\.safetensors: cannot be read"):
        read_tensors(path)


def no_states(texts: Sequence[str], progress: object) -> States:
    raise AssertionError("nobody asked for states")


class Echo:
    """A scorer that keeps what it was asked."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, texts: Sequence[str], progress: object) -> FloatArray:
        self.texts = list(texts)
        return np.full((len(texts), 2), 0.5)


@pytest.mark.parametrize(
    ("masked", "prepared", "seen"),
    [
        (True, False, "write to [EMAIL]"),
        (True, True, "write to ann@example.com"),
        (False, False, "write to ann@example.com"),
    ],
)
def test_texts_are_masked_for_a_model_that_learned_masked_ones(
    masked: bool, prepared: bool, seen: str, make_card: MakeCard, tmp_path: Path
) -> None:
    echo = Echo()
    model = Classifier(make_card("none", masked=masked), tmp_path, None, echo, no_states)
    model.probabilities(["write to ann@example.com"], prepared=prepared)
    assert echo.texts == [seen]


def test_each_text_is_timed_alone(make_card: MakeCard, tmp_path: Path) -> None:
    seen: list[tuple[str, ...]] = []

    def echo(split: Split, progress: object) -> list[Answer]:
        seen.append(split.texts)
        return [{"label": "no", "score": 0.5}] * len(split)

    model = Model(find_task("text-classification"), make_card("none"), tmp_path, None, echo)
    laps = model.latencies(Split(tuple("abcd"), ("",) * 4, (None,) * 4, ("",) * 4))
    assert laps.shape == (4,)
    assert (laps > 0).all()
    assert seen[-1] == ("d",)


def test_size_counts_the_folder_and_the_base_weights_that_are_used(
    tfidf: Path, tiny_base: Path
) -> None:
    own = sum(f.stat().st_size for f in tfidf.iterdir()) / 1e6
    assert size_mb(tfidf, None) == pytest.approx(own)
    base = (tiny_base / "model.safetensors").stat().st_size / 1e6
    assert size_mb(tfidf, tiny_base) == pytest.approx(own + base)
