"""Attributions of entities and of answers that are spans of a text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...evals.metrics import FloatArray
from ..datasets.types import Split
from ..deployment.saved import SavedModel
from ..tasks.task import Answer
from ..training.inputs import Texts
from .attributed import Attribution, by_gradients

MOST_SPANS = 4  # entities that are attributed, the likeliest


def span_attributions(
    card: SavedModel, folder: Path, split: Split, answer: Answer, progress: Any
) -> tuple[list[Attribution], Callable[[Split], Any]]:
    """Attribute the likeliest entities of a row; and what gives the state of other rows."""
    from .encoders import load_explained
    from .span_shares import tag_shares

    encoder = load_explained(card, folder)
    found = []
    for span in sorted(answer["spans"], key=lambda s: -s["score"])[:MOST_SPANS]:
        shares = tag_shares(card, folder, encoder, split.rows[0], span)
        found.append(by_gradients(f"{span['text']} ({span['label']})", "O", *shares))
    return found, _text_states(encoder, card, progress)


def answer_attributions(
    card: SavedModel, folder: Path, split: Split, answer: Answer, progress: Any
) -> tuple[list[Attribution], Callable[[Split], Any]]:
    """Attribute the answer to a row's question; and what gives the state of other rows."""
    from .encoders import load_explained
    from .span_shares import answer_shares

    encoder = load_explained(card, folder)
    found = []
    if answer["start"] is not None:
        shares = answer_shares(card, folder, encoder, split.rows[0], answer)
        found.append(by_gradients(str(answer["answer"]), "no answer", *shares))
    return found, _text_states(encoder, card, progress)


def _text_states(encoder: Any, card: SavedModel, progress: Any) -> Callable[[Split], Any]:
    """The mean state of each row's text."""
    from ..training.hardware import pick_device
    from ..training.headed import pooled_states

    def found(split: Split) -> FloatArray:
        sequences = Texts().sequences(encoder.tokenizer, split, card.max_length)
        states = pooled_states(encoder.core, sequences, pick_device(), progress)
        encoder.core.cpu()
        return np.asarray(states, np.float64)

    return found
