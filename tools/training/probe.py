"""The cheap rungs in one job; those of classification: majority, tf-idf, frozen embeddings."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...evals.measures.classes import rows, score
from ...evals.metrics import FloatArray, IntArray
from ..deployment.model import load_model
from ..deployment.saved import Encoder, write_card, write_tfidf
from ..facts import Candidate, JobProgress, OnProgress, Outcome, Setting
from ..jobs.spec import JobSpec
from .card import card_of
from .data import JobData
from .described import DRAWN, ZERO_SHOT, described_heads
from .linear import LinearHead, fit_best_linear, fit_linear, fit_margin, log_loss
from .measure import costs_of, rung, sliced_scores
from .tfidf import fit_features

SUSPECT_MARGIN = 0.5  # how much likelier another class must be, out of fold
FOLDS = 3
ON_REQUEST = {ZERO_SHOT, DRAWN}  # rungs that the others are fitted without
FOLD_STRENGTH = 3.0  # of the heads that judge rows they never saw


def run(spec: JobSpec, folder: Path, on_progress: OnProgress) -> Outcome:
    """Fit the task's cheap rungs, but those that the settings switch off by name."""
    data = JobData.of(spec)
    settings = spec.what.settings
    wanted = {name: bool(settings.get(name, name not in ON_REQUEST)) for name in data.task.probes}
    return data.task.probe(data, folder, wanted, on_progress)


def probe_classes(
    data: JobData, folder: Path, wanted: Mapping[str, bool], on_progress: OnProgress
) -> Outcome:
    """Fit the cheap classifiers, and look for labels that the other rows contradict.

    Args:
        data: Rows with one label each.
        folder: Each model gets a folder of its own here.
        wanted: "tfidf_linear" and "frozen_linear" switch the rungs on.
        on_progress: Called as the job goes on.
    """
    candidates = [_majority(data, folder)]
    if wanted["tfidf_linear"]:
        on_progress(JobProgress(share=0.02, text="tf-idf + linear"))
        candidates += _tfidf(data, folder)
    if not wanted["frozen_linear"]:
        return Outcome(candidates=tuple(candidates))
    start = time.monotonic()
    train, validation, seconds = data.embeddings(on_progress)
    on_progress(JobProgress(share=0.92, text="linear head on frozen embeddings"))
    head, strength = fit_best_linear(
        train, data.train_labels, validation, data.validation_labels, len(data.labels)
    )
    found, said = head.probabilities(validation), {"strength": strength}
    spent = time.monotonic() - start
    candidates.append(_saved(data, folder, "frozen_linear", head, found, said, spent))
    if wanted.get(ZERO_SHOT, False):
        for name, described, said, took in described_heads(data, train, validation, on_progress):
            chances = described.probabilities(validation)
            candidates.append(_saved(data, folder, name, described, chances, said, took))
    on_progress(JobProgress(share=0.96, text="looking for doubtful labels"))
    suspects = suspect_labels(train, data.train_labels, len(data.labels))
    pays = len(suspects) > 0 and _pays(data, train, validation, head, strength, suspects)
    return Outcome(
        candidates=tuple(candidates),
        suspect_labels=tuple(int(i) for i in suspects),
        suspects_pay=pays,
        frozen_seconds=seconds,
    )


def _pays(
    data: JobData,
    train: NDArray[np.float32],
    validation: NDArray[np.float32],
    head: LinearHead,
    strength: float,
    suspects: NDArray[np.int64],
) -> bool:
    """Tell whether the head predicts validation better when it never saw the suspects."""
    kept = np.setdiff1d(np.arange(len(train)), suspects)
    without = fit_linear(train[kept], data.train_labels[kept], len(data.labels), strength=strength)
    before = log_loss(data.validation_labels, head.probabilities(validation))
    return log_loss(data.validation_labels, without.probabilities(validation)) < before


def suspect_labels(
    features: NDArray[np.float32], labels: IntArray, n_classes: int
) -> NDArray[np.int64]:
    """Find rows whose label a model that never saw them contradicts with confidence.

    Args:
        features: (n, width), unit length.
        labels: (n,), class indices.
        n_classes: Number of classes.

    Returns:
        Positions, ascending. Empty when a class has fewer rows than folds.

    Source: Northcutt et al. 2021, "Confident Learning". On a weak probe that alone flags a third
    of the rows, so another class must also be likelier by SUSPECT_MARGIN.
    """
    from cleanlab.filter import find_label_issues
    from sklearn.model_selection import StratifiedKFold

    if n_classes < 2 or np.bincount(labels, minlength=n_classes).min() < FOLDS:
        return np.zeros(0, np.int64)
    out = np.zeros((len(labels), n_classes))
    for fit, held in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(features, labels):
        head = fit_linear(features[fit], labels[fit], n_classes, strength=FOLD_STRENGTH)
        out[held] = head.probabilities(features[held])
    doubtful = find_label_issues(labels, out, filter_by="confident_learning", n_jobs=1)
    own = out[np.arange(len(labels)), labels]
    return np.flatnonzero(doubtful & (out.max(axis=1) - own > SUSPECT_MARGIN))


def _majority(data: JobData, folder: Path) -> Candidate:
    """Always the most frequent class: what knowing nothing of the text gives."""
    counts = np.bincount(data.train_labels, minlength=len(data.labels))
    head = LinearHead(
        np.zeros((len(data.labels), 0), np.float32),
        np.log(counts / counts.sum()).astype(np.float32),
    )
    empty = np.zeros((len(data.validation), 0), np.float32)
    write_tfidf(folder / "majority", {}, np.zeros(0, np.float32))
    return _saved(data, folder, "majority", head, head.probabilities(empty), {}, 0.0)


def _tfidf(data: JobData, folder: Path) -> list[Candidate]:
    start = time.monotonic()
    fitted = fit_features(data.train.texts)
    if fitted is None:
        return []
    features, train = fitted
    validation = features.transform(data.validation.texts)
    head = fit_margin(
        train, data.train_labels, validation, data.validation_labels, len(data.labels)
    )
    write_tfidf(folder / "tfidf_linear", features.vocabulary_, features.idf_)
    seconds = time.monotonic() - start
    found = head.probabilities(validation)
    return [_saved(data, folder, "tfidf_linear", head, found, {}, seconds)]


def _saved(
    data: JobData,
    folder: Path,
    name: str,
    head: LinearHead,
    probabilities: FloatArray,
    settings: Mapping[str, Setting],
    seconds: float,
) -> Candidate:
    """Write a probe's model folder and score it."""
    encoder: Encoder = "none" if name in {"majority", "tfidf_linear"} else "base"
    card = card_of(data, name, encoder, labels=data.labels)
    write_card(folder / name, card, head)
    scores = score(data.validation_labels, probabilities)
    stats = {"classes": rows(data.validation_labels, probabilities)}
    scores |= sliced_scores(stats, data.validation, data.spec)
    if data.spec.what.measured:
        scores |= costs_of(load_model(folder / name), data.validation, data.spec)
    return rung(data.spec, name, scores, seconds, settings)
