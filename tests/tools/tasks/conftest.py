"""Rows and jobs of the task that a module tests, by its `TASK` and `drawn`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tuneos.tools.datasets.splits import write_split
from tuneos.tools.jobs.spec import JobSpec

MakeJob = Callable[..., JobSpec]


@pytest.fixture(scope="module")
def rows(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data version on disk: 60 train, 20 validation and 20 test rows."""
    folder = tmp_path_factory.mktemp("rows")
    for seed, (name, count) in enumerate({"train": 60, "validation": 20, "test": 20}.items()):
        write_split(folder / f"{name}.jsonl", request.module.drawn(count, seed))
    return folder


@pytest.fixture
def job(request: pytest.FixtureRequest, make_job: MakeJob, rows: Path) -> MakeJob:
    """Return a maker of jobs on them; settings as keywords."""

    def make(kind: str, metric: str = "f1", **settings: object) -> JobSpec:
        task = request.module.TASK.name
        return make_job(kind, task=task, metric=metric, data_folder=str(rows), settings=settings)

    return make
