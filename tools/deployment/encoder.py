"""The encoder of a saved model: the base as it is, under an adapter, or whole in the folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BaseModelError, ModelError
from ..training.linear import LinearHead, linear_layer
from ..training.peft_methods import with_adapter
from .saved import CARD, HEAD, SavedModel, base_folder_of, read_head


def load_saved_encoder(card: SavedModel, folder: Path) -> tuple[Any, Any]:
    """Load the encoder, adapter merged, and its tokenizer.

    Raises:
        ModelError: The folder is incomplete or damaged.
        BaseModelError: The base model isn't there.
    """
    from ..training.base_model import load_encoder, load_tokenizer

    base_folder = base_folder_of(card, folder)
    try:
        encoder = load_encoder(base_folder or folder)
        tokenizer = load_tokenizer(base_folder or folder)
    except BaseModelError as error:
        if base_folder is not None:
            raise
        raise ModelError(f"model {folder}: cannot be loaded, save it again: {error}") from error
    if card.encoder == "adapter":
        encoder = with_adapter(encoder, folder)
    return encoder, tokenizer


def load_under_head(card: SavedModel, folder: Path, beside: int = 0) -> tuple[Any, Any, Any]:
    """Load the encoder, its tokenizer and the layer over its states.

    Args:
        card: Of the model.
        folder: Of the model.
        beside: Features that stand beside each state.

    Raises:
        ModelError: The folder is incomplete or damaged.
        BaseModelError: The base model isn't there.
    """
    encoder, tokenizer = load_saved_encoder(card, folder)
    head = load_saved_head(folder, len(card.labels), encoder.config.hidden_size + beside)
    return encoder, tokenizer, linear_layer(head)


def load_saved_head(folder: Path, outputs: int, width: int) -> LinearHead:
    """Load the linear head and check that it fits.

    Args:
        folder: Of the model.
        outputs: Rows that it must have.
        width: Columns that it must have.

    Raises:
        ModelError: It is missing, damaged or of another size.
    """
    head = read_head(folder, outputs)
    if head.weight.shape[1] != width:
        raise ModelError(f"model {folder / HEAD}: does not fit the encoder; save the model again")
    return head


def saved_number(card: SavedModel, folder: Path, name: str) -> float:
    """Read a number out of what a task keeps in the description.

    Raises:
        ModelError: It is missing or no number.
    """
    value = card.extra.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ModelError(f"model {folder / CARD}: holds no {name!r}; save the model again")
    return float(value)
