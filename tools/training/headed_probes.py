"""The cheap rungs of tasks with a linear head: most frequent answer, words, frozen encoder."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.types import Split
from ..deployment.saved import Encoder, write_card, write_tfidf
from ..facts import Candidate, JobProgress, OnProgress, Outcome
from .card import card_of
from .data import JobData
from .goals import Classes
from .hardware import Device, pick_device
from .head_fit import fit_best_head, fit_head
from .headed import HeadedTuning, pooled_states
from .inputs import Inputs
from .linear import STRENGTHS, LinearHead, fit_margin
from .measure import rung, saved_scores
from .tfidf import fit_features
from .tokens import tokenize

if TYPE_CHECKING:
    from ..tasks.headed import HeadedTask

WORD_STRENGTHS = (1.0, 5.0)  # of heads over tf-idf
FROZEN_STRENGTHS = (0.3, 1.0, *STRENGTHS)
PLACE = "at_0"  # a word that stands in every first choice


def probe_headed(
    task: HeadedTask,
    data: JobData,
    folder: Path,
    wanted: Mapping[str, bool],
    on_progress: OnProgress,
) -> Outcome:
    """Fit the cheap rungs of a task, each saved in a folder of its own name."""
    probes = _Probes(task, data, folder, on_progress)
    candidates = []
    if wanted.get("majority", True):
        candidates.append(probes.majority())
    if wanted.get("tfidf_linear", True):
        on_progress(JobProgress(share=0.02, text="tf-idf + linear"))
        candidates += probes.words()
    seconds = 0.0
    if wanted.get("frozen_linear", True):
        frozen, seconds = probes.frozen()
        candidates.append(frozen)
    return Outcome(candidates=tuple(candidates), frozen_seconds=seconds)


class _Probes:
    """Fits and saves one rung after the other."""

    def __init__(
        self, task: HeadedTask, data: JobData, folder: Path, on_progress: OnProgress
    ) -> None:
        self.data, self.folder, self.on_progress = data, folder, on_progress
        self.tuning = HeadedTuning(task, data)
        self.task, self.goal = task, self.tuning.goal
        self.inputs: Inputs = task.inputs(self.tuning.extra)

    def majority(self) -> Candidate:
        """What is right most often: only the biases speak, and the place of a choice."""
        start = time.monotonic()
        words = (
            [
                " ".join(w for w in text.split() if w.startswith("at_"))
                for text in self.inputs.words(self.data.train)
            ]
            if self.goal.width == 1
            else []
        )
        fitted = fit_features(words) if words else None
        if fitted is None:
            features = np.zeros((int(self._sizes(self.data.train).sum()), 0), np.float32)
            write_tfidf(self.folder / "majority", {}, np.zeros(0, np.float32))
        else:
            features = fitted[1]
            write_tfidf(self.folder / "majority", fitted[0].vocabulary_, fitted[0].idf_)
        gold, sizes = self.goal.gold(self.data.train), self._sizes(self.data.train)
        head = fit_head(self.goal, features, gold, sizes, strength=1.0)
        return self._saved("majority", "none", head, {}, start, features=None)

    def words(self) -> list[Candidate]:
        """A linear head over tf-idf."""
        start = time.monotonic()
        fitted = fit_features(self.inputs.words(self.data.train))
        if fitted is None:
            return []
        counter, train = fitted
        validation = counter.transform(self.inputs.words(self.data.validation))
        write_tfidf(self.folder / "tfidf_linear", counter.vocabulary_, counter.idf_)
        data, goal = self.data, self.goal
        said = {}
        if isinstance(goal, Classes):  # ten times faster than logistic regression here
            gold, other = goal.gold(data.train), goal.gold(data.validation)
            head = fit_margin(train, gold, validation, other, goal.width)
        else:
            head, said["strength"] = self._best(train, validation, WORD_STRENGTHS)
        return [self._saved("tfidf_linear", "none", head, said, start, features=validation)]

    def frozen(self) -> tuple[Candidate, float]:
        """A linear head over what the untrained encoder makes of the rows."""
        start = time.monotonic()
        train, seconds = self._embedded(self.data.train, 0.05, 0.75)
        validation, _ = self._embedded(self.data.validation, 0.8, 0.1)
        self.on_progress(JobProgress(share=0.92, text="linear head on the frozen encoder"))
        head, strength = self._best(train, validation, FROZEN_STRENGTHS)
        said = {"strength": strength}
        found = self._saved("frozen_linear", "base", head, said, start, features=validation)
        return found, seconds

    def _best(
        self, train: Any, validation: Any, strengths: tuple[float, ...]
    ) -> tuple[LinearHead, float]:
        data, goal = self.data, self.goal
        return fit_best_head(
            goal,
            (train, goal.gold(data.train), self._sizes(data.train)),
            (validation, goal.gold(data.validation), self._sizes(data.validation)),
            strengths,
        )

    def _embedded(
        self, split: Split, share: float, width: float
    ) -> tuple[NDArray[np.float32], float]:
        """Features of the frozen encoder, and the seconds that a pass over them took."""

        def tell(done: int, total: int) -> None:
            part = share + width * done / max(1, total)
            self.on_progress(JobProgress(share=part, text="running the frozen encoder"))

        data = self.data
        sequences = self.tuning.sequences(split)
        marks = sequences.marks
        sides = self.inputs.sides(split)
        key = "pool1" if sides is None else "sides1"
        return data.kept(
            key,
            (sequences.tokens.flat, sequences.tokens.starts, marks),
            lambda: frozen_features(
                data.encoder(),
                data.tokenizer,
                self.inputs,
                split,
                data.max_length,
                pick_device(),
                tell,
            ),
        )

    def _sizes(self, split: Split) -> NDArray[np.int64]:
        return np.diff(self.tuning.sequences(split).starts)

    def _saved(
        self,
        name: str,
        kind: Encoder,
        head: LinearHead,
        settings: Mapping[str, float],
        start: float,
        *,
        features: Any,
    ) -> Candidate:
        """Write a rung's model folder, load it again and score it."""
        data, labels = self.data, self.tuning.labels
        extra = dict(self.tuning.extra)
        if features is None:
            extra |= self.task.blind(head, labels)
        else:
            logits = np.asarray(features @ head.weight.T + head.bias, np.float64)
            outputs = self.goal.outputs(logits, self._sizes(data.validation))
            extra |= self.task.fitted(data.validation, outputs, labels)
        write_card(self.folder / name, card_of(data, name, kind, labels=labels, extra=extra), head)
        seconds = time.monotonic() - start
        scores = saved_scores(self.folder / name, data.validation, data.spec)
        return rung(data.spec, name, scores, seconds, settings)


def frozen_features(
    encoder: Any,
    tokenizer: Any,
    inputs: Inputs,
    split: Split,
    max_length: int,
    device: Device,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """What the untrained encoder makes of each sequence.

    Returns:
        (n_sequences, width): the pooled states; of two texts u and v, embedded apart,
        u, v, |u - v| and u * v side by side.

    Source: Conneau et al. 2017, InferSent, for the features of two texts.
    """
    sides = inputs.sides(split)
    if sides is None:
        sequences = inputs.sequences(tokenizer, split, max_length)
        return pooled_states(encoder, sequences, device, progress)
    from .embed import embed

    different = {text: i for i, text in enumerate(dict.fromkeys([*sides[0], *sides[1]]))}
    tokens = tokenize(tokenizer, list(different), max_length)
    embedded = embed(encoder, tokens, device, progress)
    first, second = (embedded[[different[t] for t in side]] for side in sides)
    return np.hstack([first, second, np.abs(first - second), first * second])
