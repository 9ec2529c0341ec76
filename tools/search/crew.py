"""The processes that train a search's trials: handed one task at a time, replaced when they die."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from ..facts import JobProgress
from ..jobs.processes import out_of_memory_kills
from ..jobs.running import child_environment
from .results import Drawn
from .worker import Task


@dataclass(eq=False)
class Member:
    """A worker process; `task` is what it is at, `latest` how far it says it is."""

    process: subprocess.Popen[str]
    memory_kills: int
    task: Drawn | None = None
    latest: JobProgress | None = None

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    @property
    def starved(self) -> bool:
        """Whether it was killed for memory."""
        killed = (self.process.returncode or 0) < 0
        return killed and out_of_memory_kills() > self.memory_kills


class Crew:
    """Workers of one search. They are in the job's own process group, and end with it."""

    def __init__(self, description: Path) -> None:
        self._description = description
        self._said: queue.Queue[Member] = queue.Queue()
        self.members: list[Member] = []

    def hire(self) -> Member:
        """Start a worker."""
        words = [sys.executable, "-P", "-m", "tuneos.tools.search.worker"]
        process = subprocess.Popen(
            [*words, str(self._description), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=child_environment(),
            text=True,
        )
        member = Member(process, out_of_memory_kills())
        self.members.append(member)
        threading.Thread(target=self._read, args=(member,), daemon=True).start()
        return member

    def give(self, member: Member, task: Task) -> None:
        """Hand a task out; a worker that has just died is found out by `wait`."""
        member.task, member.latest = task.drawn, None
        if member.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                member.process.stdin.write(task.model_dump_json() + "\n")
                member.process.stdin.flush()

    def wait(self, seconds: float) -> None:
        """Return when a worker has ended a task, or died, or the time is up."""
        with contextlib.suppress(queue.Empty):
            self._said.get(timeout=seconds)

    def fallen(self) -> list[Member]:
        """Take the workers that have died out of the crew."""
        gone = [m for m in self.members if not m.alive]
        self.members = [m for m in self.members if m not in gone]
        return gone

    def dismiss(self) -> None:
        """End them all."""
        for member in self.members:
            member.process.kill()
            member.process.wait()
        self.members = []

    def _read(self, member: Member) -> None:
        for line in member.process.stdout or ():
            with contextlib.suppress(ValueError, KeyError):
                said = json.loads(line)
                if said.pop("trial") != (member.task and member.task.number):
                    continue
                if said.get("ended"):
                    member.task = None
                    self._said.put(member)
                else:
                    member.latest = JobProgress.model_validate(said)
        member.process.wait()
        self._said.put(member)
