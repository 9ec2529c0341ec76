"""How much memory a fine-tune will take, told before it starts, and what to do about too much."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .settings import UNMIXED, TrainSettings

PROCESS = 500 * 2**20  # bytes of a process that has imported what training needs
FLOAT = 4  # bytes of a weight; products may be half of it
KEPT_OF_TOKEN = 34  # values kept for the backward pass, a token and layer, in units of the width
KEPT_OF_SCORE = 5  # the same, of each attention score
KEPT_OF_LOGIT = 3
LAYER_WEIGHTS = 12  # of a layer, in units of the width squared
LINEAR_SIDES = 18  # inputs and outputs of a layer's linear maps, in units of the width
MOST_PARTS = 64


@dataclass(frozen=True)
class Shape:
    """What of a base model decides how much memory it takes.

    Attributes:
        weights: Number of its weights.
        width, layers, heads: Of its transformer; decoder layers count as well.
        vocabulary: Tokens that it scores; 0 for an encoder.
    """

    weights: int
    width: int
    layers: int
    heads: int
    vocabulary: int = 0


@dataclass(frozen=True)
class Memory:
    """Bytes by what they are for; the rest of the process is `PROCESS`."""

    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        """All together, the process among them."""
        return PROCESS + self.weights + self.gradients + self.optimizer + self.activations


def estimate_memory(shape: Shape, settings: TrainSettings, length: int) -> Memory:
    """Bytes that training takes at its highest, if a batch holds the longest texts.

    Args:
        shape: Of the base model.
        settings: Strategy, batch size, parts and optimiser matter.
        length: Tokens of the longest text.

    Source: Korthikanti et al. 2022, section 4 (activations); Kingma & Ba 2015 (two moments).
    """
    learned = _learned(shape, settings)
    moments = 2 if settings.optimizer == "adamw" else 1
    rows = math.ceil(settings.batch_size / settings.accumulate)
    layers = min(settings.layers, shape.layers) if _top(settings) else shape.layers
    layer = length * (KEPT_OF_TOKEN * shape.width + KEPT_OF_SCORE * shape.heads * length)
    kept = layers * layer
    if settings.checkpointing:  # the inputs of all layers, and all that one of them keeps
        kept = layers * length * shape.width + layer
    logits = KEPT_OF_LOGIT * length * shape.vocabulary
    together = 2 if settings.adversarial in UNMIXED else 1  # passes kept for one gradient
    return Memory(
        weights=FLOAT * shape.weights,
        gradients=FLOAT * learned,
        optimizer=FLOAT * moments * learned,
        activations=together * (FLOAT // 2 * rows * kept + FLOAT * rows * logits),
    )


def _top(settings: TrainSettings) -> bool:
    return settings.strategy == "top_layers"


def _learned(shape: Shape, settings: TrainSettings) -> int:
    """Weights that learn."""
    if settings.strategy == "full":
        return shape.weights
    if _top(settings):
        return min(settings.layers, shape.layers) * LAYER_WEIGHTS * shape.width**2
    return shape.layers * LINEAR_SIDES * shape.width * settings.rank


def gentler(settings: TrainSettings) -> TrainSettings | None:
    """The next settings to try where memory does not do; None where nothing is left.

    Each step halves what is computed at once and doubles the parts of a batch, so that the
    batch that a step learns from stays; when parts are single rows, activations are no
    longer kept but computed again.
    """
    if settings.accumulate < min(settings.batch_size, MOST_PARTS):
        parts = min(2 * settings.accumulate, settings.batch_size)
        return settings.model_copy(update={"accumulate": parts})
    if not settings.checkpointing:
        return settings.model_copy(update={"checkpointing": True})
    return None


def gentler_by(settings: TrainSettings, steps: int) -> TrainSettings | None:
    """What settings are after so many steps of `gentler`; None where there are not as many."""
    for _ in range(steps):
        softer = gentler(settings)
        if softer is None:
            return None
        settings = softer
    return settings


def fitted(shape: Shape, settings: TrainSettings, length: int, free: int) -> TrainSettings:
    """The first of ever gentler settings that the free memory should do for; else the gentlest."""
    while estimate_memory(shape, settings, length).total > free:
        softer = gentler(settings)
        if softer is None:
            return settings
        settings = softer
    return settings


def shape_of(folder: Path) -> Shape:
    """Read a base model's shape from its configuration and the headers of its weights."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    parts = [config.get(k) for k in ("text_config", "encoder") if isinstance(config.get(k), dict)]
    inner: dict[str, Any] = {**config, **(parts[0] or {})} if parts else config

    def first(*names: str) -> int:
        found = (inner.get(name) for name in names)
        return next((int(v) for v in found if isinstance(v, int)), 0)

    layers = first("num_hidden_layers", "n_layers", "n_layer", "num_layers", "encoder_layers")
    decoder = config.get("decoder")
    more = decoder.get("num_hidden_layers", 0) if isinstance(decoder, dict) else 0
    layers += first("num_decoder_layers", "decoder_layers") or more
    writes = any(
        str(a).endswith(("LMHeadModel", "ForCausalLM", "ForConditionalGeneration", "MTModel"))
        for a in config.get("architectures") or ()
    )
    return Shape(
        weights=sum(_weights(file) for file in folder.glob("*.safetensors")),
        width=first("hidden_size", "dim", "n_embd", "d_model"),
        layers=layers,
        heads=first(
            "num_attention_heads", "n_heads", "n_head", "num_heads", "encoder_attention_heads"
        ),
        vocabulary=first("vocab_size") if writes else 0,
    )


def _weights(file: Path) -> int:
    """How many numbers a safetensors file holds, by its header."""
    with file.open("rb") as stream:
        (size,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(size))
    return sum(math.prod(t["shape"]) for name, t in header.items() if name != "__metadata__")


def free_memory(device: str = "cpu") -> int:
    """Bytes that may still be taken: of the GPU where training runs on one, else of the machine."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    import psutil

    return int(psutil.virtual_memory().available)
