"""Run a program that nobody has read against its tests, in a limited child process.

What is promised: it cannot use the network, start processes, write outside a folder that is
deleted afterwards, take more than its share of time and memory, or pass by ending early.
What isn't: tests run in the program's own process, so one written against this very harness
could still pretend to have passed.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .extract import syntax_error

_CHILD = Path(__file__).with_name("child.py")
_ANSWER_BYTES = 65_536  # of an answer of the child; it needs a few hundred


@dataclass(frozen=True)
class Limits:
    """What one program may use.

    Attributes:
        seconds: Wall-clock time, after which the whole process group is killed: long, so that
            a busy machine fails nobody. What computes on and on is ended by `cpu_seconds`.
        cpu_seconds: Processor time.
        memory: Address space, in bytes.
        file_bytes: Largest file that it may write.
    """

    seconds: float = 30.0
    cpu_seconds: int = 5
    memory: int = 512 * 2**20
    file_bytes: int = 2**20


@dataclass(frozen=True)
class Trial:
    """One program with its tests.

    Attributes:
        program: Python source.
        tests: Statements, run one after another in the program's own namespace.
        setup: Statements between the program and the tests, such as values they share.
    """

    program: str
    tests: tuple[str, ...]
    setup: str = ""


@dataclass(frozen=True)
class Verdict:
    """How it went: `why` is empty where all tests passed; `walls` as `confine` names them."""

    passed: bool
    why: str = ""
    walls: tuple[str, ...] = ()


def run_tests(trial: Trial, limits: Limits | None = None) -> Verdict:
    """Run a program and its tests; failing is an answer, never an exception.

    Source: the precautions of Chen et al. 2021, "Evaluating Large Language Models Trained
    on Code" (section 2.3), with the kernel's own walls where it has them.
    """
    wrong = syntax_error(trial.program)
    return (
        Verdict(False, f"the program does not parse: {wrong}"[:200])
        if wrong
        else _run(trial, limits or Limits())
    )


def _run(trial: Trial, limits: Limits) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="tuneos-", ignore_cleanup_errors=True) as folder:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            child = _start(theirs.fileno(), folder, limits)
            theirs.close()
            try:
                return _converse(ours, trial, time.monotonic() + limits.seconds)
            finally:
                _end(child)


def run_all(
    trials: Sequence[Trial],
    limits: Limits | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Verdict]:
    """Run many, as many at once as there are cores; in the order given, equal ones once."""
    wrong = {trial: syntax_error(trial.program) for trial in dict.fromkeys(trials)}
    found = {
        trial: Verdict(False, f"the program does not parse: {why}"[:200])
        for trial, why in wrong.items()
        if why
    }
    different = [trial for trial, why in wrong.items() if not why]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for trial, verdict in zip(
            different, pool.map(lambda one: _run(one, limits or Limits()), different), strict=True
        ):
            found[trial] = verdict
            if progress:
                progress(len(found), len(wrong))
    return [found[trial] for trial in trials]


def _start(channel: int, folder: str, limits: Limits) -> subprocess.Popen[bytes]:
    numbers = (limits.cpu_seconds, limits.memory, limits.file_bytes)
    # As -I, but for the one variable set here: the order of sets must not change from run to run.
    flags = ("-P", "-s", "-S", "-B", "-X", "utf8")
    return subprocess.Popen(
        [sys.executable, *flags, str(_CHILD), str(channel), folder, *map(str, numbers)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PYTHONHASHSEED": "0"},
        cwd=folder,
        pass_fds=(channel,),
        start_new_session=True,
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the whole group: also what the program may have started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.kill()
    child.wait()


def _converse(channel: socket.socket, trial: Trial, deadline: float) -> Verdict:
    key = secrets.token_hex(16)
    try:
        _send(channel, {"program": trial.program}, deadline)
        loaded = _receive(channel, deadline)
        walls = tuple(str(name) for name in loaded.get("walls") or ())
        if not loaded.get("loaded"):
            return Verdict(False, str(loaded.get("failed", "the program ends early"))[:200], walls)
        _send(channel, {"setup": trial.setup, "tests": trial.tests, "key": key}, deadline)
        answer = _receive(channel, deadline)
    except TimeoutError:
        return Verdict(False, "it takes too long")
    except (OSError, ValueError, EOFError):
        return Verdict(False, "the program ends before its tests do")
    if answer.get("key") == key:
        return Verdict(True, "", walls)
    return Verdict(False, str(answer.get("failed", "the program ends early"))[:200], walls)


def _send(channel: socket.socket, said: dict[str, Any], deadline: float) -> None:
    channel.settimeout(_left(deadline))
    channel.sendall(json.dumps(said).encode() + b"\n")


def _receive(channel: socket.socket, deadline: float) -> dict[str, Any]:
    got = bytearray()
    while not got.endswith(b"\n"):
        channel.settimeout(_left(deadline))
        part = channel.recv(4096)
        got += part
        if not part or len(got) > _ANSWER_BYTES:
            raise EOFError
    found = json.loads(got)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
