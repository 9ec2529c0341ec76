"""Load a saved model of a task with a linear head over its sequences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...evals.metrics import FloatArray
from ..datasets.types import Split
from ..errors import ModelError
from .encoder import load_saved_encoder
from .load import word_features
from .pool import pooled
from .saved import CARD, HEAD, PARTS, SavedModel, read_card, read_head

if TYPE_CHECKING:
    from ..training.goals import Goal
    from ..training.inputs import Inputs
    from ..training.linear import LinearHead

Progress = Callable[[int, int], None]
Outputs = Callable[[Split, Progress | None], FloatArray]  # (sequences, width)


def load_headed(card: SavedModel, folder: Path, inputs: Inputs, goal: Goal) -> Outputs:
    """Load what gives the outputs of a split's rows.

    Raises:
        ModelError: The folder is incomplete or damaged.
        BaseModelError: The base model isn't there.
    """
    if card.encoder == "parts":
        return _blend(card, folder, inputs, goal)
    head = read_head(folder, goal.width)
    if card.encoder == "none":
        return _words(folder, head, inputs, goal)
    encoder, tokenizer = load_saved_encoder(card, folder)
    if card.encoder == "base":
        return _frozen(card, encoder, tokenizer, head, inputs, goal)
    return _tuned(card, folder, encoder, tokenizer, head, inputs, goal)


def _blend(card: SavedModel, folder: Path, inputs: Inputs, goal: Goal) -> Outputs:
    """Load every member; each must answer with the blend's own labels."""
    if not card.parts:
        raise ModelError(f"model {folder / CARD}: names no parts; save the model again")
    members = []
    for part in card.parts:
        place = folder / PARTS / part.name
        said = read_card(place)
        alike = (said.task, said.labels, said.masked) == (card.task, card.labels, card.masked)
        if said.encoder == "parts" or not alike:
            raise ModelError(f"model {place}: does not fit {folder / CARD}; save it again")
        members.append(load_headed(said, place, inputs, goal))
    weights = [part.weight for part in card.parts]

    def outputs(split: Split, progress: Progress | None) -> FloatArray:
        opinions = []
        for position, member in enumerate(members):

            def tell(done: int, total: int, position: int = position) -> None:
                if progress:
                    progress((position * total + done) // len(members), total)

            found = goal.opinion(member(split, tell))
            if found is None:
                raise ModelError(f"model {folder}: {card.task} knows no blends; save it again")
            opinions.append(found)
        return goal.of_opinion(pooled(opinions, weights))

    return outputs


def _words(folder: Path, head: LinearHead, inputs: Inputs, goal: Goal) -> Outputs:
    features = word_features(folder, head)

    def outputs(split: Split, progress: Progress | None) -> FloatArray:
        words = inputs.words(split)
        return _of_head(head, features(words), goal, inputs.sizes(split))

    return outputs


def _frozen(
    card: SavedModel, encoder: Any, tokenizer: Any, head: LinearHead, inputs: Inputs, goal: Goal
) -> Outputs:
    from ..training.hardware import pick_device
    from ..training.headed_probes import frozen_features

    def outputs(split: Split, progress: Progress | None) -> FloatArray:
        features = frozen_features(
            encoder, tokenizer, inputs, split, card.max_length, pick_device(), progress
        )
        return _of_head(head, features, goal, inputs.sizes(split))

    return outputs


def _tuned(
    card: SavedModel,
    folder: Path,
    encoder: Any,
    tokenizer: Any,
    head: LinearHead,
    inputs: Inputs,
    goal: Goal,
) -> Outputs:
    from ..training.hardware import pick_device
    from ..training.headed import HeadedNetwork, HeadedRows
    from ..training.linear import linear_layer
    from ..training.loop import predict

    if head.weight.shape[1] % encoder.config.hidden_size:
        raise ModelError(f"model {folder / HEAD}: does not fit the encoder; save the model again")
    network = HeadedNetwork(encoder, linear_layer(head), 0.0, goal)

    def outputs(split: Split, progress: Progress | None) -> FloatArray:
        sequences = inputs.sequences(tokenizer, split, card.max_length)
        return predict(network, HeadedRows(sequences), pick_device(), progress)

    return outputs


def _of_head(head: LinearHead, features: Any, goal: Goal, sizes: Any) -> FloatArray:
    logits = np.asarray(features @ head.weight.T + head.bias, np.float64)
    return goal.outputs(logits, sizes)
