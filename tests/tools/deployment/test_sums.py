"""A model folder whose files are not as they were saved is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tuneos.tools.deployment.load import load_classifier
from tuneos.tools.deployment.sums import SUMS, check_sums, write_sums
from tuneos.tools.errors import ModelError


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with two files and their checksums."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "tuneos.json").write_text("{}")
    (tmp_path / "parts" / "head.safetensors").write_bytes(b"weights")
    write_sums(tmp_path)
    return tmp_path


def test_whole_folder_passes_and_a_card_may_be_added(model: Path) -> None:
    (model / "README.md").write_text("what it is")
    check_sums(model)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "parts/head.safetensors").write_bytes(b"weightt"), "head.*was changed"),
        (lambda f: (f / "parts/head.safetensors").unlink(), "head.safetensors: is missing"),
        (lambda f: (f / SUMS).write_text(""), "SHA256SUMS: is empty"),
        (lambda f: (f / SUMS).write_text("0  ../x\n"), "SHA256SUMS: is damaged"),
        (lambda f: (f / SUMS).write_bytes(b"\xff"), "SHA256SUMS: cannot be read"),
    ],
)
def test_damage_is_named_before_anything_is_loaded(
    model: Path, damage: Callable[[Path], object], words: str
) -> None:
    damage(model)
    with pytest.raises(ModelError, match=words):
        load_classifier(model)


def test_folder_without_checksums_was_made_elsewhere(tmp_path: Path) -> None:
    check_sums(tmp_path)
