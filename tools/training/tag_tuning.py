"""Tuning an encoder to tag words; its head starts where the frozen rung ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...evals.measures import entities
from ...evals.measures import value as measure
from ...evals.metrics import FloatArray, IntArray
from ..datasets.types import Split
from ..deployment.saved import Encoder, SavedModel, write_card
from ..facts import JobProgress, OnProgress
from .bio import best_tags, fit_outside, rows_of, tags_in
from .card import card_of
from .data import JobData
from .hardware import Device, pick_device
from .linear import LinearHead, class_weights, fit_linear, head_of, linear_layer
from .network import prepare_encoder
from .pooled import save_core
from .prefix import cached_prefix, put_prefix
from .settings import TrainSettings
from .tagging import UNTAGGED, TagExamples, TagNetwork, tag_examples, words
from .tokens import by_length
from .windows import notes_of

START_STRENGTH = 0.3  # of the head that tuning begins with
FIT_WORDS = 30_000  # O words beyond these are left out where a linear head is fitted
FIT_STEPS = 40  # of the solver: what is left is small, and far the dearest
BATCH = 64


class TagTuning:
    """Tagging of words with any strategy of the ladder."""

    def __init__(self, data: JobData) -> None:
        self.data = data
        self.tags = tags_in([row["tags"] for row in data.train.rows])
        self._made: dict[int, TagExamples] = {}
        self._put_back: Callable[[], None] = lambda: None

    def examples(self, split: Split) -> TagExamples:
        """Windows and words, with the cached states where the network has them."""
        if id(split) not in self._made:
            self._made[id(split)] = tag_examples(
                self.data.tokenizer, split.rows, self.tags, self.data.max_length
            )
        return self._made[id(split)]

    def network(self, settings: TrainSettings, on_progress: OnProgress) -> TagNetwork:
        """The encoder, frozen and wrapped as the strategy says, under a fitted head."""
        splits = (self.data.train, self.data.validation)
        train, validation = (self.examples(split) for split in splits)
        encoder = self.data.encoder()
        head = start_head(encoder, train, len(self.tags), on_progress)
        tokens = (train.pieces.tokens, validation.pieces.tokens)
        states = cached_prefix(encoder, settings, tokens, on_progress)
        for split, found in zip(splits, states or (), strict=False):
            self._made[id(split)] = self.examples(split).with_states(found)
        core = prepare_encoder(encoder, settings)
        weight = None
        if settings.class_weights:
            gold = train.tags[train.tags != UNTAGGED]
            weight = torch.from_numpy(class_weights(gold, len(self.tags)))
        network = TagNetwork(core, linear_layer(head), settings.dropout, weight)
        if states:
            self._put_back = put_prefix(encoder, settings)
        return network

    def value(self, split: Split, outputs: FloatArray, metric: str) -> float:
        """The metric of the entities, with the lean towards O that suits strict F1 best."""
        outside, f1 = self._fitted(split, outputs)
        if metric == "f1":
            return f1
        starts = word_starts(split)
        given = rows_of(self.tags, best_tags(self.tags, outputs, starts, outside=outside), starts)
        true = [row["tags"] for row in split.rows]
        types = sorted({tag[2:] for tags in (self.tags, *true) for tag in tags} - {""})
        stats = entities.rows(
            [entities.entities(tags) for tags in true],
            [entities.entities(tags) for tags in given],
            types,
        )
        return measure(metric, {"entities": stats})

    def save(
        self, network: Any, settings: TrainSettings, folder: Path, outputs: FloatArray
    ) -> None:
        """Write a plain PEFT adapter, or a plain encoder with its tokenizer, and the head."""
        self._put_back()
        kind = save_core(network.core, settings, self.data, folder)
        outside, _ = self._fitted(self.data.validation, outputs)
        card = tag_card(self.data, self.tags, settings.strategy, kind, outside)
        write_card(folder, card, head_of(network.head))

    def notes(self) -> tuple[str, ...]:
        """How many texts took several windows."""
        pieces = self.examples(self.data.train).pieces
        return notes_of(pieces, len(self.data.train), "texts", self.data.max_length)

    def _fitted(self, split: Split, outputs: FloatArray) -> tuple[float, float]:
        gold = [row["tags"] for row in split.rows]
        return fit_outside(self.tags, outputs, word_starts(split), gold)


def word_starts(split: Split) -> IntArray:
    """(n + 1,): row i has the words starts[i]:starts[i + 1] of all of them."""
    return np.concatenate([[0], np.cumsum([len(row["tokens"]) for row in split.rows])])


def tag_card(
    data: JobData, tags: tuple[str, ...], strategy: str, encoder: Encoder, outside: float
) -> SavedModel:
    """Describe a model that tags words; its labels are the tags."""
    return card_of(data, strategy, encoder, labels=tags, extra={"outside": outside})


def start_head(
    encoder: Any, train: TagExamples, n_tags: int, on_progress: OnProgress
) -> LinearHead:
    """Begin with a head fitted to the frozen states, so that tuning starts where probing ended.

    Source: Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features" (LP-FT).
    """

    def tell(done: int, total: int) -> None:
        on_progress(JobProgress(share=0.1 * done / total, text="reading with the frozen model"))

    features = word_features(encoder, train, pick_device(), tell)
    return fit_head(features, train.tags, n_tags, strength=START_STRENGTH)


def word_features(
    encoder: Any,
    examples: TagExamples,
    device: Device,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> NDArray[np.float32]:
    """Frozen states of all words and how they are written: (words, width + shapes)."""
    encoder.to(device.kind).eval()
    width = encoder.config.hidden_size
    out = np.zeros((len(examples.at), width + examples.shapes.shape[1]), np.float32)
    out[:, width:] = examples.shapes
    done = 0
    for chunk in by_length(examples.lengths, BATCH):
        batch = {name: part.to(device.kind) for name, part in examples.batch(chunk).items()}
        with torch.inference_mode(), device.autocast():
            hidden = encoder(input_ids=batch["ids"], attention_mask=batch["mask"])
        states = words(hidden.last_hidden_state, batch)[batch["inside"]].cpu().numpy()
        units = np.concatenate(
            [np.arange(examples.starts[i], examples.starts[i + 1]) for i in chunk]
        )
        out[units, :width] = states
        done += len(chunk)
        progress(done, len(examples.lengths))
    return out


def fit_head(
    features: NDArray[np.float32], tags: IntArray, n_tags: int, *, strength: float
) -> LinearHead:
    """Fit a linear head on words; of very many O words a part is enough.

    Its bias is corrected for what was left out.

    Source: King & Zeng 2001, "Logistic Regression in Rare Events Data": prior correction.
    """
    rows = np.flatnonzero(tags != UNTAGGED)
    other = rows[tags[rows] == 0]
    spare = len(rows) - FIT_WORDS
    shift = 0.0
    if spare > 0 and len(other) > 1:
        kept = np.random.default_rng(0).permutation(other)[: max(1, len(other) - spare)]
        shift = float(np.log(len(other) / len(kept)))
        rows = np.sort(np.concatenate([rows[tags[rows] != 0], kept]))
    head = fit_linear(features[rows], tags[rows], n_tags, strength=strength, steps=FIT_STEPS)
    head.bias[0] += shift
    return head
