"""Make new training rows, and let a probe judge whether they help."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np

from ..datasets.splits import write_split
from ..facts import Augmented, JobProgress, OnProgress, Outcome
from ..jobs.spec import JobSpec
from ..training.data import JobData
from ..training.hardware import pin_threads
from .added import TRAIN, TUNE, Added, choose_sources, new_only, with_added
from .judges import Judge
from .making import make_rows
from .synthesis import ROWS, read_written

IN_TIME = 0.9  # of the job's time; a verdict takes about as long as the first fit


def run(spec: JobSpec, folder: Path, on_progress: OnProgress) -> Outcome:
    """Make rows by every method that is asked for; keep those of the methods that pay.

    What pays is told by the task's judge, fitted with and without.
    """
    start = time.monotonic()
    pin_threads(Path(spec.cache))
    data = _data_of(spec)
    methods = str(spec.what.settings["methods"]).split(",")
    deadline = math.inf if spec.seconds is None else start + IN_TIME * spec.seconds
    on_progress(JobProgress(share=0.02, text="a probe without new rows"))
    judge = Judge(data, on_progress)
    found: list[Augmented] = []
    made: dict[str, list[Added]] = {}
    late = []
    for i, method in enumerate(methods):
        if time.monotonic() + 2 * judge.seconds > deadline:  # twice the rows
            late.append(method)
            continue
        share = (i + 1) / (len(methods) + 2)
        on_progress(JobProgress(share=share, text=f"making rows: {method.replace('_', ' ')}"))
        made[method] = _made(method, i, data, spec, on_progress)
        found.append(judge.verdict(method, made[method]))
    paying = [f.method for f in found if f.pays]
    if len(paying) > 1 and time.monotonic() + 3 * judge.seconds < deadline:
        found.append(judge.verdict("+".join(paying), [a for m in paying for a in made[m]]))
    best = max((f for f in found if f.pays), key=lambda f: f.gain, default=None)
    if best is not None:
        rows = [a for m in best.method.split("+") for a in made[m]]
        write_split(folder / TRAIN, with_added(data.train, rows))
    notes = (f"not tried for want of time: {', '.join(late)}",) if late else ()
    return Outcome(augmented=tuple(found), notes=notes)


def _data_of(spec: JobSpec) -> JobData:
    data = JobData.of(spec)
    longest = spec.what.settings.get(f"{TUNE}max_length")
    if longest is not None:
        data.max_length = min(int(longest), data.base.max_tokens)
    return data


def _made(
    method: str, number: int, data: JobData, spec: JobSpec, on_progress: OnProgress
) -> list[Added]:
    """Rows by one method, without those that are there already."""
    settings, train = spec.what.settings, data.train
    if method == "synthesise":
        folder = Path(str(settings["synthesis"]))
        return new_only(train, read_written(folder / ROWS), frozenset(spec.held_out))
    rng = np.random.default_rng([spec.what.seed, number])

    def tell(done: int, of: int) -> None:
        share = (number + 1 + done / max(1, of)) / (number + 3)
        on_progress(JobProgress(share=share, text=f"translating: {done} of {of}"))

    added = make_rows(
        method,
        data.task,
        train,
        choose_sources(train.labels, int(settings["rows"]), rng),
        rng,
        data.base,
        (str(settings.get("there", "")), str(settings.get("back", ""))),
        tell,
    )
    return added if method == "oversample" else new_only(train, added, frozenset(spec.held_out))
