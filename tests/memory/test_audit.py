"""The audit log grows at its end and nowhere else; every other change is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tuneos.memory.audit import FILE, AuditLog
from tuneos.memory.errors import StoreError
from tuneos.memory.ledger import Ledger

Change = Callable[[list[str]], list[str]]


def log_of(folder: Path) -> AuditLog:
    ledger = Ledger(folder / "ledger.sqlite")
    ledger.start_run("run", {})
    return AuditLog(folder, ledger, "run")


def filled(folder: Path, count: int = 4) -> AuditLog:
    log = log_of(folder)
    for number in range(count):
        log.add("allowed", {"tool": f"tool_{number}", "arguments": {"path": Path("x")}})
    return log


def test_what_was_decided_is_read_back(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    entries = log_of(tmp_path).read()
    assert [(e.number, e.what, e.said["tool"]) for e in entries] == [
        (1, "allowed", "tool_0"),
        (2, "allowed", "tool_1"),
    ]


def test_empty_log_is_whole(tmp_path: Path) -> None:
    assert log_of(tmp_path).read() == []


def edited(lines: list[str]) -> list[str]:
    return [lines[0], lines[1].replace("tool_1", "tool_9"), *lines[2:]]


def edited_with_its_hash(lines: list[str]) -> list[str]:
    from tuneos.memory.audit import _hash

    said = json.loads(lines[-1])
    said["said"]["tool"] = "tool_9"
    said["hash"] = _hash(said)
    return [*lines[:-1], json.dumps(said)]


def added(lines: list[str]) -> list[str]:
    from tuneos.memory.audit import _hash

    for _ in range(2):
        last = json.loads(lines[-1])
        said = {**last, "number": last["number"] + 1, "before": last["hash"]}
        lines = [*lines, json.dumps({**said, "hash": _hash(said)})]
    return lines


@pytest.mark.parametrize(
    "change",
    [
        edited,
        edited_with_its_hash,
        added,
        lambda lines: lines[1:],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: lines[:-1],
        lambda lines: [],
        lambda lines: [*lines[:-1], "{}"],
    ],
)
def test_tampering_is_found(change: Change, tmp_path: Path) -> None:
    log = filled(tmp_path)
    path = tmp_path / FILE
    lines = change(path.read_text().splitlines())
    path.write_text("".join(line + "\n" for line in lines))
    with pytest.raises(StoreError, match="can't be relied on"):
        log.read()


def test_line_torn_by_a_crash_is_made_good(tmp_path: Path) -> None:
    log = filled(tmp_path)
    with (tmp_path / FILE).open("a") as file:
        file.write('{"number": 5, "when')
    log.add("refused", {"tool": "x"})
    assert [e.number for e in log.read()] == [1, 2, 3, 4, 5]


def test_line_that_the_ledger_has_not_heard_of_is_borne_with(tmp_path: Path) -> None:
    log = filled(tmp_path)
    before = log._ledger.kept("run", "audit")
    log.add("allowed", {"tool": "x"})
    assert before is not None
    log._ledger.keep("run", "audit", before)
    assert len(log.read()) == 5
