"""The study on disk: opened by every worker, tidied after workers that died."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Any

import optuna

from ..jobs.spec import JobSpec
from .space import Range, fits

MIN_TRIALS_BEFORE_PRUNING = 3
WARMUP_EPOCHS = 1


def study_name(spec: JobSpec) -> str:
    """Name the study after everything that determines it."""
    digest = hashlib.sha256(spec.what.model_dump_json().encode()).hexdigest()[:12]
    return f"{spec.what.settings.get('strategy', 'study')}-{digest}"


def space_of(spec: JobSpec) -> tuple[Range, ...]:
    """The ranges of the job's search space."""
    return tuple(Range.model_validate(r) for r in spec.what.space)


def open_study(spec: JobSpec, *, worker: int = 0) -> optuna.Study:
    """Open or make the study; the sampler differs with each opening.

    A fixed sampler seed would replay the same points after a resume, so it is
    derived from the number of trials there are, and from the number of the worker, as
    workers that start together see the same trials.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = open_storage(Path(spec.studies))
    study = optuna.create_study(
        study_name=study_name(spec), storage=storage, direction="maximize", load_if_exists=True
    )
    trials = len(study.get_trials(deepcopy=False))
    seed = (spec.what.seed * 1_000_003 + worker * 10_007 + trials) % 2**31
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=max(4, len(spec.what.first_trials) + 1)
        )
    study.pruner = optuna.pruners.MedianPruner(
        n_startup_trials=MIN_TRIALS_BEFORE_PRUNING, n_warmup_steps=WARMUP_EPOCHS
    )
    return study


def forget_study(spec: JobSpec) -> None:
    """Delete what an earlier, unfinished go at the same job left of its study."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = open_storage(Path(spec.studies))
    if study_name(spec) in optuna.get_all_study_names(storage):
        optuna.delete_study(study_name=study_name(spec), storage=storage)


def open_storage(path: Path) -> Any:
    """SQLite through Optuna's own storage; other processes may use it meanwhile."""
    return optuna.storages.RDBStorage(
        f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 60}}
    )


def enqueue_first(study: optuna.Study, spec: JobSpec) -> None:
    """Put the best known settings first in line, once."""
    space = space_of(spec)
    for known in spec.what.first_trials:
        study.enqueue_trial(fits(known, space), skip_if_exists=True)


def fail_running(study: optuna.Study, note: str, alive: set[int]) -> int:
    """Fail the trials whose worker is gone.

    Args:
        study: Of this job.
        note: Why, as it will stand in the report.
        alive: Worker processes that still run.

    Returns:
        How many there were.
    """
    gone = 0
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        if trial.user_attrs.get("pid") in alive:
            continue
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        storage: Any = study._storage
        storage.set_study_user_attr(study._study_id, f"note:{trial.number}", note)
        gone += 1
    return gone
