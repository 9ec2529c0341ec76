"""The checkpointer resumes, and names a damaged file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from tuneos.memory import rowsums
from tuneos.memory.checkpoints import open_checkpointer
from tuneos.memory.errors import StoreError


class State(TypedDict):
    count: int


CONFIG: RunnableConfig = {"configurable": {"thread_id": "run"}}


def count_once(path: Path) -> int:
    graph = StateGraph(State)
    graph.add_node("add", lambda state: {"count": state["count"] + 1})
    graph.add_edge(START, "add")
    graph.add_edge("add", END)
    with open_checkpointer(path) as saver:
        app = graph.compile(checkpointer=saver)
        before = app.get_state(CONFIG).values.get("count", 0)
        return int(app.invoke({"count": before}, CONFIG)["count"])


def test_state_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.sqlite"
    assert [count_once(path) for _ in range(3)] == [1, 2, 3]


def test_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.sqlite"
    path.write_bytes(b"junk" * 1000)
    told: list[str] = []
    with open_checkpointer(path, on_restore=told.append) as saver:
        assert saver.get_tuple(CONFIG) is None
    assert "set aside as checkpoints.sqlite.damaged-" in told[0]
    assert "nothing is trained again" in told[0]
    assert len(list(tmp_path.glob("checkpoints.sqlite.damaged-*"))) == 1


def test_missing_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "checkpoints.sqlite"
    with pytest.raises(StoreError, match="cannot be written"), open_checkpointer(path):
        pass


def test_torn_file_is_set_aside_and_told(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.sqlite"
    for _ in range(10):
        count_once(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    told: list[str] = []
    with open_checkpointer(path, on_restore=told.append):
        pass
    assert len(told) == 1
    assert count_once(path) == 1


@pytest.mark.parametrize(
    "change",
    ["checkpoint_id = 'x' || checkpoint_id", "parent_checkpoint_id = NULL", "metadata = x'7B7D'"],
)
def test_changed_row_is_found_though_its_value_is_whole(tmp_path: Path, change: str) -> None:
    path = tmp_path / "checkpoints.sqlite"
    count_once(path)
    with closing(sqlite3.connect(path)) as db, db:
        (trigger,) = db.execute(
            "SELECT sql FROM sqlite_schema WHERE name = 'checkpoints_UPDATE'"
        ).fetchone()
        db.execute("DROP TRIGGER checkpoints_UPDATE")
        db.execute(f"UPDATE checkpoints SET {change} WHERE rowid = 2")
        db.execute(trigger)
    told: list[str] = []
    with open_checkpointer(path, on_restore=told.append):
        pass
    assert "row 2 of checkpoints was changed" in told[0]


def test_damaged_checkpoint_is_named_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.sqlite"
    count_once(path)
    with closing(sqlite3.connect(path)) as db, db:
        rowsums.connect(db)
        db.execute("UPDATE checkpoints SET checkpoint = x'C1C1C1'")
    with pytest.raises(StoreError, match="is damaged"), open_checkpointer(path) as saver:
        saver.get_tuple(CONFIG)
    with pytest.raises(StoreError, match="is damaged"), open_checkpointer(path) as saver:
        list(saver.list(CONFIG))


@dataclass(frozen=True)
class Note:
    """A class that a state may hold, if the caller says so."""

    text: str


@pytest.mark.parametrize(("allowed", "built"), [((), False), ((Note,), True)])
def test_only_allowed_classes_are_built_from_the_file(
    tmp_path: Path, allowed: tuple[type, ...], built: bool
) -> None:
    with open_checkpointer(tmp_path / "c.sqlite", allowed) as saver:
        packed = saver.serde.dumps_typed({"note": Note("hello")})
        assert isinstance(saver.serde.loads_typed(packed)["note"], Note) is built


def test_errors_of_the_caller_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(KeyError), open_checkpointer(tmp_path / "c.sqlite"):
        raise KeyError("bug")


def values(path: Path) -> list[tuple[str, bytes]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(
            "SELECT checkpoint_id, checkpoint FROM checkpoints ORDER BY 1 DESC"
        ).fetchall()


def flip(path: Path, name: str, table: str = "checkpoints") -> None:
    """Flip one bit in the middle of a stored value."""
    with closing(sqlite3.connect(path)) as db:
        rowsums.connect(db)
        (value,) = db.execute(
            f"SELECT checkpoint FROM {table} WHERE checkpoint_id = ?", (name,)
        ).fetchone()
        damaged = bytearray(value)
        damaged[len(damaged) // 2] ^= 4
        db.execute(
            f"UPDATE {table} SET checkpoint = ? WHERE checkpoint_id = ?", (bytes(damaged), name)
        )
        db.commit()


def test_damaged_last_checkpoint_gives_way_to_the_one_before_and_is_told(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.sqlite"
    for _ in range(3):
        count_once(path)
    newest, before = values(path)[:2]
    flip(path, newest[0])
    told: list[str] = []
    with open_checkpointer(path, on_restore=told.append) as saver:
        found = saver.get_tuple(CONFIG)
        assert found is not None
        assert found.config["configurable"]["checkpoint_id"] == before[0]
    assert "the last 1 checkpoint(s) of run were damaged" in told[0]
    assert newest[0] not in [name for name, _ in values(path)]
    with open_checkpointer(path, on_restore=told.append) as saver:
        saver.get_tuple(CONFIG)
    assert len(told) == 1, "it is whole again"


def test_thread_without_a_whole_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.sqlite"
    count_once(path)
    for name, _ in values(path):
        flip(path, name)
    with open_checkpointer(path) as saver, pytest.raises(StoreError, match="tuneos resume RUN"):
        saver.get_tuple(CONFIG)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_no_flipped_bit_goes_unnoticed(tmp_path: Path, place: float) -> None:
    path = tmp_path / "checkpoints.sqlite"
    count_once(path)
    with open_checkpointer(path) as saver:
        kind, value = saver.serde.dumps_typed({"count": 3, "text": "x" * 50})
        assert saver.serde.loads_typed((kind, value)) == {"count": 3, "text": "x" * 50}
        damaged = bytearray(value)
        damaged[int(place * len(damaged))] ^= 1
        with pytest.raises(ValueError, match="checksum"):
            saver.serde.loads_typed((kind, bytes(damaged)))
