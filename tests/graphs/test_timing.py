"""Seconds are charged once, and known before a block has ended."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tuneos.graphs import timing
from tuneos.graphs.timing import metered
from tuneos.memory.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setattr(timing, "NOTE_EVERY", 0.05)
    return Ledger(tmp_path / "ledger.sqlite")


def spent(ledger: Ledger) -> float:
    return ledger.spending("r")["seconds"].spent


@pytest.mark.parametrize("reserved", [True, False])
def test_what_a_killed_block_has_cost_is_known(ledger: Ledger, reserved: bool) -> None:
    reservation = ledger.reserve("r", "seconds", 100.0) if reserved else None
    with metered(ledger, "r", reservation):
        time.sleep(0.4)
        ledger.release_open("r", include_own=True)  # what a resume does after a kill
        assert 0.1 < spent(ledger) <= 0.5


@pytest.mark.parametrize("reserved", [True, False])
def test_block_is_charged_once(ledger: Ledger, reserved: bool) -> None:
    reservation = ledger.reserve("r", "seconds", 100.0) if reserved else None
    start = time.monotonic()
    with metered(ledger, "r", reservation):
        time.sleep(0.3)
    assert 0.3 <= spent(ledger) <= time.monotonic() - start
    assert ledger.spending("r")["seconds"].reserved == 0
    assert ledger.release_open("r", include_own=True) == 0


def test_short_block_needs_no_reservation(ledger: Ledger) -> None:
    with metered(ledger, "r"):
        assert ledger.spending("r") == {}
    assert 0 <= spent(ledger) < 0.5


def test_failing_block_is_charged_too(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="odd"), metered(ledger, "r"):
        raise ValueError("odd")
    assert spent(ledger) >= 0
