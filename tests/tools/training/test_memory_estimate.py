"""What training takes is estimated, and settings soften until it fits."""

from __future__ import annotations

from pathlib import Path

import pytest
from peft_models import make
from tuneos.tools.training.memory_estimate import (
    PROCESS,
    Shape,
    estimate_memory,
    fitted,
    gentler,
    shape_of,
)
from tuneos.tools.training.settings import Technique, TrainSettings

MINILM = Shape(weights=22_713_216, width=384, layers=6, heads=12)


@pytest.mark.parametrize(
    ("strategy", "batch", "length", "parts", "again", "megabytes"),
    [  # peak resident memory, measured on a CPU with bf16
        ("lora", 32, 256, 1, False, 3251),
        ("lora", 32, 256, 4, False, 1281),
        ("lora", 32, 256, 4, True, 864),
        ("full", 32, 128, 1, False, 1611),
        ("lora", 32, 64, 1, False, 1035),
    ],
)
def test_estimate_is_near_what_was_measured(
    strategy: Technique, batch: int, length: int, parts: int, again: bool, megabytes: int
) -> None:
    settings = TrainSettings(
        strategy=strategy, batch_size=batch, accumulate=parts, checkpointing=again
    )
    found = estimate_memory(MINILM, settings, length).total / 2**20
    assert found == pytest.approx(megabytes, rel=0.2)


def test_vocabulary_counts_where_tokens_are_scored() -> None:
    settings, with_head = TrainSettings(), Shape(*(22_713_216, 384, 6, 12), vocabulary=30_000)
    more = estimate_memory(with_head, settings, 128).activations
    assert more > 2 * estimate_memory(MINILM, settings, 128).activations


def test_settings_soften_step_by_step_and_the_batch_stays() -> None:
    settings: TrainSettings | None = TrainSettings(batch_size=6)
    seen = []
    while settings is not None:
        seen.append((settings.batch_size, settings.accumulate, settings.checkpointing))
        settings = gentler(settings)
    assert seen == [(6, 1, False), (6, 2, False), (6, 4, False), (6, 6, False), (6, 6, True)]


def test_first_settings_that_fit_are_taken_and_the_gentlest_where_none_do() -> None:
    settings = TrainSettings(batch_size=32)
    enough = estimate_memory(MINILM, settings, 256).total
    assert fitted(MINILM, settings, 256, enough) == settings
    assert fitted(MINILM, settings, 256, enough - 1).accumulate == 2
    last = fitted(MINILM, settings, 256, PROCESS)
    assert (last.accumulate, last.checkpointing) == (32, True)


@pytest.mark.parametrize(
    ("model", "width", "layers", "vocabulary"),
    [
        ("bert", 16, 1, 0),
        ("distilbert", 16, 1, 0),
        ("gpt2", 16, 1, 40),
        ("llama", 16, 1, 40),
        ("t5", 16, 2, 40),
        ("bart", 16, 2, 40),
        ("warm", 16, 2, 0),
    ],
)
def test_shape_is_read_from_the_folder(
    model: str, width: int, layers: int, vocabulary: int, tmp_path: Path
) -> None:
    made = make(model)
    made.save_pretrained(tmp_path)
    found = shape_of(tmp_path)
    assert (found.width, found.layers, found.heads) == (width, layers, 2)
    assert found.vocabulary == vocabulary
    assert found.weights == pytest.approx(sum(p.numel() for p in made.parameters()), rel=0.1)
