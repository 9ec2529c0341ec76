"""What rules and conditions know of a base model and of the machine; no weights are read."""

from __future__ import annotations

import functools
import json
import struct
from pathlib import Path
from typing import Any

import psutil

from ...memory.actions import BaseFacts
from ..facts import Setting
from .base_model import find_base_model
from .hardware import cores, machine

GPU = Path("/dev/nvidia0")
_MOST_HEADER = 100_000_000  # bytes
_WRITERS = ("LMHeadModel", "ForCausalLM")


@functools.lru_cache(maxsize=8)
def base_facts(ref: str) -> BaseFacts:
    """Describe a base model by its configuration and the headers of its weights."""
    base = find_base_model(ref)
    config: dict[str, Any] = json.loads((base.path / "config.json").read_text(encoding="utf-8"))
    names = {name for file in base.path.glob("*.safetensors") for name in _tensors(file)}
    return BaseFacts(
        name=ref,
        digest=base.digest,
        architecture=_architecture(config),
        model_type=str(config.get("model_type", "")),
        modules=tuple(sorted({part for name in names if (part := _module(name))})),
    )


def place_of(ref: str, task: str) -> dict[str, Setting]:
    """What conditions of recipes may look at, beside the data."""
    base = base_facts(ref)
    return {
        "task": task,
        "architecture": base.architecture,
        "model_type": base.model_type,
        "device": "cuda" if GPU.exists() else "cpu",
        "cores": cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
    }


@functools.cache
def this_machine() -> str:
    """The machine in words, the same as long as it is the same."""
    return machine() + (", GPU" if GPU.exists() else "")


def _architecture(config: dict[str, Any]) -> str:
    if config.get("is_encoder_decoder") or config.get("model_type") == "encoder-decoder":
        return "encoder-decoder"
    writes = any(str(a).endswith(_WRITERS) for a in config.get("architectures") or ())
    return "causal" if writes else "encoder"


def _module(tensor: str) -> str:
    """The module that a tensor belongs to, without its place: "query" of "….self.query.weight"."""
    parts = tensor.split(".")
    return parts[-2] if len(parts) > 1 and not parts[-2].isdigit() else ""


def _tensors(file: Path) -> list[str]:
    with file.open("rb") as stream:
        (size,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(min(size, _MOST_HEADER)))
    return [name for name in header if name != "__metadata__"]
