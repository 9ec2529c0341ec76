"""Load a saved model and classify texts with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...evals.metrics import FloatArray
from ..anomaly.seen import States
from ..errors import ModelError
from ..guardrails.model_folder import check_model_folder
from ..training.linear import LinearHead, softmax
from .one_pass import once, one_pass
from .pool import leading_features, pooled
from .saved import CARD, HEAD, PARTS, SavedModel, base_folder_of, read_card, read_head, read_tensors
from .sums import check_sums

Progress = Callable[[int, int], None]


class Scorer(Protocol):
    """Texts to probabilities, whatever lies underneath."""

    def __call__(self, texts: Sequence[str], progress: Progress | None) -> FloatArray:
        """(n texts) -> (n, n_classes), rows sum to 1."""
        ...


class StatesOf(Protocol):
    """Texts to what the answers are made of."""

    def __call__(self, texts: Sequence[str], progress: Progress | None) -> States:
        """(n texts) -> logits, and what the head looks at; width 0 where that is words."""
        ...


@dataclass(frozen=True)
class Classifier:
    """A model ready to predict.

    Attributes:
        card: What its folder says of it.
        folder: Where it was loaded from.
        base_folder: The base model's folder, or None when none is used.
        scorer: Texts to probabilities.
        states: Texts, masked where the model wants that, to logits and features.
    """

    card: SavedModel
    folder: Path
    base_folder: Path | None
    scorer: Scorer
    states: StatesOf

    def probabilities(
        self, texts: Sequence[str], progress: Progress | None = None, *, prepared: bool = False
    ) -> FloatArray:
        """Classify texts.

        Args:
            texts: Any strings.
            progress: Called with (done, all).
            prepared: The texts are masked already where the model wants that.

        Returns:
            (n, n_classes), float64, columns in the order of `card.labels`.
        """
        if not texts:
            return np.zeros((0, len(self.card.labels)))
        if self.card.masked and not prepared:
            from ..guardrails.personal_data import mask_texts

            texts = mask_texts(texts).texts
        return self.scorer(texts, progress)


def load_classifier(folder: Path) -> Classifier:
    """Load any folder that `saved.write_card` described.

    Raises:
        ModelError: The folder is not a model, incomplete or damaged.
        BaseModelError: Its base model isn't there.
    """
    check_sums(folder)
    check_model_folder(folder)
    card = read_card(folder)
    if card.encoder == "parts":
        return _blend(card, folder)
    if card.encoder == "none":
        head = read_head(folder, len(card.labels))
        states = _tfidf_states(folder, head)
        return Classifier(card, folder, None, _from_states(states), states)
    base_folder = base_folder_of(card, folder)
    if card.encoder == "base":
        states = _frozen(card, folder, str(base_folder))
        return Classifier(card, folder, base_folder, _from_states(states), states)
    scorer, states = _encoder(card, folder)
    return Classifier(card, folder, base_folder, scorer, states)


def _blend(card: SavedModel, folder: Path) -> Classifier:
    """Load every member; each must answer with the blend's own labels."""
    if not card.parts:
        raise ModelError(f"model {folder / CARD}: names no parts; save the model again")
    members = [load_classifier(folder / PARTS / part.name) for part in card.parts]
    for member in members:
        said = member.card
        alike = said.labels == card.labels and said.masked == card.masked
        if said.encoder == "parts" or not alike:
            raise ModelError(f"model {member.folder}: does not fit {folder / CARD}; save it again")
    weights = [part.weight for part in card.parts]

    def score(texts: Sequence[str], progress: Progress | None) -> FloatArray:
        found = []
        with one_pass():
            for position, member in enumerate(members):

                def tell(done: int, total: int, position: int = position) -> None:
                    if progress:
                        progress((position * total + done) // len(members), total)

                found.append(member.probabilities(texts, tell, prepared=card.masked))
        return pooled(found, weights)

    def states(texts: Sequence[str], progress: Progress | None) -> States:
        with one_pass():
            seen = [member.states(texts, progress) for member in members]
        found = pooled([softmax(one.logits) for one in seen], weights)
        features = leading_features([one.features for one in seen], weights)
        return States(np.log(np.maximum(found, 1e-12)), features)

    base_folder = next((m.base_folder for m in members if m.base_folder), None)
    return Classifier(card, folder, base_folder, score, states)


def _from_states(states: StatesOf) -> Scorer:
    def score(texts: Sequence[str], progress: Progress | None) -> FloatArray:
        return softmax(states(texts, progress).logits)

    return score


def _tfidf_states(folder: Path, head: LinearHead) -> StatesOf:
    features = word_features(folder, head)

    def states(texts: Sequence[str], progress: Progress | None) -> States:
        logits = np.asarray(features(texts) @ head.weight.T + head.bias)
        if progress:
            progress(len(texts), len(texts))
        return States(logits, np.zeros((len(texts), 0), np.float32))

    return states


def word_features(folder: Path, head: LinearHead) -> Callable[[Sequence[str]], Any]:
    """Load the tf-idf that a head was fitted to: n texts -> (n, n_terms), sparse.

    Raises:
        ModelError: It is missing, damaged, or fits not the head.
    """
    from ..training.tfidf import vectorizer

    path = folder / "vocabulary.json"
    try:
        vocabulary = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"model {path}: cannot be read: {error}") from error
    idf = read_tensors(folder / "idf.safetensors").get("idf")
    width = head.weight.shape[1]
    if not isinstance(vocabulary, dict) or idf is None or {len(vocabulary), len(idf)} != {width}:
        raise ModelError(
            f"model {path}: does not fit idf.safetensors and {HEAD}; save the model again"
        )
    if not vocabulary:  # only the biases speak: the most frequent class
        return lambda texts: np.zeros((len(texts), 0), np.float32)
    features = vectorizer(vocabulary, idf)
    return lambda texts: features.transform(texts)


