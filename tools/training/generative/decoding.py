"""Texts out of a model, many at once, the same whoever shares the batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel as Model
from pydantic import ConfigDict, Field

from ..hardware import Device
from .codec import Codec
from .pairs import pad_id, padded
from .prompted import Prompted

if TYPE_CHECKING:
    from .models import Language

BATCH_TOKENS = 8192  # prompts and answers together
MOST_ROWS = 64
# What a model's own generation settings say of its build; all else of them is left aside.
STRUCTURE = (
    "bos_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "bad_words_ids",
    "suppress_tokens",
)


class Decoding(Model):
    """How an answer is written.

    Attributes:
        beams: 1 takes the likeliest token each time.
        sampled: Draw tokens instead, from a seed that the row brings: the same row always
            gets the same answer.
        temperature, top_p: Of the draw.
        no_repeat: Word pieces in a row that may not come twice; 0 for no such rule.
        repetition_penalty: Above 1, what was said before becomes less likely.
        samples: Texts drawn beside the answer, for metrics that look at several.
        most: Tokens written at most; 0 for as many as the longest training target has.
    """

    model_config = ConfigDict(frozen=True)

    beams: int = Field(1, ge=1, le=16)
    sampled: bool = False
    temperature: float = Field(1.0, gt=0)
    top_p: float = Field(1.0, gt=0, le=1)
    no_repeat: int = Field(0, ge=0)
    repetition_penalty: float = Field(1.0, gt=0)
    samples: int = Field(0, ge=0, le=100)
    most: int = Field(0, ge=0)


def generate(
    language: Language,
    codec: Codec,
    rows: Sequence[Prompted],
    decoding: Decoding,
    device: Device,
    *,
    seeds: Sequence[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[str]:
    """Write an answer for each row.

    Args:
        language: The model.
        codec: With limits: no answer is longer than its targets.
        rows: Prompts; their targets are not looked at.
        decoding: How.
        device: Where.
        seeds: One a row, where tokens are drawn.
        progress: Called with (done, all).

    Source: Gumbel's trick for the draw (Maddison, Tarlow & Minka 2014): noise on the
    logits, and then the largest, so that each row can have a generator of its own.
    """
    import torch
    from transformers import LogitsProcessorList

    if codec.limits is None:
        raise ValueError("generate needs a codec with limits")
    core = language.core.to(device.kind).eval()
    longest = min(codec.limits.target, decoding.most or codec.limits.target)
    config = _configured(language, codec, decoding, longest)
    prompts = [codec.prompt(row) for row in rows]
    answers = [""] * len(rows)
    done = 0
    for chosen in _batches([len(p) for p in prompts], longest, decoding.beams):
        ids, mask = padded(
            [prompts[i] for i in chosen], pad_id(codec.source), left=codec.kind == "causal"
        )
        drawn: list[Any] = []
        if decoding.sampled:
            drawn = [_draw(decoding, [(seeds or range(len(rows)))[i] for i in chosen])]
        with torch.inference_mode():
            written = core.generate(
                input_ids=torch.from_numpy(ids).to(device.kind),
                attention_mask=torch.from_numpy(mask).to(device.kind),
                generation_config=config,
                logits_processor=LogitsProcessorList(drawn),
            )
        start = ids.shape[1] if codec.kind == "causal" else 1
        for i, sequence in zip(chosen, written[:, start:].tolist(), strict=True):
            answers[i] = codec.text(_until(sequence, config.eos_token_id), rows[i])
        done += len(chosen)
        if progress:
            progress(done, len(rows))
    return answers


def _configured(language: Language, codec: Codec, decoding: Decoding, longest: int) -> Any:
    """Our settings, and of the model's own only what its build asks for."""
    from transformers import GenerationConfig

    inside = language.core
    if hasattr(inside, "get_base_model"):
        inside = inside.get_base_model()
    own = inside.generation_config
    kept = {name: getattr(own, name, None) for name in STRUCTURE}
    if language.start is not None:
        kept["decoder_start_token_id"] = language.start
    config = GenerationConfig(
        **{name: value for name, value in kept.items() if value is not None},
        pad_token_id=pad_id(codec.target),
        eos_token_id=codec.stops(),
        max_new_tokens=longest,
        num_beams=decoding.beams,
        do_sample=False,
        use_cache=True,
        **({"no_repeat_ngram_size": decoding.no_repeat} if decoding.no_repeat else {}),
        **(
            {"repetition_penalty": decoding.repetition_penalty}
            if decoding.repetition_penalty != 1
            else {}
        ),
    )
    # What is left unsaid would be filled in from the model's own.
    inside.generation_config = config
    return config


def _batches(lengths: Sequence[int], answer: int, beams: int) -> list[list[int]]:
    """Rows of like length, the longest first, as many at once as there is room for."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    made: list[list[int]] = []
    while order:
        fitting = BATCH_TOKENS // ((lengths[order[0]] + answer) * beams)
        size = min(MOST_ROWS, max(1, fitting))
        made.append(order[:size])
        order = order[size:]
    return made


def _until(sequence: Sequence[int], stops: Sequence[int]) -> list[int]:
    """What was said before the first stop: padding follows it."""
    end = next((i for i, token in enumerate(sequence) if token in stops), len(sequence))
    return list(sequence[:end])


def _draw(decoding: Decoding, seeds: Sequence[int]) -> Any:
    import torch
    from transformers import LogitsProcessor, TopPLogitsWarper

    generators = [np.random.default_rng(seed) for seed in seeds]
    nucleus = TopPLogitsWarper(decoding.top_p) if decoding.top_p < 1 else None

    class Draw(LogitsProcessor):  # type: ignore[misc]
        def __call__(self, input_ids: Any, scores: Any) -> Any:
            scores = scores.float() / decoding.temperature
            scores = nucleus(input_ids, scores) if nucleus else scores
            noise: NDArray[np.float64] = np.stack(
                [rng.gumbel(size=scores.shape[1]) for rng in generators]
            )
            return scores + torch.from_numpy(noise).to(scores)

    return Draw()
