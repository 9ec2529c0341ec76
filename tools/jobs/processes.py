"""Processes that others started: ending what is left of a group, and who was killed for memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

PATIENCE = 5.0  # seconds for killed processes to go
_BIRTH = 2.0  # seconds that a process's birth may seem to shift
OURS = "tuneos.tools."


def end_group(leader: int, born: float | None) -> int:
    """Kill what is left of the process group of a job; returns how many there were.

    The leader may be gone while those it started live on. Only processes of ours
    are touched, and only ones that are not older than the leader: its number may
    have been given to somebody else.

    Args:
        leader: Process id, and number of the group.
        born: When the leader started, Unix seconds; None: nothing is ended.
    """
    if born is None or not hasattr(os, "getpgid"):
        return 0
    left = list(_members(leader, born))
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=PATIENCE)
    return len(left)


def _members(group: int, born: float) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            if os.getpgid(process.pid) != group or process.create_time() < born - _BIRTH:
                continue
            if any(OURS in word for word in process.cmdline()):
                yield process


def out_of_memory_kills(root: Path = Path("/")) -> int:
    """Count the processes that the system has killed for memory so far.

    Of this control group where that is told, else of the whole machine; 0 where
    nobody counts.
    """
    for path in (*_memory_events(root), root / "proc/vmstat"):
        with contextlib.suppress(OSError, ValueError):
            for line in path.read_text(encoding="utf-8").splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count)
    return 0


def _memory_events(root: Path) -> Iterator[Path]:
    """Files of control groups, version 2 and 1, that count."""
    base = root / "sys/fs/cgroup"
    with contextlib.suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            number, controllers, path = line.split(":", 2)
            if number == "0":
                yield base / path.lstrip("/") / "memory.events"
            if "memory" in controllers.split(","):
                yield base / "memory" / path.lstrip("/") / "memory.oom_control"
    yield base / "memory.events"
    yield base / "memory/memory.oom_control"
