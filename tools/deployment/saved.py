"""A saved model: one plain folder, described by tuneos.json, loaded without running its code.

tuneos.json            what it is: task, labels, base model, how texts are prepared
head.safetensors       weight (n_classes, width), bias (n_classes,)
adapter_config.json, adapter_model.safetensors    a PEFT adapter (strategy lora)
config.json, model.safetensors, tokenizer         a whole encoder (top_layers, full)
vocabulary.json, idf.safetensors                  tf-idf (the cheapest rung)
knowledge.json                                    facts of the domain graph that it answers with
parts/NAME/                                       whole model folders that are blended
SHA256SUMS             of all these files, where a run hands the model over
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import ModelError
from ..guardrails.masking import Masking
from ..training.linear import LinearHead

CARD = "tuneos.json"
HEAD = "head.safetensors"
PARTS = "parts"
Encoder = Literal["none", "base", "adapter", "whole", "parts"]


class Part(BaseModel):
    """A member of a blend: a model folder under `parts`, and the weight of its opinion."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(pattern=r"^[\w-]+$", max_length=120)
    weight: float = Field(ge=0, allow_inf_nan=False)


class SavedModel(BaseModel):
    """What `tuneos.json` says.

    Attributes:
        encoder: "none" for tf-idf; "base" uses the base model as it is; "adapter"
            puts the PEFT adapter of this folder on it; "whole" has its own weights;
            "parts" blends the models in `parts`.
        max_length: Tokens read of each text.
        masked: Personal data was masked in training, so texts are masked before
            prediction as well.
        masking: How, where the person asked for it or secrets were found; the secret that
            stand-ins were drawn under is not in it.
        extra: What the task itself needs, such as thresholds; JSON values.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    task: str
    strategy: str
    encoder: Encoder
    labels: tuple[str, ...]
    base_model: str
    base_hub_id: str | None = None
    base_digest: str = ""
    max_length: int = 256
    masked: bool = False
    masking: Masking | None = None
    run: str = ""
    data_hash: str = ""
    parts: tuple[Part, ...] = ()
    extra: dict[str, Any] = {}


def write_card(folder: Path, card: SavedModel, head: LinearHead) -> None:
    """Write the description and the linear head into a model folder."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {"weight": np.ascontiguousarray(head.weight), "bias": np.ascontiguousarray(head.bias)},
        folder / HEAD,
    )
    write_description(folder, card)


def write_description(folder: Path, card: SavedModel) -> None:
    """Write `tuneos.json` alone."""
    text = card.model_dump_json(indent=2) + "\n"
    (folder / CARD).write_text(text, encoding="utf-8")


def read_card(folder: Path) -> SavedModel:
    """Read the description.

    Raises:
        ModelError: Not a TuneOS model folder, or its description is damaged.
    """
    path = folder / CARD
    if not folder.is_dir():
        raise ModelError(f"model {folder}: no such folder; give the folder that a run printed")
    if not path.is_file():
        raise ModelError(f"model {folder}: holds no {CARD}; give a folder that a run made")
    try:
        return SavedModel.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise ModelError(f"model {path}: damaged description; save the model again") from error


def stands_on_base(folder: Path) -> bool:
    """Tell whether a saved model, or a part of a blend, has a base model within."""
    card = read_card(folder)
    if card.encoder == "parts":
        return any(stands_on_base(folder / PARTS / part.name) for part in card.parts)
    return card.encoder != "none"


def base_folder_of(card: SavedModel, folder: Path) -> Path | None:
    """The base model's folder where prediction needs it: for adapters, and the base as it is.

    Raises:
        ModelError: It is there with other weights.
        BaseModelError: It isn't there.
    """
    if card.encoder == "parts":
        parts = [folder / PARTS / part.name for part in card.parts]
        found = [base_folder_of(read_card(part), part) for part in parts]
        return next((f for f in found if f is not None), None)
    if card.encoder not in {"base", "adapter"}:
        return None
    from ..training.base_model import find_base_model

    base = find_base_model(card.base_model)
    if card.base_digest and base.digest != card.base_digest:
        raise ModelError(
            f"model {folder}: was tuned on other weights of {card.base_model} "
            f"(digest {card.base_digest}, here {base.digest}); get the base model it names"
        )
    return base.path


def read_tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read a safetensors file.

    Raises:
        ModelError: It is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"model {path}: cannot be read: {error}") from error


def read_head(folder: Path, n_classes: int) -> LinearHead:
    """Read the linear head and check that it has a row for each label.

    Raises:
        ModelError: It is missing, damaged or of another size.
    """
    tensors = read_tensors(folder / HEAD)
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    width = shapes.get("weight", ())[1:]
    if len(width) != 1 or shapes != {"weight": (n_classes, *width), "bias": (n_classes,)}:
        raise ModelError(f"model {folder / HEAD}: does not fit the {n_classes} labels of {CARD}")
    return LinearHead(tensors["weight"], tensors["bias"])


def size_mb(folder: Path, base_folder: Path | None) -> float:
    """Megabytes on disk that prediction needs: this folder, and the base model if it is used."""
    files = [f for f in folder.rglob("*") if f.is_file()]
    if base_folder is not None:
        files += list(base_folder.glob("*.safetensors"))
    return sum(f.stat().st_size for f in files) / 1e6


def write_tfidf(folder: Path, vocabulary: dict[str, int], idf: NDArray[np.float32]) -> None:
    """Write the features of the tf-idf rung: terms with their column, and (n_terms,) idf."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    terms = {term: int(column) for term, column in vocabulary.items()}
    (folder / "vocabulary.json").write_text(json.dumps(terms), encoding="utf-8")
    save_file({"idf": idf.astype(np.float32)}, folder / "idf.safetensors")
