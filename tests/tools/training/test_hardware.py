"""The number of threads stays what the first job of a workspace found."""

from __future__ import annotations

from pathlib import Path

import pytest
from tuneos.tools.training import hardware


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("torch.set_num_threads", lambda _: None)


@pytest.mark.usefixtures("calm")
def test_threads_are_calibrated_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "calibrate_threads", lambda: 3)
    assert hardware.pin_threads(tmp_path / "cache") == 3
    monkeypatch.setattr(hardware, "calibrate_threads", lambda: pytest.fail("measured again"))
    assert hardware.pin_threads(tmp_path / "cache") == 3


@pytest.mark.usefixtures("calm")
def test_another_machine_is_calibrated_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "calibrate_threads", lambda: 3)
    hardware.pin_threads(tmp_path)
    monkeypatch.setattr(hardware, "cores", lambda: 512)
    monkeypatch.setattr(hardware, "calibrate_threads", lambda: 8)
    assert hardware.pin_threads(tmp_path) == 8


def test_the_users_number_is_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("torch.get_num_threads", lambda: 1)
    assert hardware.pin_threads(tmp_path) == 1
    assert not list(tmp_path.iterdir())
