"""Fit a detector to a tuned classifier: into its folder, or into a copy as a job of its own."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np

from ...evals.anomaly import ODD_METRICS, coverage_risk, odd_figures
from ...evals.measures.classes import calibration_gap
from ...evals.metrics import FloatArray
from ..datasets.splits import read_split, rows_looked_at
from ..datasets.types import Split
from ..deployment.load import Classifier, load_classifier
from ..facts import JobProgress, OnProgress, Outcome
from ..jobs.spec import JobSpec
from ..tasks.task import Progress
from ..training.data import JobData
from ..training.hardware import pin_threads
from ..training.linear import softmax
from .fit import Seen, choose_score, fit_temperature
from .saved import Anomaly, Detector, write_detector
from .scores import fit_usual, needed, oddness

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
    """Fit and save a detector beside a saved classifier.

    Args:
        folder: Of the model; `anomaly.json` and its tensors are added.
        data: Rows; of train at most MOST_TRAIN, drawn by the job's seed.
        on_progress: Called as it goes on.

    Returns:
        ODD_METRICS on validation where rows out of the domain were given.
    """
    classifier = load_classifier(folder)
    odd = read_split(Path(data.spec.odd)) if data.spec.odd else None
    seed = data.spec.what.seed
    splits = [_some(data.train, MOST_TRAIN, seed), _some(data.validation, MOST_VALIDATION, seed)]
    splits += [_some(odd, MOST_ODD, seed)] if odd is not None and len(odd) else []
    total, done = sum(map(len, splits)), 0

    def tell(now: int, _: int) -> None:
        share = (done + now) / max(1, total)
        on_progress(JobProgress(share=share, text="learning what usual texts look like"))

    found = []
    for split in splits:
        found.append(seen_by(classifier, split, tell))
        done += len(split)
    detector = fit_detector(found[0], found[1], found[2] if len(found) > 2 else None)
    write_detector(folder, detector)
    if len(found) < 3:
        return {}
    usual, _ = detector.judge(found[1].logits, found[1].features)
    strange, _ = detector.judge(found[2].logits, found[2].features)
    return odd_figures(usual, strange)


def fit_detector(train: Seen, validation: Seen, odd: Seen | None) -> Detector:
    """Choose the score, fit the temperature, and keep what validation rows score."""
    score, judged = choose_score(train, validation, odd)
    temperature = fit_temperature(validation.logits, validation.labels)
    usual = needed(score, fit_usual(train.features, train.labels))
    seen = oddness(score, validation.logits, validation.features, usual)
    before = softmax(validation.logits)
    after = softmax(validation.logits / temperature)
    coverage, risk = coverage_risk(after.max(axis=1), _miss(after, validation))
    at = np.unique(np.linspace(0, len(coverage) - 1, POINTS).astype(int))
    notes = Anomaly(
        score=score,
        temperature=temperature,
        false_alarms=FALSE_ALARMS,
        judged=judged,
        judged_by=("rows" if odd is not None else "classes") if judged else "",
        coverage=tuple(round(float(x), 4) for x in coverage[at]),
        risk=tuple(round(float(x), 4) for x in risk[at]),
        ece_before=_ece(before, validation),
        ece_after=_ece(after, validation),
    )
    return Detector(notes, usual, np.sort(seen))


def seen_by(classifier: Classifier, split: Split, progress: Progress | None = None) -> Seen:
    """What a classifier makes of rows; a label it does not know is -1."""
    index = {label: i for i, label in enumerate(classifier.card.labels)}
    logits, features = classifier.states(split.texts, progress)
    labels = np.array([index.get(label, -1) for label in split.labels], np.int64)
    return Seen(logits, features, labels)


def _some(split: Split, most: int, seed: int) -> Split:
    return split.take(rows_looked_at(split, most, seed))


def _miss(probabilities: FloatArray, rows: Seen) -> FloatArray:
    return np.asarray(probabilities.argmax(axis=1) != rows.labels, np.float64)


def _ece(probabilities: FloatArray, rows: Seen) -> float:
    hit = (probabilities.argmax(axis=1) == rows.labels).astype(np.int64)
    return calibration_gap(probabilities.max(axis=1), hit)
