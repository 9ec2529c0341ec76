"""Going on with pre-training: a masked or causal language model of raw text, as a `Tuning`."""

from __future__ import annotations

import time
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel as Model
from pydantic import ConfigDict, Field, ValidationError

from ....evals.metrics import FloatArray
from ...datasets.types import Split
from ...deployment.saved import CARD, Encoder, SavedModel, base_folder_of, write_description
from ...errors import BaseModelError, ModelError
from ...facts import OnProgress
from ...tasks.task import Answer, Answerer, Progress
from ..base_model import load_tokenizer
from ..card import card_of
from ..data import JobData
from ..hardware import pick_device
from ..loop import predict
from ..network import Network
from ..peft_methods import METHODS, wrap
from ..settings import TrainSettings
from .kinds import kind_of, read_config, window
from .masked import MaskedNetwork, load_masked
from .models import checkpoint_activations, load_lm
from .network import LanguageNetwork
from .ngrams import Counts, count, foreseen, load_counts, save_counts, smoothed
from .windows import Foreseeing, Framing, Windows, framing

EXTRA = "modelling"
TIMED_WINDOWS = 128


class Modelled(Model):
    """What a saved language model needs to know beside its weights."""

    model_config = ConfigDict(frozen=True)

    kind: Foreseeing
    size: int = Field(ge=2)


