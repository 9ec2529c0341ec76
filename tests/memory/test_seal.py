"""The test split is opened by one opener only."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tuneos.memory import rowsums
from tuneos.memory.errors import StoreError
from tuneos.memory.ledger import Ledger
from tuneos.memory.seal import SealBroken, Seals

CONTENT = b"text,label\n" * 1000


@pytest.fixture
def seals(tmp_path: Path) -> Seals:
    seals = Seals(tmp_path / "ledger.sqlite")
    seals.seal("a", CONTENT)
    return seals


def test_first_opener_is_recorded(seals: Seals) -> None:
    assert seals.opened_by("a") is None
    assert seals.open("a", "confirm:lora-1") == CONTENT
    assert seals.opened_by("a") == "confirm:lora-1"


def test_same_opener_may_repeat_after_a_crash(seals: Seals, tmp_path: Path) -> None:
    seals.open("a", "confirm:lora-1")
    assert Seals(tmp_path / "ledger.sqlite").open("a", "confirm:lora-1") == CONTENT


def test_another_opener_breaks_the_seal(seals: Seals) -> None:
    seals.open("a", "confirm:lora-1")
    with pytest.raises(SealBroken, match=r"'confirm:lora-1' and not again for 'confirm:lora-2'"):
        seals.open("a", "confirm:lora-2")
    assert seals.opened_by("a") == "confirm:lora-1"


def test_sealed_content_cannot_be_replaced(seals: Seals) -> None:
    assert seals.seal("a", CONTENT) == seals.seal("a", CONTENT)
    with pytest.raises(SealBroken, match="cannot be replaced"):
        seals.seal("a", b"easier")
    assert seals.open("a", "x") == CONTENT


def test_runs_have_seals_of_their_own(seals: Seals) -> None:
    seals.seal("b", b"")
    assert seals.open("b", "x") == b""
    assert seals.opened_by("a") is None
    with pytest.raises(StoreError, match="run c has no sealed"):
        seals.open("c", "x")
    assert seals.opened_by("c") is None


def test_changed_content_is_noticed_and_leaves_the_seal_closed(
    seals: Seals, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as db, db:
        rowsums.connect(db)
        db.execute("UPDATE seals SET content = x'00'")
    with pytest.raises(SealBroken, match="was changed"):
        seals.open("a", "x")
    assert seals.opened_by("a") is None


def test_content_is_stored_compressed(seals: Seals, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as db:
        (size,) = db.execute("SELECT LENGTH(content) FROM seals").fetchone()
    assert size < len(CONTENT) / 10


def test_seals_and_ledger_share_a_file(seals: Seals, tmp_path: Path) -> None:
    Ledger(tmp_path / "ledger.sqlite").start_run("a", {})
    assert seals.open("a", "x") == CONTENT
