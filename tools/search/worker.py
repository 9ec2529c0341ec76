"""One search worker: `python -m tuneos.tools.search.worker SPEC PARENT`.

Reads a task a line, trains with the settings it names, keeps the result on disk,
and says so on standard output. Several run on one thread each, so that they fit on
a machine; the one there is otherwise may use more.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import time
from pathlib import Path

from pydantic import BaseModel

from ...memory.errors import disk_full
from ..facts import JobProgress, Setting
from ..guardrails.network import guard_for_good, hosts_in_environment
from ..jobs.child import DISK_FULL, describe, end_with_parent, out_of_memory
from ..jobs.spec import JobSpec
from ..training.checkpoint import Checkpoints
from ..training.data import JobData
from ..training.fine_tune import settings_of, tune
from ..training.hardware import pin_threads
from ..training.loop import Pruned
from ..training.memory_estimate import gentler_by
from ..training.memory_retry import SOFTENED, changed
from .results import Drawn, TrialResult, TrialResults
from .sampling import ROBUST, Pruning, hardens

FAILURES = (RuntimeError, ValueError, ArithmeticError, MemoryError)  # of a trial, not of ours


class Task(BaseModel):
    """A trial to do.

    Attributes:
        drawn: Its number and what was drawn for it.
        earlier: Values, epoch by epoch, of the trials it is compared with.
        softened: How many times its settings are made gentler, as others ran out of memory.
        seconds: That it may take; None: no limit.
    """

    drawn: Drawn
    earlier: tuple[tuple[float, ...], ...] = ()
    softened: int = 0
    seconds: float | None = None


def main() -> int:
    """Do the tasks that come in, for the search of the first argument."""
    import torch

    end_with_parent(int(sys.argv[2]))
    guard_for_good(hosts_in_environment())
    spec = JobSpec.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if spec.workers > 1:
        torch.set_num_threads(1)
    else:
        pin_threads(Path(spec.cache))
    data = JobData.of(spec)
    for line in sys.stdin:
        task = Task.model_validate_json(line)
        try:
            do_trial(task, spec, data)
        except Exception as error:
            if disk_full(error):
                return DISK_FULL
            raise
        print(json.dumps({"trial": task.drawn.number, "ended": True}), flush=True)
    return 0


def do_trial(task: Task, spec: JobSpec, data: JobData) -> None:
    """Train, or go on from the trial's last checkpoint, and keep the result."""
    root, number = Path(spec.checkpoints), task.drawn.number
    checkpoints = Checkpoints(root / f"trial-{number}")
    failure: list[Exception] = []

    def train(folder: Path) -> TrialResult:
        at = task
        while True:
            try:
                return _trained(at, spec, data, folder, checkpoints)
            except Exception as error:  # a trial may fail, the study goes on
                if disk_full(error):
                    raise
                shutil.rmtree(folder, ignore_errors=True)
                softer = at.model_copy(update={"softened": at.softened + 1})
                if not out_of_memory(error) or settings_for(softer, spec) is None:
                    if not isinstance(error, FAILURES):
                        failure.append(error)
                    return failed(at.drawn, spec, describe(error))
            _free_memory()  # of what the error held, too
            at = softer

    TrialResults(root).keep(number, train)
    checkpoints.forget()
    if failure:
        raise failure[0]


def settings_for(task: Task, spec: JobSpec) -> dict[str, Setting] | None:
    """All settings of a trial, made gentler as often as it says; None where that cannot be."""
    settings: dict[str, Setting] = {**spec.what.settings, **task.drawn.params}
    if not task.softened:
        return settings
    softer = gentler_by(settings_of(settings), task.softened)
    if softer is None:
        return None
    return {**settings, **{name: getattr(softer, name) for name in SOFTENED}}


def failed(drawn: Drawn, spec: JobSpec, why: str) -> TrialResult:
    """What is recorded of a trial that came to nothing."""
    settings = {**spec.what.settings, **drawn.params}
    return TrialResult(**drawn.model_dump(), state="failed", settings=settings, note=why)


def _trained(
    task: Task, spec: JobSpec, data: JobData, folder: Path, checkpoints: Checkpoints
) -> TrialResult:
    settings = settings_for(task, spec) or {}
    pruning, values = Pruning(spec, task.earlier), list[float]()
    start, hard = time.monotonic(), hardens(spec)
    drawn = {**task.drawn.model_dump(), "softened": task.softened}

    def report(epoch: int, value: float) -> None:
        values.append(value)
        if pruning(epoch, value) and not hard:
            raise Pruned

    def tell(progress: JobProgress) -> None:
        print(json.dumps({"trial": task.drawn.number, **progress.model_dump()}), flush=True)

    try:
        tuned = tune(
            data,
            settings_of(settings),
            folder,
            tell,
            deadline=math.inf if task.seconds is None else start + task.seconds,
            report=report,
            checkpoints=checkpoints,
        )
    except Pruned:
        shutil.rmtree(folder, ignore_errors=True)
        return TrialResult(
            **drawn,
            state="pruned",
            settings=settings,
            values=tuple(values),
            seconds=time.monotonic() - start,
            note=_said(settings, spec, task.drawn),
        )
    value = tuned.scores[ROBUST] if hard else tuned.value
    return TrialResult(
        **drawn,
        state="complete",
        settings=settings,
        value=value if math.isfinite(value) else -1.0,
        values=tuple(values),
        scores=tuned.scores,
        curve=tuned.curve,
        seconds=tuned.seconds,
        note=_said(settings, spec, task.drawn),
    )


def _said(settings: dict[str, Setting], spec: JobSpec, drawn: Drawn) -> str:
    """What was done about too little memory; "" where there was enough."""
    before = settings_of({**spec.what.settings, **drawn.params})
    what = changed(before, settings_of(settings))
    return f"ran out of memory: {what}" if what else ""


def _free_memory() -> None:
    """Let go of what a training that failed has left."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


if __name__ == "__main__":
    sys.exit(main())
