"""A damaged ledger is found, set aside, and its last whole state put back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tuneos.memory import copies
from tuneos.memory.errors import StoreError
from tuneos.memory.ledger import Ledger

Damage = Callable[[bytes], bytes]


def flipped(word: bytes) -> Damage:
    """Flip a bit of a word wherever it stands."""
    other = bytes([word[0] ^ 1]) + word[1:]
    return lambda content: content.replace(word, other)


DAMAGES: dict[str, Damage] = {
    "text that was flipped": flipped(b"tickets.csv"),
    "torn": lambda content: content[: len(content) // 2],
    "no database": lambda content: b"nonsense" + content[8:],
    "empty": lambda content: b"",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger of one run that has spent 5 s, 3 of them when the copy was made."""
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    ledger.start_run("a", {"data": "tickets.csv"})
    ledger.charge("a", "seconds", 3.0)
    ledger.keep("a", "rows", '{"train": 5}')
    ledger.keep_copy()
    ledger.charge("a", "seconds", 2.0)
    return path


def at_rest(path: Path) -> None:
    """Fold the log into the file, and forget that this process has found it whole."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copies._whole.clear()


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_ledger_is_named_and_its_copy_restored(path: Path, damage: Damage) -> None:
    at_rest(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StoreError, match=r"ledger.sqlite was damaged .* run the command again"):
        Ledger(path)
    ledger = Ledger(path)
    assert ledger.spending("a")["seconds"].spent == 3.0
    assert ledger.kept("a", "rows") == '{"train": 5}'
    assert "restored from its copy" in ledger.notes("a")[0]
    assert len(list(path.parent.glob("ledger.sqlite.damaged-*"))) >= 1


def test_ledger_that_is_gone_is_restored(path: Path) -> None:
    at_rest(path)
    for part in path.parent.glob("ledger.sqlite*"):
        if part != copies.copy_of(path):
            part.unlink()
    with pytest.raises(StoreError, match="it is gone"):
        Ledger(path)
    assert Ledger(path).run("a").spec == {"data": "tickets.csv"}


def test_ledger_without_a_copy_is_set_aside_and_the_next_one_begins_anew(path: Path) -> None:
    at_rest(path)
    copies.copy_of(path).unlink()
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(StoreError, match="there is no whole copy"):
        Ledger(path)
    assert Ledger(path).runs() == ()


def test_whole_ledger_opens_without_a_word(path: Path) -> None:
    at_rest(path)
    assert Ledger(path).spending("a")["seconds"].spent == 5.0
    assert Ledger(path).notes("a") == ()


def test_ledger_damaged_while_in_use_is_never_copied(path: Path) -> None:
    ledger = Ledger(path)
    whole = copies.copy_of(path).read_bytes()
    with closing(sqlite3.connect(path)) as db, db:  # past the checksums, as a bad disk would
        db.execute("DROP TRIGGER budgets_UPDATE")
        db.execute("UPDATE budgets SET spent = 0")
    with pytest.raises(StoreError, match="row 1 of budgets was changed"):
        ledger.keep_copy()
    assert copies.copy_of(path).read_bytes() == whole
    assert ledger.spending("a")["seconds"].spent == 3.0


def test_ledger_from_before_checksums_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "CREATE TABLE budgets (run TEXT NOT NULL, resource TEXT NOT NULL, most REAL,"
            " spent REAL NOT NULL DEFAULT 0, PRIMARY KEY (run, resource))"
        )
        db.execute("INSERT INTO budgets VALUES ('a', 'seconds', 10, 4)")
    Ledger(path).charge("a", "seconds", 1.0)
    at_rest(path)
    assert Ledger(path).spending("a")["seconds"].spent == 5.0
