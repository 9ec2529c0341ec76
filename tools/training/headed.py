"""Tuning an encoder under a linear head for any inputs and goal: pairs, spans, label sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...evals.measures import value as measure
from ...evals.metrics import METRICS, FloatArray
from ..datasets.types import Split
from ..deployment.saved import Encoder, SavedModel, write_card
from ..facts import JobProgress, OnProgress
from .card import card_of
from .data import JobData
from .goals import Goal
from .hardware import Device, pick_device
from .head_fit import fit_head
from .inputs import Sequences
from .linear import head_of, linear_layer
from .mixup import MixedClassifier
from .network import Batch, ClassifierStates, EncoderClassifier, mean_pool, prepare_encoder
from .pooled import START_STRENGTH, save_core
from .prefix import cached_prefix, put_prefix
from .settings import TrainSettings
from .tokens import by_length, notes_of

if TYPE_CHECKING:
    from ..tasks.headed import HeadedTask

BATCH = 64


@dataclass(frozen=True)
class HeadedRows:
    """Rows of one split: an example each, with an output row for each of its sequences.

    Attributes:
        sequences: Of n rows.
        gold: (n, …), or None where it is not known.
        states: Hidden states below the trained layers, or None to run all layers.
    """

    sequences: Sequences
    gold: NDArray[Any] | None = None
    states: Any = None

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n,), tokens of each row's longest sequence."""
        lengths = self.sequences.tokens.lengths
        if not len(lengths):
            return lengths
        return np.maximum.reduceat(lengths, self.starts[:-1])

    @property
    def starts(self) -> NDArray[np.int64]:
        """(n + 1,), sequences of the rows."""
        return self.sequences.starts

    @property
    def cut(self) -> int:
        """Sequences that lost tokens."""
        return self.sequences.tokens.cut

    def batch(self, chosen: NDArray[np.int64]) -> Batch:
        """Sequences of the chosen rows, one after the other, and how many each row has."""
        starts = self.starts
        which = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in chosen])
        ids, mask = self.sequences.tokens.batch(which)
        found: Batch = {
            "ids": ids,
            "mask": mask,
            "marks": torch.from_numpy(self.sequences.marks[which]),
            "sizes": torch.from_numpy(starts[chosen + 1] - starts[chosen]),
        }
        if self.gold is not None:
            found["gold"] = torch.from_numpy(self.gold[chosen])
        if self.states is not None:
            found["states"] = self.states.batch(which, ids.shape[1])
        return found


class HeadedNetwork(EncoderClassifier):
    """An encoder under a linear head on the average, or on the marked states side by side."""

    def __init__(self, encoder: nn.Module, head: nn.Linear, dropout: float, goal: Goal) -> None:
        super().__init__(encoder, head, dropout)
        self.goal = goal

    def pool(self, hidden: Tensor, batch: Batch) -> Tensor:
        """(sequences, tokens, width) -> (sequences, width of the head)."""
        return pool(hidden, batch)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """The goal's, averaged over the rows."""
        return self.goal.loss(logits, batch["gold"], batch["sizes"]).mean()

    def divergence(self, one: Tensor, other: Tensor, batch: Batch) -> Tensor:
        """Squared: numbers, several labels and choices share no one distribution."""
        return nn.functional.mse_loss(one, other)

    def outputs(self, logits: Tensor, batch: Batch) -> Tensor:
        """(sequences, width) probabilities or scores, float64."""
        plain = logits.double().cpu().numpy()
        return torch.from_numpy(self.goal.outputs(plain, batch["sizes"].cpu().numpy()))


class HeadedStates(ClassifierStates):
    """The same, with what the head looks at beside its logits: (sequences, logits + width)."""

    def pool(self, hidden: Tensor, batch: Batch) -> Tensor:
        """(sequences, tokens, width) -> (sequences, width of the head)."""
        return pool(hidden, batch)


class MixedHeaded(MixedClassifier, HeadedNetwork):
    """The same, blending rows while it learns."""

    gold = "gold"


def pool(hidden: Tensor, batch: Batch) -> Tensor:
    """Average the tokens; or put the marked tokens' states side by side, each of unit length."""
    marks = batch["marks"]
    if not marks.shape[1]:
        return mean_pool(hidden, batch["mask"])
    rows = torch.arange(len(hidden), device=hidden.device)[:, None]
    return nn.functional.normalize(hidden[rows, marks].float(), dim=-1).flatten(1)


