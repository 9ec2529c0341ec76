"""Make new training rows, and let a linear probe judge whether they help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...evals.measures import value
from ...evals.metrics import METRICS, FloatArray
from ...evals.statistics import compare
from ..datasets.splits import write_split
from ..facts import Augmented, JobProgress, OnProgress, Outcome
from ..jobs.spec import JobSpec
from ..training.data import JobData
from ..training.embed import embed
from ..training.hardware import pick_device, pin_threads
from ..training.linear import fit_best_linear
from ..training.tokens import tokenize
from . import noise, translation, words
from .added import Added, choose_sources, new_only, with_added

OVERSAMPLED = "again"
TRAIN = "train.jsonl"


def run(spec: JobSpec, folder: Path, on_progress: OnProgress) -> Outcome:
    """Make rows by every method that is asked for; keep those of the methods that pay.

    What pays is told by logistic regression on frozen embeddings, fitted with and without.
    """
    pin_threads(Path(spec.cache))
    data = JobData.of(spec)
    settings = spec.what.settings
    methods = str(settings["methods"]).split(",")
    total = int(settings["rows"])
    found = []
    made: dict[str, tuple[list[Added], NDArray[np.float32]]] = {}
    judge = Judge(data, on_progress)
    for i, method in enumerate(methods):
        on_progress(JobProgress(share=0.4 + 0.5 * i / len(methods), text=f"making rows: {method}"))
        rng = np.random.default_rng([spec.what.seed, i])
        added = make_rows(method, data, choose_sources(data.train.labels, total, rng), rng)
        if method != "oversample":
            added = new_only(data.train, added, frozenset(spec.held_out))
        made[method] = added, judge.embedded([a.text for a in added])
        found.append(judge.verdict(method, *made[method]))
    paying = [f.method for f in found if f.pays]
    if len(paying) > 1:
        rows = [a for m in paying for a in made[m][0]]
        found.append(judge.verdict("+".join(paying), rows, np.vstack([made[m][1] for m in paying])))
    best = max((f for f in found if f.pays), key=lambda f: f.gain, default=None)
    if best is not None:
        rows = [a for m in best.method.split("+") for a in made[m][0]]
        write_split(folder / TRAIN, with_added(data.train, rows))
    return Outcome(augmented=tuple(found))


def make_rows(
    method: str, data: JobData, sources: list[int], rng: np.random.Generator
) -> list[Added]:
    """New rows out of the sources; a text that could not be changed makes none."""
    texts = [data.train.texts[i] for i in sources]
    if method == "oversample":
        return [Added(t, i, OVERSAMPLED) for t, i in zip(texts, sources, strict=True)]
    if method == "noise":
        new, origin = [noise.noisy(t, rng) for t in texts], noise.ORIGIN
    elif method == "replace_words":
        fill, origin = words.filler(data.base)
        new = [words.replaced(t, fill, rng) for t in texts]
    else:
        there, back = (Path(str(data.spec.what.settings[k])) for k in ("there", "back"))
        new, origin = translation.back_translated(texts, there, back), translation.ORIGIN
    pairs = zip(new, texts, sources, strict=True)
    return [Added(made, i, origin) for made, before, i in pairs if made and made != before]


class Judge:
    """Fits a linear probe with and without new rows, and compares them on validation."""

    def __init__(self, data: JobData, on_progress: OnProgress) -> None:
        self.data = data
        self.train, self.validation, _ = data.embeddings(
            lambda p: on_progress(p.model_copy(update={"share": 0.4 * p.share}))
        )
        self.metric = data.spec.what.metric
        self.before = self._stats(self.train, data.train_labels)

    def embedded(self, texts: list[str]) -> NDArray[np.float32]:
        """(n, width) frozen embeddings."""
        if not texts:
            return np.zeros((0, self.train.shape[1]), np.float32)
        tokens = tokenize(self.data.tokenizer, texts, self.data.max_length)
        return embed(self.data.encoder(), tokens, pick_device())

    def verdict(self, method: str, added: list[Added], features: NDArray[np.float32]) -> Augmented:
        """Whether these rows raise the metric on validation, by how much, and how sure that is."""
        if not added:
            return Augmented(method=method)
        labels = self.data.train_labels
        more = np.array([labels[a.source] for a in added])
        both = np.vstack([self.train, features])
        after = self._stats(both, np.concatenate([labels, more]))
        difference = compare(self.metric, after, self.before, seed=self.data.spec.what.seed)
        sign = 1.0 if METRICS[self.metric].direction == "higher" else -1.0
        return Augmented(
            method=method,
            rows=len(added),
            before=value(self.metric, self.before),
            after=value(self.metric, after),
            gain=sign * difference.value,
            ci=(difference.low, difference.high),
            pays=sign * difference.value > 0,
        )

    def _stats(self, features: Any, labels: Any) -> dict[str, FloatArray]:
        data = self.data
        head, _ = fit_best_linear(
            features, labels, self.validation, data.validation_labels, len(data.labels)
        )
        found = head.probabilities(self.validation)
        return {"classes": np.column_stack([data.validation_labels.astype(np.float64), found])}
