"""A damaged study is set aside: it is a record, and no result rests on it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tuneos.tools.search.storage import set_aside_if_damaged


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A small SQLite file in the study's place."""
    path = tmp_path / "studies.sqlite"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE trials (number INTEGER, value REAL)")
        db.executemany("INSERT INTO trials VALUES (?, ?)", [(n, n / 7) for n in range(2000)])
    return path


def test_whole_study_stays(study: Path) -> None:
    assert set_aside_if_damaged(study) == []
    assert study.is_file()


@pytest.mark.parametrize("keep", [0.3, 0.0])
def test_damaged_study_is_set_aside_and_told(study: Path, keep: float) -> None:
    content = study.read_bytes()
    study.write_bytes(content[: int(keep * len(content))] + b"nonsense" * 100)
    (note,) = set_aside_if_damaged(study)
    assert "was damaged" in note
    assert not study.exists()
    assert len(list(study.parent.glob("studies.sqlite.damaged-*"))) == 1


def test_missing_study_is_none_of_this_concern(tmp_path: Path) -> None:
    assert set_aside_if_damaged(tmp_path / "studies.sqlite") == []