class HeadedTuning:
    """Any strategy of the ladder for a task with a linear head over its sequences.

    The head starts fitted to the frozen states, and the frozen layers below the trained
    ones run once.
    """

    def __init__(self, task: HeadedTask, data: JobData) -> None:
        self.task = task
        self.data = data
        self.labels = task.labels_of(data.train)
        self.extra = task.extra(data.train)
        self.goal = task.goal(self.labels, self.extra, data.train)
        self._states: list[Any] | None = None
        self._sequences: dict[int, Sequences] = {}
        self._put_back: Callable[[], None] = lambda: None

    def sequences(self, split: Split) -> Sequences:
        """Token sequences of a split, computed once."""
        if id(split) not in self._sequences:
            inputs = self.task.inputs(self.extra)
            data = self.data
            self._sequences[id(split)] = inputs.sequences(data.tokenizer, split, data.max_length)
        return self._sequences[id(split)]

    def examples(self, split: Split) -> HeadedRows:
        """Sequences and gold, with the cached states where the network has them."""
        states = self._states and self._states[split is not self.data.train]
        return HeadedRows(self.sequences(split), self.goal.gold(split), states)

    def network(self, settings: TrainSettings, on_progress: OnProgress) -> HeadedNetwork:
        """The encoder, frozen and wrapped as the strategy says, under a fitted head."""
        data = self.data
        encoder = data.encoder()
        self.extra = self.task.tuned(self.extra, data.train, settings)
        self.goal = self.task.goal(self.labels, self.extra, data.train)
        self._sequences.clear()
        gold = self.goal.gold(data.train)
        self.goal = self.goal.weighed(gold, settings)
        features = self._pooled(encoder, on_progress)
        sizes = np.diff(self.sequences(data.train).starts)
        head = fit_head(self.goal, features, gold, sizes, strength=START_STRENGTH)
        tokens = [self.sequences(s).tokens for s in (data.train, data.validation)]
        self._states = cached_prefix(encoder, settings, tokens, on_progress)
        core = prepare_encoder(encoder, settings)
        parts = (core, linear_layer(head), settings.dropout, self.goal)
        network = HeadedNetwork(*parts)
        if settings.mixes:
            network = MixedHeaded(*parts, alpha=settings.mixup)
        if self._states:
            self._put_back = put_prefix(encoder, settings)
        return network

    def value(self, split: Split, outputs: FloatArray, metric: str) -> float:
        """The metric itself, turned round where lower is better."""
        card = self._card("", "none", outputs, split)
        answers = self.task.answers(split, outputs, card)
        answers = self.task.unflattered(card, split, answers)
        return METRICS[metric].upward(measure(metric, self.task.stats(split, answers)))

    def save(
        self, network: HeadedNetwork, settings: TrainSettings, folder: Path, outputs: FloatArray
    ) -> None:
        """Write a plain PEFT adapter, or a plain encoder with its tokenizer, and the head."""
        self._put_back()
        kind = save_core(network.core, settings, self.data, folder)
        card = self._card(settings.strategy, kind, outputs, self.data.validation)
        write_card(folder, card, head_of(network.head))

    def notes(self) -> tuple[str, ...]:
        """How many sequences were cut."""
        return notes_of(self.sequences(self.data.train).tokens, self.data.max_length)

    def _pooled(self, encoder: Any, on_progress: OnProgress) -> NDArray[np.float32]:
        """What the untrained encoder gives the head for the training rows; kept."""

        def tell(done: int, total: int) -> None:
            text = "running the untrained model"
            on_progress(JobProgress(share=0.1 * done / max(1, total), text=text))

        found = self.sequences(self.data.train)
        return self.data.kept(
            "pool1",
            (found.tokens.flat, found.tokens.starts, found.marks),
            lambda: pooled_states(encoder, found, pick_device(), tell),
        )[0]

    def _card(self, strategy: str, kind: Encoder, outputs: FloatArray, split: Split) -> SavedModel:
        extra = {**self.extra, **self.task.fitted(split, outputs, self.labels)}
        return card_of(self.data, strategy, kind, labels=self.labels, extra=extra)


def pooled_states(
    encoder: Any,
    sequences: Sequences,
    device: Device,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """Pool every sequence with the encoder as it is: (n_sequences, width of a head)."""
    tokens = sequences.tokens
    width = encoder.config.hidden_size * max(1, sequences.marks.shape[1])
    out = np.zeros((len(tokens), width), np.float32)
    done = 0
    encoder.to(device.kind).eval()
    for rows in by_length(tokens.lengths, BATCH):
        ids, mask = (t.to(device.kind) for t in tokens.batch(rows))
        marks = torch.from_numpy(sequences.marks[rows]).to(device.kind)
        with torch.inference_mode(), device.autocast():
            hidden = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
            out[rows] = pool(hidden, {"mask": mask, "marks": marks}).float().cpu().numpy()
        done += len(rows)
        if progress:
            progress(done, len(tokens))
    return out
