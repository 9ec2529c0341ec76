"""One search worker: `python -m tuneos.tools.search.worker SPEC FOLDER SECONDS NUMBER`.

Asks the study for settings, trains with them, tells the value, until the trials
or the time are used up. Runs on one thread, so that several fit on a machine.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import optuna

from ..facts import JobProgress, Setting
from ..jobs.child import describe, out_of_memory
from ..jobs.spec import JobSpec
from ..training.data import JobData
from ..training.fine_tune import settings_of, tune
from ..training.hardware import calibrate_threads
from ..training.loop import Pruned
from .space import suggest
from .storage import open_study, space_of

ENDED = (
    optuna.trial.TrialState.COMPLETE,
    optuna.trial.TrialState.PRUNED,
    optuna.trial.TrialState.FAIL,
)
USUAL_SHARE = 0.5  # of a usual trial's time must be left to begin another


def main() -> int:
    """Work on the study of the first argument, in the folder of the second."""
    import torch

    from ..jobs.child import _end_with_parent

    spec = JobSpec.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = Path(sys.argv[2])
    deadline = time.monotonic() + float(sys.argv[3])
    _end_with_parent(os.getppid())
    if spec.workers > 1:
        torch.set_num_threads(1)
    else:
        calibrate_threads()
    data, study = JobData.of(spec), open_study(spec, worker=int(sys.argv[4]))
    seconds: list[float] = []
    while room_for_another(study, spec, deadline, seconds):
        start = time.monotonic()
        _one_trial(study, spec, data, folder, deadline)
        seconds.append(time.monotonic() - start)
    return 0


def room_for_another(
    study: optuna.Study, spec: JobSpec, deadline: float, seconds: list[float]
) -> bool:
    """Tell whether trials and time are left for one more."""
    begun = [t for t in study.get_trials(deepcopy=False) if t.state.name != "WAITING"]
    usual = sum(seconds) / len(seconds) if seconds else 0.0
    return len(begun) < spec.what.trials and deadline - time.monotonic() > USUAL_SHARE * usual


def _one_trial(
    study: optuna.Study, spec: JobSpec, data: JobData, folder: Path, deadline: float
) -> None:
    trial = study.ask()
    trial.set_user_attr("pid", os.getpid())
    chosen = suggest(trial, space_of(spec))
    settings: dict[str, Setting] = {**spec.what.settings, **chosen}
    trial.set_user_attr("settings", settings)
    place = folder / f"trial-{trial.number}"

    def report(epoch: int, value: float) -> None:
        trial.report(value, epoch)
        if trial.should_prune():
            raise Pruned

    def tell(progress: JobProgress) -> None:
        line = {"trial": trial.number, **progress.model_dump()}
        print(json.dumps(line), flush=True)

    start = time.monotonic()
    try:
        tuned = tune(
            data, settings_of(settings), place / "model", tell, deadline=deadline, report=report
        )
    except Pruned:
        _end(study, trial, start, state=optuna.trial.TrialState.PRUNED)
        return
    except Exception as error:  # a trial may fail, the study goes on
        trial.set_user_attr("note", describe(error))
        _end(study, trial, start, state=optuna.trial.TrialState.FAIL)
        if not isinstance(error, (RuntimeError, ValueError, ArithmeticError, MemoryError)):
            raise
        if out_of_memory(error):
            shutil.rmtree(place, ignore_errors=True)
        return
    value = tuned.value if math.isfinite(tuned.value) else -1.0
    (place / "scores.json").write_text(
        json.dumps(
            {"scores": tuned.scores, "curve": tuned.curve.model_dump(), "seconds": tuned.seconds}
        ),
        encoding="utf-8",
    )
    _end(study, trial, start, values=value)


def _end(study: optuna.Study, trial: optuna.Trial, start: float, **told: Any) -> None:
    """Tell how a trial ended; its seconds come first, as an ended trial takes no more notes."""
    trial.set_user_attr("seconds", time.monotonic() - start)
    study.tell(trial, **told)


if __name__ == "__main__":
    sys.exit(main())
