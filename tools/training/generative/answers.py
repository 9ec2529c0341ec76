"""A saved model that writes, as an `Answerer`: texts, and how likely it finds the gold."""

from __future__ import annotations

import itertools
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel as Model
from pydantic import ConfigDict, ValidationError

from ...datasets.types import Split
from ...deployment.saved import CARD, SavedModel, base_folder_of
from ...errors import ModelError
from ...tasks.task import Answer, Answerer, Progress
from ..hardware import pick_device
from ..loop import predict
from .codec import Codec, Limits
from .decoding import Decoding, generate
from .models import open_saved
from .network import LanguageNetwork
from .pairs import Pairs
from .prompted import Prompted

EXTRA = "generative"  # its key in a card's `extra`
WRITING = 0.8  # share of the time, for progress; the rest is reading the gold

Rows = Callable[[Split, int], Prompted]


class Written(Model):
    """What a saved model that writes needs to know beside its weights.

    Attributes:
        limits: Where prompts and targets are cut.
        decoding: How answers are written.
    """

    model_config = ConfigDict(frozen=True)

    limits: Limits
    decoding: Decoding = Decoding()


def load_generator(card: SavedModel, folder: Path, prompted: Rows) -> Answerer:
    """Load a saved model.

    Args:
        card: Its description.
        folder: It is in.
        prompted: Gives a row of a split as what is asked, and the gold where known.

    Returns:
        Answers {"text"}, and where the row has a target "_nll" in nats, "_tokens", and
        "_samples" if several are drawn.

    Raises:
        ModelError: The folder is incomplete or damaged.
        BaseModelError: The base model isn't there.
    """
    written = written_of(card, folder)
    language = open_saved(folder, base_folder_of(card, folder), adapter=card.encoder == "adapter")
    codec = Codec(language.kind, language.source, language.target, written.limits)
    network = LanguageNetwork(language.core)
    device = pick_device()

    def answer(split: Split, progress: Progress | None) -> list[Answer]:
        rows = [prompted(split, i) for i in range(len(split))]

        def tell(done: int, total: int, share: float = WRITING, before: float = 0.0) -> None:
            if progress:
                progress(int(len(rows) * (before + share * done / max(1, total))), len(rows))

        def write(
            some: list[Prompted], how: Decoding, share: float, before: float = 0.0
        ) -> list[str]:
            def part(done: int, total: int) -> None:
                tell(done, total, share, before)

            return generate(language, codec, some, how, device, seeds=seeds_of(some), progress=part)

        how = written.decoding
        alone = WRITING / (1 + how.samples)
        texts = write(rows, how, alone)
        answers: list[Answer] = [{"text": text} for text in texts]
        known = [i for i, row in enumerate(rows) if row.target]
        if known and how.samples:
            again = [rows[i] for i in known for _ in range(how.samples)]
            drawn = how.model_copy(update={"sampled": True, "beams": 1})
            found_texts = iter(write(again, drawn, WRITING - alone, alone))
            for i in known:
                answers[i]["_samples"] = list(itertools.islice(found_texts, how.samples))
        if known:
            pairs = Pairs(codec, [rows[i] for i in known], language.start)
            found = predict(network, pairs, device, lambda d, n: tell(d, n, 1 - WRITING, WRITING))
            for i, (nll, tokens) in zip(known, found.tolist(), strict=True):
                answers[i] |= {"_nll": nll, "_tokens": int(tokens)}
        return answers

    return answer


def seeds_of(rows: Sequence[Prompted]) -> list[int]:
    """A seed for each row, by what is asked and how often it was asked before."""
    before: Counter[int] = Counter()
    seeds = []
    for row in rows:
        said = [row.prompt, *(f"{m.role}:{m.content}" for m in row.messages)]
        key = zlib.crc32("\x00".join(said).encode("utf-8", "replace"))
        seeds.append(key + (before[key] << 32))
        before[key] += 1
    return seeds


def written_of(card: SavedModel, folder: Path) -> Written:
    """The part of a card that speaks of writing.

    Raises:
        ModelError: It is missing or damaged.
    """
    found: Any = card.extra.get(EXTRA)
    try:
        return Written.model_validate(found)
    except ValidationError as error:
        raise ModelError(
            f"model {folder / CARD}: does not say how it writes; save the model again"
        ) from error