def _frozen(card: SavedModel, folder: Path, base: str) -> StatesOf:
    """A head over the base model as it is, which reads the same texts once for all such heads."""
    from ..training.embed import embed
    from ..training.hardware import pick_device
    from ..training.tokens import tokenize
    from .encoder import load_saved_encoder, load_saved_head

    encoder, tokenizer = load_saved_encoder(card, folder)
    head = load_saved_head(folder, len(card.labels), encoder.config.hidden_size)

    def states(texts: Sequence[str], progress: Progress | None) -> States:
        def compute() -> NDArray[np.float32]:
            return embed(
                encoder, tokenize(tokenizer, texts, card.max_length), pick_device(), progress
            )

        features = once(base, card.max_length, list(texts), compute)
        return States(np.asarray(features @ head.weight.T + head.bias, np.float64), features)

    return states


def _encoder(card: SavedModel, folder: Path) -> tuple[Scorer, StatesOf]:
    from ..training.hardware import pick_device
    from ..training.loop import predict
    from ..training.network import ClassifierStates, EncoderClassifier
    from ..training.pooled import Rows
    from ..training.tokens import tokenize
    from .encoder import load_under_head

    encoder, tokenizer, head = load_under_head(card, folder)
    answering = EncoderClassifier(encoder, head, dropout=0.0)
    looking = ClassifierStates(encoder, head, dropout=0.0)
    device = pick_device()

    def run(network: Any, texts: Sequence[str], progress: Progress | None) -> FloatArray:
        tokens = tokenize(tokenizer, texts, card.max_length)
        unused: NDArray[np.int64] = np.zeros(len(texts), np.int64)
        return predict(network, Rows(tokens, unused), device, progress)

    def score(texts: Sequence[str], progress: Progress | None) -> FloatArray:
        return run(answering, texts, progress)

    def states(texts: Sequence[str], progress: Progress | None) -> States:
        found = run(looking, texts, progress)
        n = len(card.labels)
        return States(found[:, :n], found[:, n:].astype(np.float32))

    return score, states
