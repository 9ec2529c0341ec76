"""Our side of the process that evaluates queries: begun when first asked, ended when idle.

Starting it takes a fifth of a second, more than most queries. So it stays for the next
one, and the kernel's limits stay with it: see query_process.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from typing import Any

from .sparql import QueryRefused

_STARTUP_SECONDS = 30.0  # for the process to start, on a busy machine
_TOO_SLOW = (
    "The query took longer than {:g} s and was stopped; name more of the pattern, "
    "avoid unconnected patterns and open-ended paths, or ask for fewer things."
)
_SIGALRM, _SIGKILL = -14, -9


class QueryChild:
    """A kept process that answers requests one at a time; making one starts nothing."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._end: weakref.finalize[Any, Any] | None = None
        self._one_at_a_time = threading.Lock()
        self._asked = 0

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request as query_process.py describes it; return the answer.

        Raises:
            QueryRefused: Time or memory was up; the next request gets a new process.
        """
        with self._one_at_a_time:
            for _ in range(2):
                answer = self._exchange(self._begun(), request)
                if answer is None:
                    continue
                if "killed" in answer:
                    raise _ended(answer["killed"], request.get("of", request["seconds"]))
                if "bug" in answer:
                    raise RuntimeError(answer["bug"])
                return answer
            raise QueryRefused("The process that answers queries cannot be started.")

    def close(self) -> None:
        """End the process, if there is one."""
        if self._end is not None:
            self._end()
        self._process = self._end = None

    def _begun(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tuneos.memory.query_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # where Oxigraph says that memory is up
                text=True,
                encoding="utf-8",
            )
            self._end = weakref.finalize(self, _end, self._process)
        return self._process

    def _exchange(
        self, process: subprocess.Popen[str], request: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Ask and read the answer; None when the process had gone before it was asked."""
        assert process.stdin is not None
        assert process.stdout is not None
        self._asked += 1
        late = threading.Timer(request["seconds"] + _STARTUP_SECONDS, process.kill)
        late.daemon = True
        late.start()
        try:
            process.stdin.write(json.dumps({"id": self._asked, **request}) + "\n")
            process.stdin.flush()
            while line := process.stdout.readline():
                answer: dict[str, Any] = json.loads(line)
                if "killed" in answer or answer["id"] == self._asked:
                    break  # and not an answer that came too late
        except BrokenPipeError:
            line = ""
        finally:
            late.cancel()
        if line:
            return answer
        code = process.wait()
        self.close()
        if code == 0:  # it had been idle for long, and ended
            return None
        raise _ended(code, request.get("of", request["seconds"]))


def _ended(code: int, seconds: float) -> QueryRefused:
    """Say why a process was ended by the kernel, or by us."""
    if code in (_SIGALRM, _SIGKILL):
        return QueryRefused(_TOO_SLOW.format(seconds))
    return QueryRefused("The query wanted more memory than it may have; ask for less at once.")


def _end(process: subprocess.Popen[str]) -> None:
    """End the process and close its pipes; it only reads, so nothing is lost."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # what was still to be written
                pipe.close()
