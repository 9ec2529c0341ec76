"""Tuning a model that writes, as a `Tuning`; and the same model before any tuning."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ....evals.metrics import FloatArray
from ...datasets.types import Split
from ...deployment.saved import Encoder, write_description
from ...facts import OnProgress
from ..card import card_of
from ..data import JobData
from ..settings import TrainSettings
from .answers import EXTRA, Rows, Written
from .codec import Codec, fit_limits
from .decoding import Decoding
from .kinds import window
from .models import Language, open_base, prepare, save_language, save_tokenizers
from .network import LanguageNetwork
from .pairs import Pairs
from .prompted import Prompted

NOISE = 16  # tokens that a decoder writes at most which nobody has tuned yet


class GenerativeTuning:
    """How a base model of any kind is tuned to write what a task's rows ask for."""

    def __init__(
        self,
        data: JobData,
        prompted: Rows,
        decoding: Decoding | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Take the rows; nothing is loaded yet.

        Args:
            data: Rows and base model.
            prompted: Gives a row of a split as what is asked, and its gold.
            decoding: How answers are written; greedily if not said.
            extra: More for the saved card, of the task's own.
        """
        self.data = data
        self._prompted = prompted
        self._decoding = decoding or Decoding()
        self._extra = dict(extra or {})
        self._opened: Language | None = None
        self._pairs: dict[int, Pairs] = {}

    def language(self, *, quantised: bool = False) -> Language:
        """The model that is tuned, loaded once."""
        if self._opened is None:
            self._opened = open_base(
                self.data.base, self._targets, longest=self.data.max_length, quantised=quantised
            )
        return self._opened

    @cached_property
    def codec(self) -> Codec:
        """Of the model, cutting where its window or the asked length ends."""
        language = self.language()
        codec = Codec(language.kind, language.source, language.target)
        room = min(self.data.max_length, window(language.core.config) or self.data.max_length)
        return Codec(
            codec.kind,
            codec.source,
            codec.target,
            fit_limits(codec, self.rows(self.data.train), room),
        )

    def rows(self, split: Split) -> list[Prompted]:
        """Every row as what is asked, and its gold."""
        return [self._prompted(split, i) for i in range(len(split))]

    def examples(self, split: Split) -> Pairs:
        """Rows as ids, encoded once."""
        if id(split) not in self._pairs:
            self._pairs[id(split)] = Pairs(self.codec, self.rows(split), self.language().start)
        return self._pairs[id(split)]

    def network(self, settings: TrainSettings, on_progress: OnProgress) -> LanguageNetwork:
        """The base model as the settings say, frozen and wrapped."""
        if settings.beams:
            self._decoding = self._decoding.model_copy(update={"beams": settings.beams})
        language = self.language(quantised=settings.quantised)
        prepare(language, settings)
        return LanguageNetwork(
            language.core,
            smoothing=settings.label_smoothing,
            fresh=language.fresh,
            fresh_rate=settings.fresh_rate,
        )

    def value(self, split: Split, outputs: FloatArray, metric: str) -> float:
        """Minus nats per token of the gold, whatever is measured in the end."""
        nats, tokens = outputs.sum(axis=0)
        return float(-nats / max(1.0, tokens))

    def save(
        self, network: LanguageNetwork, settings: TrainSettings, folder: Path, outputs: FloatArray
    ) -> None:
        """Write an adapter as a plain PEFT folder; all weights where no base model has the rest."""
        language = self.language()
        adapter = hasattr(language.core, "peft_config") and not language.fresh
        save_language(language, folder, base=self.data.base, adapter=adapter)
        self._describe(folder, settings.strategy, "adapter" if adapter else "whole")

    def save_untuned(self, folder: Path, strategy: str = "untuned") -> None:
        """Write the model as it is before any tuning: the rung that tuning is compared with."""
        language = self.language()
        folder.mkdir(parents=True, exist_ok=True)
        if language.fresh:
            save_language(language, folder, base=self.data.base, adapter=False)
            # Its words are noise, and it knows no end: a few of them show that as well.
            self._decoding = self._decoding.model_copy(update={"most": NOISE})
        else:
            save_tokenizers(language, folder)
        self._describe(folder, strategy, "whole" if language.fresh else "base")

    def notes(self) -> tuple[str, ...]:
        """What was made of the base model, and how much of the rows was cut."""
        language, limits = self.language(), self.codec.limits
        said = []
        if language.fresh:
            layers = language.core.config.decoder.num_hidden_layers
            said.append(
                f"{self.data.base.ref} is an encoder: it got a decoder of {layers} layers started "
                f"from its own, with {len(language.target)} word pieces of the training targets"
            )
        train = self.examples(self.data.train)
        for what, cut, most in (
            ("prompts", train.cut_prompts, limits and limits.prompt),
            ("targets", train.cut_targets, limits and limits.target),
        ):
            if cut:
                share = cut / len(train)
                said.append(f"{share:.1%} of the training {what} were cut at {most} tokens")
        return tuple(said)

    def _targets(self) -> list[str]:
        return [row.target for row in self.rows(self.data.train)]

    def _describe(self, folder: Path, strategy: str, encoder: Encoder) -> None:
        limits = self.codec.limits
        assert limits is not None
        written = Written(limits=limits, decoding=self._decoding)
        extra = {**self._extra, EXTRA: written.model_dump()}
        write_description(folder, card_of(self.data, strategy, encoder, extra=extra))
