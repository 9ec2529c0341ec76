"""Fit a detector to a tuned model: into its folder, or into a copy as a job of its own."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np

from ...evals.anomaly import ODD_METRICS, odd_figures
from ..datasets.splits import read_split, rows_looked_at
from ..datasets.types import Split
from ..deployment.saved import read_card
from ..facts import JobProgress, OnProgress, Outcome
from ..jobs.spec import JobSpec
from ..training.data import JobData
from ..training.hardware import pin_threads
from .fit import Outputs, answered, calibration, choose_score, fit_temperature
from .saved import Anomaly, Detector, write_detector
from .scores import needed, oddness
from .seen import Marks, Seen, States

FALSE_ALARMS = 0.05  # share of usual inputs that may be called odd
MOST_TRAIN, MOST_VALIDATION, MOST_ODD = 1500, 1000, 1000  # rows looked at
POINTS = 50  # of the coverage-risk curve


def run(spec: JobSpec, folder: Path, on_progress: OnProgress) -> Outcome:
    """Copy the model that the job names to "model" in its folder, and fit a detector to it."""
    start = time.monotonic()
    pin_threads(Path(spec.cache))
    ((_, member),) = spec.what.models
    shutil.copytree(member, folder / "model")
    fit_into(folder / "model", JobData.of(spec), on_progress)
    return Outcome(seconds=time.monotonic() - start)


def wants_detector(spec: JobSpec) -> bool:
    """Whether a target makes every candidate need one: how sure it is, or what it knows not."""
    return bool({"ece", *ODD_METRICS} & set(spec.what.measured))


def fit_into(folder: Path, data: JobData, on_progress: OnProgress) -> dict[str, float]:
    """Fit and save a detector beside a saved model.

    Args:
        folder: Of the model; `anomaly.json` and its tensors are added.
        data: Rows; of train at most MOST_TRAIN, drawn by the job's seed.
        on_progress: Called as it goes on.

    Returns:
        ODD_METRICS on validation where rows out of the domain were given.
    """
    sight = data.task.sight(read_card(folder), folder)
    odd, seed = read_split(Path(data.spec.odd)) if data.spec.odd else None, data.spec.what.seed
    train, validation = (
        _some(data.train, MOST_TRAIN, seed),
        _some(data.validation, MOST_VALIDATION, seed),
    )
    others = _some(odd, MOST_ODD, seed) if odd is not None and len(odd) else None
    total, done = len(train) + len(validation) + (len(others) if others else 0), 0

    def tell(now: int, _: int) -> None:
        share = (done + now) / max(1, total)
        on_progress(JobProgress(share=share, text="learning what usual rows look like"))

    known = sight.seen(train, tell)
    done = len(train)
    fresh = sight.seen(validation, tell)
    done += len(validation)
    strange = sight.look(others, tell) if others else None
    given = sight.given(validation, fresh.logits)
    detector = fit_detector(Outputs(sight.link, sight.novel), known, fresh, given, strange)
    write_detector(folder, detector)
    if strange is None:
        return {}
    return odd_figures(detector.judge(fresh)[0], detector.judge(strange)[0])


def fit_detector(
    outputs: Outputs, train: Seen, validation: Seen, given: Marks, odd: States | None
) -> Detector:
    """Choose the score, fit the temperature, and keep what validation rows score.

    Args:
        outputs: What the model's are.
        train, validation: Rows as the model sees them; nothing was fitted to validation.
        given: Which outputs the answers to the validation rows hold.
        odd: Rows out of the domain, where there are some.
    """
    link, logits, true = outputs.link, validation.logits, validation.true
    score, judged = choose_score(outputs, train, validation, odd)
    temperature = fit_temperature(link, logits, true)
    usual = needed(score, outputs.usual(train))
    coverage, risk = answered(link, logits / temperature, true, given)
    at = np.unique(np.linspace(0, max(0, len(coverage) - 1), POINTS).astype(int))
    at = at[: len(coverage)]
    notes = Anomaly(
        score=score,
        link=link,
        temperature=temperature,
        false_alarms=FALSE_ALARMS,
        judged=judged,
        judged_by=("rows" if odd is not None else "classes") if judged else "",
        coverage=tuple(round(float(x), 4) for x in coverage[at]),
        risk=tuple(round(float(x), 4) for x in risk[at]),
        ece_before=calibration(link, logits, true),
        ece_after=calibration(link, logits / temperature, true),
    )
    return Detector(notes, usual, np.sort(oddness(score, link, validation, usual)))


def _some(split: Split, most: int, seed: int) -> Split:
    return split.take(rows_looked_at(split, most, seed))
