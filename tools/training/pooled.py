"""Tuning an encoder under a head on its pooled embedding: classification and its relatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...evals.measures import value as measure
from ...evals.metrics import METRICS, FloatArray, IntArray
from ..datasets.types import Split
from ..deployment.saved import Encoder, write_card
from ..facts import OnProgress
from .card import card_of
from .data import JobData
from .linear import LinearHead, class_weights, fit_linear, head_of, linear_layer
from .mixup import MixedClassifier
from .network import Batch, EncoderClassifier, prepare_encoder
from .peft_methods import saved_whole
from .prefix import cached_prefix, put_prefix
from .settings import TrainSettings
from .tokens import Tokens, notes_of

START_STRENGTH = 2.0  # of the head that tuning begins with


@dataclass(frozen=True)
class Rows:
    """Texts ready to be trained on or scored: an example and an output row each.

    Attributes:
        tokens: Token ids of n texts.
        labels: (n,), int64.
        states: Hidden states below the trained layers, or None to run all layers.
    """

    tokens: Tokens
    labels: IntArray
    states: Any = None

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n,), tokens of each text."""
        return self.tokens.lengths

    @property
    def starts(self) -> NDArray[np.int64]:
        """(n + 1,): one output row for each text."""
        return np.arange(len(self.tokens) + 1)

    @property
    def cut(self) -> int:
        """Texts that lost their end."""
        return self.tokens.cut

    def batch(self, chosen: NDArray[np.int64]) -> Batch:
        """Ids, mask and labels; the states where there are some."""
        import torch

        ids, mask = self.tokens.batch(chosen)
        found = {"ids": ids, "mask": mask, "labels": torch.from_numpy(self.labels[chosen])}
        if self.states is not None:
            found["states"] = self.states.batch(chosen, ids.shape[1])
        return found


class PooledTuning:
    """Single-label classification with any strategy of the ladder.

    The head starts where probing ended, and the frozen layers below the trained ones
    run once.
    """

    def __init__(self, data: JobData) -> None:
        self.data = data
        self._states: list[Any] | None = None
        self._put_back: Callable[[], None] = lambda: None

    def examples(self, split: Split) -> Rows:
        """Token ids and labels, with the cached states where the network has them."""
        data = self.data
        if split is data.train:
            states = self._states and self._states[0]
            return Rows(data.train_tokens, data.train_labels, states)
        states = self._states and self._states[1]
        return Rows(data.validation_tokens, data.validation_labels, states)

    def network(self, settings: TrainSettings, on_progress: OnProgress) -> EncoderClassifier:
        """The encoder, frozen and wrapped as the strategy says, under a fitted head."""
        head = _start_head(self.data, on_progress)
        encoder = self.data.encoder()
        self._states = cached_prefix(
            encoder, settings, (self.data.train_tokens, self.data.validation_tokens), on_progress
        )
        core = prepare_encoder(encoder, settings)
        criterion = _criterion(self.data.train_labels, settings, len(self.data.labels))
        parts = (core, linear_layer(head), settings.dropout, criterion)
        network = EncoderClassifier(*parts)
        if settings.mixes:
            network = MixedClassifier(*parts, alpha=settings.mixup)
        if self._states:
            self._put_back = put_prefix(encoder, settings)
        return network

    def value(self, split: Split, outputs: FloatArray, metric: str) -> float:
        """The metric itself, turned round where lower is better."""
        true = self.data.numbers(split).astype(np.float64)
        found = measure(metric, {"classes": np.column_stack([true, outputs])})
        return found if METRICS[metric].direction == "higher" else -found

    def save(
        self,
        network: EncoderClassifier,
        settings: TrainSettings,
        folder: Path,
        outputs: FloatArray,
    ) -> None:
        """Write a plain PEFT adapter, or a plain encoder with its tokenizer, and the head."""
        self._put_back()
        data = self.data
        kind = save_core(network.core, settings, data, folder)
        card = card_of(data, settings.strategy, kind, labels=data.labels)
        write_card(folder, card, head_of(network.head))

    def notes(self) -> tuple[str, ...]:
        """How many texts were cut."""
        return notes_of(self.data.train_tokens, self.data.max_length)


def save_core(core: Any, settings: TrainSettings, data: JobData, folder: Path) -> Encoder:
    """Save a tuned base model: its PEFT adapter, or all of it; and the tokenizer.

    Returns:
        How it has to be loaded: "adapter" or "whole".
    """
    import warnings

    folder.mkdir(parents=True, exist_ok=True)
    core.to("cpu").eval()
    adapter = settings.strategy == "lora" and not saved_whole(settings.peft_method)
    kind: Encoder = "adapter" if adapter else "whole"
    if kind == "adapter":
        config = core.peft_config["default"]
        config.base_model_name_or_path = data.base.hub_id or str(data.base.path)
        with warnings.catch_warnings():  # it would look the base model up on the Hub
            warnings.simplefilter("ignore")
            core.save_pretrained(str(folder), save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)  # the report writes a real one
    else:
        core.save_pretrained(str(folder))
    data.tokenizer.save_pretrained(str(folder))
    return kind


def _criterion(labels: IntArray, settings: TrainSettings, n_classes: int) -> Any:
    import torch

    weight = None
    if settings.class_weights:
        weight = torch.from_numpy(class_weights(labels, n_classes))
    return torch.nn.CrossEntropyLoss(weight=weight, label_smoothing=settings.label_smoothing)


def _start_head(data: JobData, on_progress: OnProgress) -> LinearHead:
    """Begin with a head fitted to the frozen embeddings, so that tuning starts where probing ended.

    It is penalised more than the best probe: a head that fits the training rows
    all but perfectly leaves the encoder nothing to learn from. On Banking77 the
    top layers stayed at 92.7% after a head of strength 30, and reached 93.8%
    after one of strength 1 to 3.

    Source: Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features" (LP-FT).
    """
    features, _, _ = data.embeddings(on_progress)
    return fit_linear(features, data.train_labels, len(data.labels), strength=START_STRENGTH)
