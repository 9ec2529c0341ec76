"""Who judges an action: the package's own rules here, with a user's in a process of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from .rulebook import RuleBook, Violation
from .sources import ntriples_of

if TYPE_CHECKING:
    from pyoxigraph import Triple
    from rdflib import Graph

UNJUDGED = "not judged"
SECONDS = 2.0  # for all rules over one action; the package's own take a hundredth


class Judge(Protocol):
    """Says what rules have against an action."""

    def check(self, action: Graph) -> tuple[Violation, ...]:
        """Judge an action."""
        ...


class GuardedRules:
    """Rules that are evaluated in a child process, which is ended when it takes too long.

    What cannot be judged is forbidden, in words that name the rule.

    Args:
        rules: The shapes, and facts that they go by.
        background: What is known besides.
        seconds: For all rules over one action.
    """

    def __init__(
        self, rules: Iterable[Triple], background: Iterable[Triple], *, seconds: float = SECONDS
    ) -> None:
        self._first = {
            "rules": ntriples_of(rules),
            "background": ntriples_of(background),
            "seconds": seconds,
        }
        self._seconds = seconds
        self._child: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Start the child and wait until it is ready, so that the first check need not."""
        with self._lock:
            self._running()

    def check(self, action: Graph) -> tuple[Violation, ...]:
        """Judge an action; see `RuleBook.check`."""
        line = json.dumps({"action": action.serialize(format="nt")})
        with self._lock:
            child = self._running()
            if child is None:
                return (_unjudged("", "the rules could not be loaded"),)
            at = ""
            try:
                assert child.stdin is not None
                assert child.stdout is not None
                child.stdin.write(line + "\n")
                child.stdin.flush()
                while True:
                    answer: dict[str, Any] = json.loads(child.stdout.readline())
                    if "at" not in answer:
                        break
                    at = answer["at"]
            except (OSError, ValueError):  # it is gone: its time is over
                self._child = None
                return (_unjudged(at, f"it could not be checked within {self._seconds:g} s"),)
        if "error" in answer:
            return (_unjudged(at, f"it could not be checked: {answer['error']}"),)
        return tuple(Violation(**{**v, "evidence": tuple(v["evidence"])}) for v in answer["found"])

    def _running(self) -> subprocess.Popen[str] | None:
        if self._child is not None and self._child.poll() is None:
            return self._child
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "tuneos.memory.rule_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        weakref.finalize(self, _end, child)
        try:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(json.dumps(self._first) + "\n")
            child.stdin.flush()
            if not json.loads(child.stdout.readline()).get("ready"):
                return None
        except (OSError, ValueError):
            _end(child)
            return None
        self._child = child
        return child


def judge_of(rules: Iterable[Triple], background: Iterable[Triple], *, trusted: bool) -> Judge:
    """Make a judge: in this process where all that it goes by is the package's own."""
    if trusted:
        return RuleBook(rules, background)
    guarded = GuardedRules(rules, background)
    guarded.begin()
    return guarded


def _unjudged(rule: str, why: str) -> Violation:
    name = rule.rpartition("#")[2].rpartition("/")[2] or "rules"
    return Violation(rule, name, f"{why}; mend or remove it", source=UNJUDGED)


def _end(child: subprocess.Popen[str]) -> None:
    """End a child and close its pipes."""
    child.kill()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    child.wait()
