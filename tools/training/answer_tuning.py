"""Tuning an encoder to find answers; its head starts where the frozen rung ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from ...evals.measures import squad
from ...evals.metrics import FloatArray
from ..datasets.types import Row, Split
from ..deployment.saved import Encoder, write_card
from ..facts import JobProgress, OnProgress
from .answering import AnswerExamples, AnswerNetwork, answer_examples
from .card import card_of
from .data import JobData
from .embed import final_states
from .hardware import pick_device
from .linear import head_of
from .loop import Watch, train
from .network import prepare_encoder
from .overlap import WIDTH
from .pooled import save_core
from .prefix import cached_prefix, put_prefix
from .settings import TrainSettings
from .spans import Found, best_spans, fit_threshold, longest_answer
from .windows import notes_of

# Of the head that tuning begins with; that of the frozen rung learns until it gains no more.
HEAD = TrainSettings(strategy="full", learning_rate=5e-3, epochs=12, patience=3, batch_size=16)
ALWAYS = -1e9  # the margin of a model that knows no unanswerable questions


class AnswerTuning:
    """Extractive answers with any strategy of the ladder."""

    def __init__(self, data: JobData) -> None:
        self.data = data
        self._made: dict[int, AnswerExamples] = {}
        self._put_back: Callable[[], None] = lambda: None
        self.frozen_seconds = 0.0  # that reading train took

    def examples(self, split: Split) -> AnswerExamples:
        """Windows, with the cached states where the network has them."""
        if id(split) not in self._made:
            data = self.data
            self._made[id(split)] = answer_examples(data.tokenizer, split.rows, data.max_length)
        return self._made[id(split)]

    def network(self, settings: TrainSettings, on_progress: OnProgress) -> AnswerNetwork:
        """The encoder, frozen and wrapped as the strategy says, under a trained head."""
        splits = (self.data.train, self.data.validation)
        made = [self.examples(split) for split in splits]
        encoder = self.data.encoder()
        head, _ = self.frozen_head(encoder, on_progress)
        tokens = [examples.pieces.tokens for examples in made]
        states = cached_prefix(encoder, settings, tokens, on_progress)
        for split, examples, found in zip(splits, made, states or (), strict=False):
            self._made[id(split)] = examples.with_states(found)
        network = AnswerNetwork(prepare_encoder(encoder, settings), head, settings.dropout)
        if states:
            self._put_back = put_prefix(encoder, settings)
        return network

    def frozen_head(self, encoder: Any, on_progress: OnProgress) -> tuple[nn.Linear, FloatArray]:
        """Train the head alone on what the frozen encoder says.

        Returns:
            The head, and its (pieces, 2) outputs on validation.

        Source: Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features" (LP-FT).
        """
        device = pick_device()

        def tell(done: int, total: int) -> None:
            share = 0.1 * done / total
            on_progress(JobProgress(share=share, text="reading with the frozen model"))

        given, start = [], time.monotonic()
        for number, split in enumerate((self.data.train, self.data.validation)):
            examples = self.examples(split)
            report = None if number else tell
            final = final_states(encoder, examples.pieces.tokens, device, report)
            given.append(examples.with_states(final=final))
            if not number:
                self.frozen_seconds = time.monotonic() - start
        head = nn.Linear(encoder.config.hidden_size + WIDTH, 2)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        network = AnswerNetwork(nn.Identity(), head, dropout=0.2)
        metric = "f1"
        watch = Watch(lambda outputs: self.value(self.data.validation, outputs, metric))
        trained = train(
            network, given[0], given[1], HEAD, device, watch, seed=self.data.spec.what.seed
        )
        return head, trained.outputs

    def value(self, split: Split, outputs: FloatArray, metric: str) -> float:
        """The metric, with the threshold for no answer that suits it best."""
        found = self.found(split, outputs)
        threshold = self.threshold(split, found)
        given = [_said(row, each, threshold) for row, each in zip(split.rows, found, strict=True)]
        stats = squad.rows(gold_answers(split.rows), given)
        return squad.over(metric, stats)(np.arange(len(stats)))

    def found(self, split: Split, outputs: FloatArray) -> list[Found]:
        """The best spans of every row."""
        longest = longest_answer(self.examples(self.data.train))
        return best_spans(outputs, self.examples(split), len(split), longest=longest)

    def threshold(self, split: Split, found: Sequence[Found]) -> float:
        """The margin from which an answer is given: fitted where some questions have none."""
        if not any(row["is_impossible"] for row in self.data.train.rows):
            return ALWAYS
        gold = gold_answers(split.rows)
        given = [_said(row, each, ALWAYS) for row, each in zip(split.rows, found, strict=True)]
        answered, silent = (squad.rows(gold, said)[:, 1] for said in (given, [""] * len(gold)))
        return fit_threshold(found, answered.tolist(), silent.tolist())[0]

    def save(
        self, network: Any, settings: TrainSettings, folder: Path, outputs: FloatArray
    ) -> None:
        """Write a plain PEFT adapter, or a plain encoder with its tokenizer, and the head."""
        self._put_back()
        kind = save_core(network.core, settings, self.data, folder)
        self.save_head(network.head, settings.strategy, kind, folder, outputs)

    def save_head(
        self, layer: nn.Linear, strategy: str, kind: Encoder, folder: Path, outputs: FloatArray
    ) -> None:
        """Write the head, and the description with what is fitted to validation."""
        found = self.found(self.data.validation, outputs)
        extra = {
            "threshold": self.threshold(self.data.validation, found),
            "longest": longest_answer(self.examples(self.data.train)),
        }
        card = card_of(self.data, strategy, kind, labels=("start", "end"), extra=extra)
        write_card(folder, card, head_of(layer))

    def notes(self) -> tuple[str, ...]:
        """How many contexts took several windows."""
        pieces = self.examples(self.data.train).pieces
        return notes_of(pieces, len(self.data.train), "contexts", self.data.max_length)


def gold_answers(rows: Sequence[Row]) -> list[list[str]]:
    """The true answers of each row; none where the context has none."""
    return [[answer["text"] for answer in row["answers"]] for row in rows]


def _said(row: Row, found: Found, threshold: float) -> str:
    if not found.spans or found.margin <= threshold:
        return ""
    start, end = found.spans[0]
    return str(row["context"][start:end])
