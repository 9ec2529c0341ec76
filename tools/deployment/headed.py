"""Load a saved model of a task with a linear head over its sequences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...evals.metrics import FloatArray
from ..anomaly.seen import States
from ..datasets.types import Split
from ..errors import ModelError
from .encoder import load_saved_encoder
from .load import word_features
from .pool import leading_features, pooled
from .saved import CARD, HEAD, PARTS, SavedModel, read_card, read_head

if TYPE_CHECKING:
    from ..training.goals import Goal
    from ..training.inputs import Inputs
    from ..training.linear import LinearHead

Progress = Callable[[int, int], None]
OutputsOf = Callable[[Split, Progress | None], FloatArray]
StatesOf = Callable[[Split, Progress | None], States]


@dataclass(frozen=True)
class Headed:
    """A model ready to answer.

    Attributes:
        outputs: Rows to what answers are made of: (sequences, width).
        states: Rows to the logits of the same, and what the head looks at: (sequences, …),
            width 0 where that is words.
    """

    outputs: OutputsOf
    states: StatesOf


def load_headed(card: SavedModel, folder: Path, inputs: Inputs, goal: Goal) -> Headed:
    """Load what gives the outputs of a split's rows.

    Raises:
        ModelError: The folder is incomplete or damaged.
        BaseModelError: The base model isn't there.
    """
    if card.encoder == "parts":
        return _blend(card, folder, inputs, goal)
    head = read_head(folder, goal.width)
    if card.encoder == "none":
        return _of_states(_words(folder, head, inputs), inputs, goal)
    encoder, tokenizer = load_saved_encoder(card, folder)
    if card.encoder == "base":
        states = _frozen(card, encoder, tokenizer, head, inputs)
        return _of_states(states, inputs, goal)
    return _tuned(card, folder, encoder, tokenizer, head, inputs, goal)


def _blend(card: SavedModel, folder: Path, inputs: Inputs, goal: Goal) -> Headed:
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

    def together(found: list[FloatArray]) -> FloatArray:
        opinions = [opinion for x in found if (opinion := goal.opinion(x)) is not None]
        if len(opinions) < len(found):
            raise ModelError(f"model {folder}: {card.task} knows no blends; save it again")
        return goal.of_opinion(pooled(opinions, weights))

    def outputs(split: Split, progress: Progress | None) -> FloatArray:
        tells = [_part(progress, i, len(members)) for i in range(len(members))]
        return together([m.outputs(split, t) for m, t in zip(members, tells, strict=True)])

    def states(split: Split, progress: Progress | None) -> States:
        tells = [_part(progress, i, len(members)) for i in range(len(members))]
        seen = [m.states(split, t) for m, t in zip(members, tells, strict=True)]
        found = together([goal.outputs(one.logits, inputs.sizes(split)) for one in seen])
        return States(
            goal.inverse(found), leading_features([one.features for one in seen], weights)
        )

    return Headed(outputs, states)


def _part(progress: Progress | None, position: int, of: int) -> Progress:
    """Progress of one member, as that of all."""

    def tell(done: int, total: int) -> None:
        if progress:
            progress((position * total + done) // of, total)

    return tell


def _of_states(states: StatesOf, inputs: Inputs, goal: Goal) -> Headed:
    def outputs(split: Split, progress: Progress | None) -> FloatArray:
        return goal.outputs(states(split, progress).logits, inputs.sizes(split))

    return Headed(outputs, states)


def _words(folder: Path, head: LinearHead, inputs: Inputs) -> StatesOf:
    features = word_features(folder, head)

    def states(split: Split, progress: Progress | None) -> States:
        words = inputs.words(split)
        return States(_logits(head, features(words)), np.zeros((len(words), 0), np.float32))

    return states


def _frozen(
    card: SavedModel, encoder: Any, tokenizer: Any, head: LinearHead, inputs: Inputs
) -> StatesOf:
    from ..training.hardware import pick_device
    from ..training.headed_probes import frozen_features

    def states(split: Split, progress: Progress | None) -> States:
        features = frozen_features(
            encoder, tokenizer, inputs, split, card.max_length, pick_device(), progress
        )
        return States(_logits(head, features), features)

    return states


def _tuned(
    card: SavedModel,
    folder: Path,
    encoder: Any,
    tokenizer: Any,
    head: LinearHead,
    inputs: Inputs,
    goal: Goal,
) -> Headed:
    from ..training.hardware import pick_device
    from ..training.headed import HeadedNetwork, HeadedRows, HeadedStates
    from ..training.linear import linear_layer
    from ..training.loop import predict

    if head.weight.shape[1] % encoder.config.hidden_size:
        raise ModelError(f"model {folder / HEAD}: does not fit the encoder; save the model again")
    answering = HeadedNetwork(encoder, linear_layer(head), 0.0, goal)
    looking = HeadedStates(encoder, linear_layer(head), 0.0)

    def run(network: Any, split: Split, progress: Progress | None) -> FloatArray:
        sequences = inputs.sequences(tokenizer, split, card.max_length)
        return predict(network, HeadedRows(sequences), pick_device(), progress)

    def outputs(split: Split, progress: Progress | None) -> FloatArray:
        return run(answering, split, progress)

    def states(split: Split, progress: Progress | None) -> States:
        found = run(looking, split, progress)
        return States(found[:, : goal.width], found[:, goal.width :].astype(np.float32))

    return Headed(outputs, states)


def _logits(head: LinearHead, features: Any) -> FloatArray:
    return np.asarray(features @ head.weight.T + head.bias, np.float64)
