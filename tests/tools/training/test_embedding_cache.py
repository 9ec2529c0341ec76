"""Cached embeddings are taken only when every byte is as it was written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tuneos.tools.training.data import _cached, _save


def test_embeddings_and_their_seconds_come_back(tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    _save(tmp_path / "a.npy", array, 1.25)
    found = _cached(tmp_path / "a.npy")
    assert found is not None
    assert np.array_equal(found[0], array)
    assert found[1] == 1.25


@pytest.mark.parametrize("place", [0, 70, 140, -1])
def test_flipped_bit_makes_them_be_computed_anew(tmp_path: Path, place: int) -> None:
    path = tmp_path / "a.npy"
    _save(path, np.ones((3, 4), np.float32), 1.0)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert _cached(path) is None


@pytest.mark.parametrize("keep", [0, 10, 100])
def test_torn_file_makes_them_be_computed_anew(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "a.npy"
    _save(path, np.ones((3, 4), np.float32), 1.0)
    path.write_bytes(path.read_bytes()[:keep])
    assert _cached(path) is None
