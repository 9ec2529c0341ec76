"""The child process that judges actions by a user's rules: `python -m tuneos.memory.rule_process`.

A rule that a user wrote may ask Oxigraph for more than it can ever answer, and native code
cannot be stopped from within. This process is ended by the kernel when an action takes too
long, and has no network where the system lets it go without. It reads the rules as a line of
JSON, then an action a line, and answers with a line each; before it evaluates a rule it says
which, so that the one that takes too long is known.
"""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import asdict

from .query_process import _confine

BUILD_SECONDS = 60.0


def main() -> None:
    """Answer the actions on stdin until it ends."""
    from pyoxigraph import RdfFormat, parse
    from rdflib import Graph

    from .rulebook import RuleBook

    said = json.loads(sys.stdin.readline())
    _confine()
    _limit(BUILD_SECONDS)
    rules, background = (
        [quad.triple for quad in parse(said[part], RdfFormat.N_TRIPLES)]
        for part in ("rules", "background")
    )
    book = RuleBook(rules, background)
    _limit(0.0)
    _tell({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        _limit(said["seconds"])
        try:
            found = book.check(
                Graph().parse(data=asked["action"], format="nt"), lambda rule: _tell({"at": rule})
            )
            answer: dict[str, object] = {"found": [asdict(v) for v in found]}
        except Exception as error:  # whatever pyshacl or Oxigraph stumble over
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        _limit(0.0)
        _tell(answer)


def _limit(seconds: float) -> None:
    if hasattr(signal, "setitimer"):  # its signal ends the process, native code or not
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _tell(message: dict[str, object]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
