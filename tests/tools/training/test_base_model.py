"""Base models: found, or refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tuneos.tools.errors import BaseModelError
from tuneos.tools.training.base_model import (
    BUILTIN,
    find_base_model,
    load_encoder,
    load_tokenizer,
)


def refused(ref: str) -> str:
    with pytest.raises(BaseModelError) as caught:
        find_base_model(ref)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_builtin_model_is_found_without_a_network() -> None:
    base = find_base_model(BUILTIN)
    assert base.hub_id == "sentence-transformers/all-MiniLM-L6-v2"
    assert base.max_tokens == 512
    assert base.path.is_dir()


def test_folder_is_described(tiny_bases: dict[str, Path]) -> None:
    bert, roberta = (find_base_model(str(tiny_bases[a])) for a in ("bert", "roberta"))
    assert (bert.path, bert.hub_id, bert.max_tokens) == (tiny_bases["bert"], None, 64)
    assert roberta.max_tokens == 64  # two positions are never used
    assert bert.digest != roberta.digest
    assert find_base_model(str(tiny_bases["bert"])).digest == bert.digest


def test_unknown_builtin_is_refused() -> None:
    assert refused("builtin:bert").endswith("the only built-in one is builtin:minilm")


@pytest.mark.parametrize("ref", ["/nowhere/at/all", "./nothing", "~/no-such-model", "a/b/c"])
def test_missing_folder_is_refused(ref: str) -> None:
    assert refused(ref) == f"base model {ref!r}: no such folder"


def test_folder_without_config_is_refused(tmp_path: Path) -> None:
    assert "holds no config.json" in refused(str(tmp_path))


def test_folder_without_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    assert "holds no .safetensors weights" in refused(str(tmp_path))


def test_damaged_config_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    for file in tiny_base.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "config.json").write_text('{"model_type": "bert",')
    assert "config.json" in refused(str(tmp_path))


def test_hub_name_is_looked_for_in_the_cache_when_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    said = refused("nobody/no-such-model")
    assert "not found in the local cache (offline)" in said
    assert BUILTIN in said


def test_damaged_weights_are_refused(tiny_base: Path, tmp_path: Path) -> None:
    for file in tiny_base.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(BaseModelError, match="cannot be loaded"):
        load_encoder(tmp_path)


def test_unknown_architecture_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    for file in tiny_base.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "no-such-thing"}))
    with pytest.raises(BaseModelError, match="cannot be loaded"):
        load_encoder(tmp_path)


def test_missing_tokenizer_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((tiny_base / name).read_bytes())
    with pytest.raises(BaseModelError, match="no usable tokenizer"):
        load_tokenizer(tmp_path)


def test_encoder_comes_in_float32_and_evaluation_mode(tiny_base: Path) -> None:
    encoder = load_encoder(tiny_base)
    assert not encoder.training
    assert {str(p.dtype) for p in encoder.parameters()} == {"torch.float32"}
