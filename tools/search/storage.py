"""The study on disk, for Optuna's own tools: a record of the trials that have ended."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna

from ..jobs.spec import JobSpec
from .results import TrialResult
from .sampling import frozen


def study_name(spec: JobSpec) -> str:
    """Name the study after everything that determines it."""
    digest = hashlib.sha256(spec.what.model_dump_json().encode()).hexdigest()[:12]
    return f"{spec.what.settings.get('strategy', 'study')}-{digest}"


def open_study(
    spec: JobSpec, *, anew: bool = False, on_damage: Callable[[str], None] = lambda _: None
) -> optuna.Study:
    """Open or make the study.

    A damaged file is set aside: it is a record of results that lie elsewhere, and is
    written anew from them.

    Args:
        spec: Of the search.
        anew: Forget what an earlier go at the same search had recorded.
        on_damage: Told in a line when a damaged file was set aside.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for note in set_aside_if_damaged(Path(spec.studies)):
        on_damage(note)
    storage = open_storage(Path(spec.studies))
    name = study_name(spec)
    if anew and name in optuna.get_all_study_names(storage):
        optuna.delete_study(study_name=name, storage=storage)
    return optuna.create_study(
        study_name=name, storage=storage, direction="maximize", load_if_exists=True
    )


def set_aside_if_damaged(path: Path) -> list[str]:
    """Move a damaged file out of the way; returns a note on it, or nothing.

    The trials of a search that goes on are entered into the new one again; what
    earlier searches had recorded is lost, and no result rests on it.
    """
    if not path.is_file():
        return []
    try:
        with closing(sqlite3.connect(path, timeout=60)) as connection:
            verdict = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError:  # locked, or may not be read: Optuna will say so
        return []
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    if verdict == "ok":
        return []
    aside = path.with_name(f"{path.name}.damaged-{datetime.now():%Y%m%d-%H%M%S}")
    path.rename(aside)
    return [
        f"{path} was damaged ({verdict}) and set aside as {aside.name}; the record of trials "
        "began anew"
    ]


def open_storage(path: Path) -> Any:
    """SQLite through Optuna's own storage; other processes may use it meanwhile."""
    return optuna.storages.RDBStorage(
        f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 60}}
    )


def record(study: optuna.Study, spec: JobSpec, results: Mapping[int, TrialResult]) -> None:
    """Enter the trials that are not in the study yet, in order, up to the first that runs.

    A trial is entered once, when it has ended: no kill leaves one that seems to run.
    """
    number = len(study.get_trials(deepcopy=False))
    while number in results:
        study.add_trial(frozen(results[number], spec))
        number += 1
