"""Is a model folder fit to be opened? Looked at byte by byte, before any library reads it.

A folder from elsewhere may hold pickles under any name, code to be imported, tensors whose
header lies, templates that never end. Nothing here runs, imports or unpacks what it meets.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import ModelError, UserError
from .archives import archive_fault
from .chat_templates import template_fault
from .pickles import pickle_fault
from .tensor_files import safetensors_fault

MOST_FILES = 10_000
MOST_JSON = 8 << 20  # bytes of a config
MOST_INDEX = 64 << 20
MOST_VOCABULARY = 256 << 20  # bytes of tokenizer.json and its like
DEEPEST = 64  # levels of a JSON file
VOCABULARIES = re.compile(r"tokenizer\.json|vocab\w*\.(json|txt)|merges\.txt|.*\.model")
# transformers knows nothing larger; a config that says more would only fill the memory.
LARGEST = {
    "vocab_size": 10_000_000,
    "hidden_size": 262_144,
    "intermediate_size": 4_194_304,
    "num_hidden_layers": 2_000,
    "num_attention_heads": 16_384,
    "d_model": 262_144,
    "d_ff": 4_194_304,
    "n_embd": 262_144,
    "n_layer": 2_000,
    "max_position_embeddings": 100_000_000,
}
_NESTED_QUANTIFIER = re.compile(r"[*+}]\s*\)+\s*[*+{]")
_LONGEST_PATTERN = 2_000


def check_model_folder(
    folder: Path, what: str = "model", error: type[UserError] = ModelError
) -> None:
    """Refuse a folder that could do harm when a library loads it; every load path asks this.

    Args:
        folder: Of a base model, an adapter or a saved model, with its subfolders. One that
            is not there is left for the loader to name.
        what: It is called so in messages.
        error: What to raise.

    Raises:
        UserError: Of the kind given, one line: which file, what is wrong, how to mend it.
    """
    if not folder.is_dir():
        return
    for path, fault in _looked_at(folder):
        if fault is not None:
            raise error(f"{what} {path}: cannot be loaded: {fault}")


def _file_fault(path: Path) -> str | None:
    """Say what is wrong with one file of a model folder; None: nothing is."""
    try:
        if path.suffix == ".safetensors":
            return safetensors_fault(path)
        fault = pickle_fault(path) or archive_fault(path)
        if fault is not None:
            return fault
        if path.suffix == ".json":
            return _json_fault(path)
        if path.suffix == ".jinja":
            return _size_fault(path, MOST_JSON) or template_fault(
                path.read_text(encoding="utf-8", errors="replace")
            )
        if VOCABULARIES.fullmatch(path.name):
            return _size_fault(path, MOST_VOCABULARY)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return None


def _looked_at(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """Every file below with its fault, sorted, so that messages are steady."""
    home = _home(folder)
    count = 0
    for parent, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        for name in sorted([*names, *(f for f in folders if Path(parent, f).is_symlink())]):
            path = Path(parent, name)
            count += 1
            if count > MOST_FILES:
                yield folder, f"holds more than {MOST_FILES:,} files"
                return
            yield path, _kind_fault(path, home) or (_file_fault(path) if path.is_file() else None)


def _kind_fault(path: Path, home: Path) -> str | None:
    """Links only where they stay inside, and plain files."""
    if path.is_symlink() and not path.resolve().is_relative_to(home):
        return "is a link that leads out of the folder; put the file itself there"
    if not path.exists():
        return "is a link to nothing; remove it"
    if path.is_dir():
        return None
    return None if stat.S_ISREG(path.stat().st_mode) else "is no plain file; remove it"


def _home(folder: Path) -> Path:
    """Where links may lead: into the folder; from a snapshot of the Hub's cache, its blobs too."""
    parts = folder.absolute().parent
    if parts.name == "snapshots" and parts.parent.name.startswith("models--"):
        return parts.parent.resolve()
    return folder.resolve()


def _size_fault(path: Path, most: int) -> str | None:
    size = path.stat().st_size
    if size <= most:
        return None
    return f"is {size / 1e6:,.0f} MB large; such a file has {most / 1e6:,.0f} MB at most"


def _json_fault(path: Path) -> str | None:
    if path.name in {"tokenizer.json", "vocab.json", "vocabulary.json"}:
        return _size_fault(path, MOST_VOCABULARY)  # large, and read by code that imports nothing
    fault = _size_fault(path, MOST_INDEX if path.name.endswith(".index.json") else MOST_JSON)
    if fault is not None:
        return fault
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        return "is nested too deep; get the model from where it was published"
    except ValueError as error:
        first = str(error).splitlines()[0]
        return f"is damaged, no JSON: {first}; get the model again"
    return said_fault(path.name, said)


def said_fault(name: str, said: Any) -> str | None:
    """Say what a config must not say; None: it says nothing of the kind."""
    if name.endswith(".index.json"):
        return _index_fault(said)
    for key, value, depth in _pairs(said):
        if depth > DEEPEST:
            return f"is nested deeper than {DEEPEST} levels"
        fault = _pair_fault(key, value)
        if fault is not None:
            return fault
    return _adapter_fault(said) if name == "adapter_config.json" else None


def _pair_fault(key: str, value: Any) -> str | None:
    if key in {"auto_map", "custom_pipelines"} and value:
        return f"names code to run ({key}), which is never done; use a model without it"
    if key.endswith("_implementation") and isinstance(value, str) and "/" in value:
        return f"names code to fetch ({key}); take that line out"
    if key == "chat_template":
        templates = value if isinstance(value, list) else [value]
        for one in templates:
            text = one.get("template") if isinstance(one, dict) else one
            fault = template_fault(text) if isinstance(text, str) else None
            if fault is not None:
                return f"chat_template {fault}"
    most = LARGEST.get(key)
    if most is not None and isinstance(value, int | float) and not -1 <= value <= most:
        return f"says {key} {value:g}; no model has more than {most:,}"
    return None


def _adapter_fault(said: Any) -> str | None:
    """What peft would import, or could never finish matching."""
    if not isinstance(said, dict):
        return "is no JSON object; save the adapter again"
    library = (said.get("auto_mapping") or {}).get("parent_library", "")
    if library and str(library).split(".")[0] not in {"transformers", "peft", "torch"}:
        return f"names code to import ({str(library)[:60]}); take auto_mapping out"
    if said.get("megatron_config") or said.get("megatron_core") not in (None, "megatron.core"):
        return "names code to import (megatron_core); take it out"
    for key in ("target_modules", "exclude_modules", "layers_pattern"):
        pattern = said.get(key)
        if isinstance(pattern, str) and (
            len(pattern) > _LONGEST_PATTERN or _NESTED_QUANTIFIER.search(pattern)
        ):
            return f"{key} is a pattern that may never end; list the modules"
    return None


def _index_fault(said: Any) -> str | None:
    """An index of shards may name files of its own folder only."""
    names = said.get("weight_map", {}) if isinstance(said, dict) else None
    if not isinstance(names, dict):
        return "is no index of weights; get the model again"
    for name in {str(value) for value in names.values()}:
        if "/" in name or "\\" in name or name.startswith(".") or not name.endswith(".safetensors"):
            return f"names {name[:60]!r}, no safetensors file of this folder"
    return None


def _pairs(value: Any, depth: int = 0) -> Iterator[tuple[str, Any, int]]:
    """Every (key, value) at any depth; what is too deep is told once."""
    if depth > DEEPEST:
        yield "", None, depth
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key), inner, depth
            yield from _pairs(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _pairs(inner, depth + 1)
