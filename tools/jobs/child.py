"""The process that does a job: `python -m tuneos.tools.jobs.child SPEC FOLDER PARENT`.

Progress goes to standard output as one JSON object a line; the outcome is
written to FOLDER/outcome.json. Exit code 3 means the machine ran out of memory.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path

import psutil

from ...memory.errors import disk_full
from ...memory.redaction import redact, redacted
from ..errors import UserError
from ..facts import JobProgress, Outcome
from ..guardrails.network import guard_for_good, hosts_in_environment
from .spec import JobSpec

ENGINES = {
    "probe": "tuneos.tools.training.probe",
    "fine_tune": "tuneos.tools.training.fine_tune",
    "blend": "tuneos.tools.training.blend",
    "search": "tuneos.tools.search.study",
    "score": "tuneos.tools.training.score",
    "rank": "tuneos.tools.training.rank_bases",
    "augment": "tuneos.tools.augment.job",
    "knowledge": "tuneos.tools.fusion.job",
    "anomaly": "tuneos.tools.anomaly.job",
}
# As torch words it; and oneDNN, which has no other words for it.
NO_MEMORY = ("out of memory", "can't allocate", "could not create a primitive", "bad_alloc")
OUT_OF_MEMORY = 3
FAILED = 4
DISK_FULL = 5
TELL_EVERY = 0.2  # seconds between progress lines


def main() -> int:
    """Do the job that the first argument describes, in the folder of the second."""
    end_with_parent(int(sys.argv[3]))
    guard_for_good(hosts_in_environment())
    spec = JobSpec.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = Path(sys.argv[2])
    start = time.monotonic()
    try:
        engine = importlib.import_module(ENGINES[spec.what.kind])
        outcome: Outcome = engine.run(_with_time_left(spec), folder, _Teller())
    except Exception as error:  # the one boundary of the process: it becomes a recorded failure
        traceback.print_exc(file=sys.stderr)
        _say({"error": describe(error)})
        if disk_full(error):
            return DISK_FULL
        return OUT_OF_MEMORY if out_of_memory(error) else FAILED
    seconds = time.monotonic() - start
    outcome = outcome.model_copy(update={"seconds": seconds, "device": _device()})
    (folder / "outcome.json").write_text(redacted(outcome).model_dump_json(), encoding="utf-8")
    return 0


def _with_time_left(spec: JobSpec) -> JobSpec:
    """Starting up has taken of the job's time: on a busy machine, a good part of it."""
    if spec.seconds is None:
        return spec
    up = max(0.0, time.time() - psutil.Process().create_time())
    return spec.model_copy(update={"seconds": max(0.0, spec.seconds - up)})


def _device() -> str:
    """Where torch computed; empty where it was not used."""
    if "torch" not in sys.modules:
        return ""
    from ..training.hardware import pick_device

    return pick_device().kind


def describe(error: Exception) -> str:
    """One line for people and controllers, without secrets."""
    return redact(_described(error))


def _described(error: Exception) -> str:
    if out_of_memory(error):
        return "ran out of memory; use a smaller batch_size or max_length"
    if isinstance(error, (UserError, FloatingPointError)):
        return str(error)
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


def out_of_memory(error: BaseException) -> bool:
    """Tell running out of memory, on the CPU or a GPU, from other failures."""
    text = str(error).lower()
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in text for words in NO_MEMORY)
    )


class _Teller:
    """Prints progress, not more often than anyone can read."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, progress: JobProgress) -> None:
        now = time.monotonic()
        if now - self._last >= TELL_EVERY or progress.share >= 1:
            self._last = now
            _say(progress.model_dump())


def _say(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


def end_with_parent(parent: int) -> None:
    """Do not go on burning a core for an agent that is no more.

    Args:
        parent: Who started this process; it may have died before we could ask.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(FAILED)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
