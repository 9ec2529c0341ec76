"""Orphans, and who was killed for memory."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tuneos.tools.jobs.processes import end_group, out_of_memory_kills

# A leader that starts a worker in its own group, says the worker's number, and goes.
LEADER = """
import subprocess, sys
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", sys.argv[1]])
print(worker.pid, flush=True)
"""


def orphan(mark: str) -> tuple[int, float, psutil.Process]:
    """A process whose parent, the leader of its group, is gone."""
    leader = subprocess.Popen(
        [sys.executable, "-c", LEADER, mark],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    born = time.time()
    with leader:
        assert leader.stdout is not None
        worker = psutil.Process(int(leader.stdout.readline()))
    return leader.pid, born - 1, worker


def test_what_is_left_of_a_group_is_ended() -> None:
    leader, born, worker = orphan("tuneos.tools.search.worker")
    assert end_group(leader, born) == 1
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    assert end_group(leader, born) == 0


@pytest.mark.parametrize(("mark", "later"), [("somebody else's", 0), ("tuneos.tools.x", 3600)])
def test_strangers_in_a_group_of_that_number_are_left_alone(mark: str, later: float) -> None:
    leader, born, worker = orphan(mark)
    try:
        assert end_group(leader, born + later) == 0
        assert worker.is_running()
    finally:
        worker.kill()


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({"sys/fs/cgroup/memory.events": "low 0\noom 2\noom_kill 1\n"}, 1),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/b/memory.events": "oom 9\noom_kill 4\n",
                "proc/vmstat": "oom_kill 77\n",
            },
            4,
        ),
        (
            {
                "proc/self/cgroup": "5:cpu,memory:/a\n",
                "sys/fs/cgroup/memory/a/memory.oom_control": "under_oom 0\noom_kill 3\n",
            },
            3,
        ),
        ({"proc/vmstat": "nr_free_pages 5\noom_kill 2\n"}, 2),
        ({}, 0),
    ],
)
def test_kills_for_memory_are_counted_where_the_system_tells(
    files: dict[str, str], count: int, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert out_of_memory_kills(tmp_path) == count
