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

from ..facts import JobProgress, Setting
from ..jobs.child import DISK_FULL, describe, disk_full, end_with_parent
from ..jobs.spec import JobSpec
from ..training.checkpoint import Checkpoints
from ..training.data import JobData
from ..training.fine_tune import settings_of, tune
from ..training.hardware import pin_threads
from ..training.loop import Pruned
from .results import Drawn, TrialResult, TrialResults
from .sampling import Pruning

FAILURES = (RuntimeError, ValueError, ArithmeticError, MemoryError)  # of a trial, not of ours


class Task(BaseModel):
    """A trial to do.

    Attributes:
        drawn: Its number and what was drawn for it.
        earlier: Values, epoch by epoch, of the trials it is compared with.
        seconds: That it may take; None: no limit.
    """

    drawn: Drawn
    earlier: tuple[tuple[float, ...], ...] = ()
    seconds: float | None = None


def main() -> int:
    """Do the tasks that come in, for the search of the first argument."""
    import torch

    end_with_parent(int(sys.argv[2]))
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
        try:
            return _trained(task, spec, data, folder, checkpoints)
        except Exception as error:  # a trial may fail, the study goes on
            if disk_full(error):
                raise
            if not isinstance(error, FAILURES):
                failure.append(error)
            shutil.rmtree(folder, ignore_errors=True)
            return TrialResult(
                **task.drawn.model_dump(),
                state="failed",
                settings={**spec.what.settings, **task.drawn.params},
                note=describe(error),
            )

    TrialResults(root).keep(number, train)
    checkpoints.forget()
    if failure:
        raise failure[0]


def _trained(
    task: Task, spec: JobSpec, data: JobData, folder: Path, checkpoints: Checkpoints
) -> TrialResult:
    settings: dict[str, Setting] = {**spec.what.settings, **task.drawn.params}
    pruning, values = Pruning(spec, task.earlier), list[float]()
    start = time.monotonic()
    drawn = task.drawn.model_dump()

    def report(epoch: int, value: float) -> None:
        values.append(value)
        if pruning(epoch, value):
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
        seconds = time.monotonic() - start
        return TrialResult(
            **drawn, state="pruned", settings=settings, values=tuple(values), seconds=seconds
        )
    return TrialResult(
        **drawn,
        state="complete",
        settings=settings,
        value=tuned.value if math.isfinite(tuned.value) else -1.0,
        values=tuple(values),
        scores=tuned.scores,
        curve=tuned.curve,
        seconds=tuned.seconds,
    )


if __name__ == "__main__":
    sys.exit(main())