class ModellingTuning:
    """A base model learns to foresee the texts, and stays a base model."""

    def __init__(self, data: JobData) -> None:
        self.data = data
        self._loaded: tuple[Any, list[Any]] | None = None
        self._windows: dict[int, Windows] = {}

    @cached_property
    def kind(self) -> Foreseeing:
        """Masked for an encoder, causal for a causal LM.

        Raises:
            BaseModelError: It is neither.
        """
        found = kind_of(read_config(self.data.base.path))
        if found == "seq2seq":
            raise BaseModelError(
                f"base model {self.data.base.ref}: is an encoder-decoder; language modelling "
                "takes an encoder or a causal LM"
            )
        return "causal" if found == "causal" else "masked"

    @cached_property
    def tokenizer(self) -> Any:
        """Of the base model."""
        return load_tokenizer(self.data.base)

    @cached_property
    def frame(self) -> Framing:
        """How its texts begin and end."""
        return framing(self.tokenizer, self.kind)

    @cached_property
    def size(self) -> int:
        """Tokens of a window."""
        reach = window(read_config(self.data.base.path)) or self.data.max_length
        return max(2, min(self.data.max_length, reach, self.data.base.max_tokens))

    def core(self, *, quantised: bool = False) -> tuple[Any, list[Any]]:
        """The model, loaded once, and its parameters that no checkpoint brought."""
        if self._loaded is None:
            self._loaded = load_core(self.data.base.path, self.kind, quantised=quantised)
        return self._loaded

    def examples(self, split: Split) -> Windows:
        """Windows of a split's texts, laid once."""
        if id(split) not in self._windows:
            train = split is self.data.train
            self._windows[id(split)] = Windows(
                self.tokenizer, split.texts, self.size, self.frame, train=train
            )
        return self._windows[id(split)]

    def network(self, settings: TrainSettings, on_progress: OnProgress) -> Network:
        """The model, frozen and wrapped as the strategy says.

        Raises:
            BaseModelError: The strategy would not leave a base model behind.
        """
        if settings.quantised:
            raise BaseModelError(
                "language modelling changes the base model itself, which quantised weights do "
                "not allow; leave out quantised"
            )
        core, fresh = self.core()
        if settings.strategy == "lora":
            if METHODS[settings.peft_method].virtual:
                raise BaseModelError(
                    f"peft_method {settings.peft_method!r} cannot be merged into a base model; "
                    "use 'lora'"
                )
            core = wrap(core, settings, "causal" if self.kind == "causal" else "encoder")
        elif settings.strategy != "full":
            raise BaseModelError(
                f"strategy {settings.strategy!r} is not one of language modelling; use 'lora' or "
                "'full'"
            )
        for parameter in fresh:
            parameter.requires_grad_(True)
        if settings.checkpointing:
            checkpoint_activations(core)
        return network_of(self.kind, core, fresh, settings.fresh_rate)

    def value(self, split: Split, outputs: FloatArray, metric: str) -> float:
        """Minus nats per token."""
        nats, tokens = outputs.sum(axis=0)
        return float(-nats / max(1.0, tokens))

    def save(
        self, network: Network, settings: TrainSettings, folder: Path, outputs: FloatArray
    ) -> None:
        """Write all weights, adapters merged: the folder is a base model of later runs."""
        folder.mkdir(parents=True, exist_ok=True)
        core: Any = network.core
        merged = core.merge_and_unload() if hasattr(core, "merge_and_unload") else core
        merged.to("cpu").save_pretrained(str(folder))
        self._describe(folder, settings.strategy, "whole")

    def save_untuned(self, folder: Path, strategy: str) -> None:
        """Write what names the base model as it is."""
        folder.mkdir(parents=True, exist_ok=True)
        self._describe(folder, strategy, "base")

    def save_counts(self, folder: Path, strategy: str) -> None:
        """Count the training text, and write the counts: "unigram" or "bigram"."""
        counts = count(self.examples(self.data.train), self.frame.words)
        if strategy == "bigram":
            counts = smoothed(counts, self.examples(self.data.validation))
        save_counts(counts, folder)
        self._describe(folder, strategy, "none")

    def pass_seconds(self) -> float:
        """Measure one forward pass over the training text, on some of it."""
        texts = self.data.train.texts
        some = texts[:: max(1, len(texts) // TIMED_WINDOWS)]
        windows = Windows(self.tokenizer, some, self.size, self.frame, train=False)
        core, fresh = self.core()
        start = time.monotonic()
        predict(network_of(self.kind, core, fresh), windows, pick_device())
        return (time.monotonic() - start) * len(texts) / len(some)

    def notes(self) -> tuple[str, ...]:
        """What is foreseen, and how much needed several windows."""
        words = "15% of the tokens, hidden" if self.kind == "masked" else "each token and the end"
        said = [f"{self.kind} language modelling: {words}; perplexity is per token of the base's"]
        cut = self.examples(self.data.train).cut
        if cut:
            share = cut / len(self.data.train)
            said.append(f"{share:.1%} of the training texts were read in windows of {self.size}")
        return tuple(said)

    def _describe(self, folder: Path, strategy: str, encoder: Encoder) -> None:
        self.tokenizer.save_pretrained(str(folder))
        extra = {EXTRA: Modelled(kind=self.kind, size=self.size).model_dump()}
        card = card_of(self.data, strategy, encoder, extra=extra)
        write_description(folder, card.model_copy(update={"max_length": self.size}))


def load_core(path: Path, kind: Foreseeing, *, quantised: bool = False) -> tuple[Any, list[Any]]:
    """Load a language model of a kind, and its parameters that no checkpoint brought."""
    return load_masked(path) if kind == "masked" else (load_lm(path, "causal"), [])


def network_of(
    kind: Foreseeing, core: Any, fresh: list[Any] | None = None, fresh_rate: float = 1.0
) -> Network:
    """A core under the likelihood of what its kind foresees."""
    if kind == "masked":
        return MaskedNetwork(core, fresh or [], fresh_rate)
    return LanguageNetwork(core, fresh=fresh, fresh_rate=fresh_rate)


def load_modeller(card: SavedModel, folder: Path) -> Answerer:
    """Load a saved language model or the counts of a cheap one.

    Returns:
        Answers {"perplexity", "nll"} of each text, per token, and "_nll" and "_tokens".

    Raises:
        ModelError: The folder is incomplete or damaged.
        BaseModelError: The base model isn't there.
    """
    try:
        said = Modelled.model_validate(card.extra.get(EXTRA))
    except ValidationError as error:
        raise ModelError(
            f"model {folder / CARD}: does not say what it foresees; save the model again"
        ) from error
    try:
        tokenizer = load_tokenizer(folder)
        frame = framing(tokenizer, said.kind)
        counts = load_counts(folder) if card.encoder == "none" else None
        path = base_folder_of(card, folder) or folder
        network = None if counts else network_of(said.kind, *load_core(path, said.kind))
    except BaseModelError as error:
        if card.encoder == "base":
            raise
        raise ModelError(f"model {folder}: cannot be loaded, save it again: {error}") from error

    def answer(split: Split, progress: Progress | None) -> list[Answer]:
        windows = Windows(tokenizer, split.texts, said.size, frame, train=False)
        found = _foreseen(windows, counts, network, progress)
        n = len(split)
        nats = np.bincount(windows.owners, found[:, 0], minlength=n)
        tokens = np.bincount(windows.owners, found[:, 1], minlength=n)
        return [_answer(*row) for row in zip(nats.tolist(), tokens.tolist(), strict=True)]

    return answer


def _foreseen(
    windows: Windows, counts: Counts | None, network: Network | None, progress: Progress | None
) -> FloatArray:
    if counts is not None:
        return foreseen(counts, windows)
    assert network is not None
    return predict(network, windows, pick_device(), progress)


def _answer(nats: float, tokens: float) -> Answer:
    """JSON has no number for what nothing was foreseen of."""
    nll = nats / tokens if tokens else None
    return {
        "perplexity": None if nll is None else round(float(np.exp(min(nll, 700.0))), 4),
        "nll": None if nll is None else round(nll, 6),
        "_nll": nats,
        "_tokens": int(tokens),
    }
