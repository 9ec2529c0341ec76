"""Blend candidates that exist: weights for their opinions, fitted on validation, as one model."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...evals.measures.classes import score
from ...evals.metrics import FloatArray, IntArray
from ..anomaly.job import fit_into, wants_detector
from ..deployment.headed import load_headed
from ..deployment.load import load_classifier
from ..deployment.model import load_model
from ..deployment.one_pass import one_pass
from ..deployment.pool import pooled
from ..deployment.saved import PARTS, Part, SavedModel, read_card, write_description
from ..errors import BaseModelError
from ..facts import Candidate, JobProgress, OnProgress, Outcome
from ..jobs.spec import JobSpec
from ..tasks.headed import HeadedTask
from ..tasks.task import Progress
from .card import card_of
from .data import JobData
from .hardware import pin_threads
from .measure import costs_of, saved_scores, scores_of

SHRINKAGE = 1.0  # rows' worth of pull towards equal weights: few rows settle little
LEAST_SHARE = 0.01  # of all weight; a member with less is left out


class Classifiers:
    """Members that give each text one label."""

    def __init__(self, data: JobData) -> None:
        self.data = data
        self.true = data.validation_labels

    def opinion(self, folder: Path, tell: Progress) -> FloatArray:
        """What a member makes of validation: (n, n_classes)."""
        texts, prepared = self.data.validation.texts, self.data.spec.masked
        return load_classifier(folder).probabilities(texts, tell, prepared=prepared)

    def card(self, blended: FloatArray) -> SavedModel:
        """Describe the blend."""
        return card_of(self.data, "blend", "parts", labels=self.data.labels)

    def scores(self, blended: FloatArray, card: SavedModel) -> dict[str, float]:
        """Of the blend, on validation."""
        return score(self.true, blended)


class Heads:
    """Members of a task with a linear head, where its goal has an opinion to blend.

    Raises:
        BaseModelError: It has none.
    """

    def __init__(self, data: JobData, task: HeadedTask) -> None:
        self.data, self.task = data, task
        self.labels, self.extra = task.labels_of(data.train), task.extra(data.train)
        self.goal = task.goal(self.labels, self.extra, data.train)
        self.true = self.goal.truth(self.goal.gold(data.validation))

    def opinion(self, folder: Path, tell: Progress) -> FloatArray:
        """What a member makes of validation: (m, c), chances that exclude each other."""
        member = load_headed(read_card(folder), folder, self.task.inputs(self.extra), self.goal)
        found = self.goal.opinion(member.outputs(self.data.validation, tell))
        if found is None:
            raise BaseModelError(f"models for {self.task.name} cannot be blended")
        return found

    def card(self, blended: FloatArray) -> SavedModel:
        """Describe the blend, with the thresholds that suit it."""
        outputs = self.goal.of_opinion(blended)
        fitted = self.task.fitted(self.data.validation, outputs, self.labels)
        extra = {**self.extra, **fitted}
        return card_of(self.data, "blend", "parts", labels=self.labels, extra=extra)

    def scores(self, blended: FloatArray, card: SavedModel) -> dict[str, float]:
        """Of the blend, on validation."""
        validation = self.data.validation
        answers = self.task.answers(validation, self.goal.of_opinion(blended), card)
        honest = self.task.unflattered(card, validation, answers)
        return scores_of(honest, validation, self.data.spec)


def run(spec: JobSpec, folder: Path, on_progress: OnProgress) -> Outcome:
    """Fit the weights and save a model folder that holds every member whole.

    Args:
        spec: `what.models` names the members and their folders.
        folder: The blend is written to "model" in it, with the members that have a part in it.
        on_progress: Called as the job goes on.
    """
    start = time.monotonic()
    pin_threads(Path(spec.cache))
    data = JobData.of(spec)
    task = data.task
    members = Heads(data, task) if isinstance(task, HeadedTask) else Classifiers(data)
    opinions = []
    with one_pass():
        for position, (name, member) in enumerate(spec.what.models):

            def tell(done: int, total: int, position: int = position, name: str = name) -> None:
                share = (position + done / max(1, total)) / len(spec.what.models)
                on_progress(JobProgress(share=0.9 * share, text=f"asking {name}"))

            opinions.append(members.opinion(Path(member), tell))
    weights = sparing_weights(opinions, members.true)
    weighed = {name: float(w) for (name, _), w in zip(spec.what.models, weights, strict=True)}
    parts = tuple(Part(name=name, weight=w) for name, w in weighed.items() if w > 0)
    model_folder, folders = folder / "model", dict(spec.what.models)
    for part in parts:
        shutil.copytree(folders[part.name], model_folder / PARTS / part.name)
    blended = pooled(opinions, weights)
    card = members.card(blended)
    write_description(model_folder, card.model_copy(update={"parts": parts}))
    scores = members.scores(blended, card)
    if wants_detector(spec):
        odd = fit_into(model_folder, data, lambda _: None)
        scores = saved_scores(model_folder, data.validation, spec) | odd
    elif spec.what.measured:
        scores |= costs_of(load_model(model_folder), data.validation, spec)
    said = {f"weight of {name}": round(w, 4) for name, w in weighed.items()}
    candidate = Candidate(
        name=spec.name,
        strategy="blend",
        settings={**said},
        validation=scores,
        seconds=time.monotonic() - start,
        folder="model",
        data=spec.data_name,
    )
    return Outcome(candidates=(candidate,))


def sparing_weights(opinions: Sequence[FloatArray], true: IntArray) -> FloatArray:
    """Weights as `fit_weights` fits them, of the members alone that have a part in the answers.

    One with less than LEAST_SHARE of all weight gets 0: it would be run for nothing. Equal ones
    where no member is better than chance.

    Args:
        opinions: For each member (n, n_classes), rows sum to 1.
        true: (n,), class indices.

    Returns:
        (n_members,), float64.
    """
    weights = fit_weights(opinions, true)
    able = np.flatnonzero(weights >= LEAST_SHARE * weights.sum())
    sparing = np.zeros(len(weights))
    sparing[able] = fit_weights([opinions[int(i)] for i in able], true)
    return sparing if sparing.any() else np.full(len(weights), 1.0 / len(weights))


def fit_weights(opinions: Sequence[FloatArray], true: IntArray) -> FloatArray:
    """Fit the weights of a logarithmic opinion pool by maximum likelihood.

    Weights are not negative and need not sum to 1: a sum below 1 tempers members
    that are too sure of themselves. The problem is convex.

    Args:
        opinions: For each member (n, n_classes), rows sum to 1.
        true: (n,), class indices.

    Returns:
        (n_members,), float64.

    Source: Heskes 1998, "Selecting weighting factors in logarithmic opinion pools".
    """
    from scipy.optimize import minimize
    from scipy.special import softmax

    logs = np.stack([np.log(np.clip(p, 1e-6, None)) for p in opinions])  # (members, n, classes)
    rows, equal = np.arange(len(true)), 1.0 / len(opinions)
    own = logs[:, rows, true]

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        chances = softmax(np.tensordot(weights, logs, 1), axis=1)
        pull = weights - equal
        value = -np.log(chances[rows, true]).sum() + SHRINKAGE * (pull**2).sum()
        slope = -own.sum(axis=1) + (chances * logs).sum(axis=(1, 2)) + 2 * SHRINKAGE * pull
        return float(value), slope

    start = np.full(len(opinions), equal)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(start))
    return np.asarray(found.x, np.float64)
