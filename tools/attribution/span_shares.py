"""What the words of a row add to the score of an entity, or of an answer in a text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..deployment.saved import SavedModel
from .encoders import Encoder, Fields
from .gradients import Shares, integrated_gradients
from .words import Place, Word, by_word


def tag_shares(
    card: SavedModel, folder: Path, encoder: Encoder, row: dict[str, Any], span: dict[str, Any]
) -> tuple[list[Word], float, Shares]:
    """Attribute an entity to the words of its text: its tags' logits less those of "O", averaged.

    How words are written is a feature of its own, held fixed.
    """
    import torch

    from ..deployment.encoder import load_saved_head
    from ..training.linear import linear_layer
    from ..training.shapes import WIDTH
    from ..training.tagging import TagNetwork, tag_examples

    head = load_saved_head(folder, len(card.labels), encoder.core.config.hidden_size + WIDTH)
    network = TagNetwork(encoder.core, linear_layer(head), dropout=0.0).eval()
    examples = tag_examples(encoder.tokenizer, [row], card.labels, card.max_length)
    words = [i for i, (a, b) in enumerate(row["offsets"]) if a < span["end"] and b > span["start"]]
    window = int(np.searchsorted(examples.starts, words[0], side="right")) - 1
    own = [w - int(examples.starts[window]) for w in words if w < examples.starts[window + 1]]
    batch = examples.batch(np.array([window]))
    tags = [card.labels.index(("B-" if i == 0 else "I-") + span["label"]) for i in range(len(own))]
    outside = card.labels.index("O")

    def score(ids: Any, mask: Any) -> Any:
        given = {k: v.expand(len(ids), *v.shape[1:]) for k, v in batch.items()}
        logits = network({**given, "ids": ids, "mask": mask})
        parts = [logits[:, w, t] - logits[:, w, outside] for w, t in zip(own, tags, strict=True)]
        return torch.stack(parts).mean(0)

    return _over_pieces(
        encoder,
        score,
        batch,
        _window_places(examples.pieces, window, "text"),
        [("text", row["text"])],
    )


def answer_shares(
    card: SavedModel, folder: Path, encoder: Encoder, row: dict[str, Any], answer: dict[str, Any]
) -> tuple[list[Word], float, Shares]:
    """Attribute an answer to the words of question and context: begin and end, less no answer's."""
    from ..deployment.encoder import load_saved_head
    from ..training.answering import NOTHING, AnswerNetwork, answer_examples
    from ..training.linear import linear_layer
    from ..training.overlap import WIDTH

    head = load_saved_head(folder, len(card.labels), encoder.core.config.hidden_size + WIDTH)
    network = AnswerNetwork(encoder.core, linear_layer(head), dropout=0.0).eval()
    examples = answer_examples(encoder.tokenizer, [row], card.max_length)
    best: tuple[float, int, int, int] | None = None
    for window in range(len(examples.pieces)):
        spots, first, last = examples.pieces.of_text(window)
        begins = spots[first == answer["start"]]
        ends = spots[last == answer["end"]]
        if len(begins) and len(ends):
            best = best or (0.0, window, int(begins[0]), int(ends[-1]))
    if best is None:
        raise ValueError("the answer stands in no window")
    _, window, begin, end = best
    batch = examples.batch(np.array([window]))

    def score(ids: Any, mask: Any) -> Any:
        given = {k: v.expand(len(ids), *v.shape[1:]) for k, v in batch.items()}
        logits = network({**given, "ids": ids, "mask": mask})
        none = logits[:, NOTHING, 0] + logits[:, NOTHING, 1]
        return logits[:, begin, 0] + logits[:, end, 1] - none

    places = _window_places(examples.pieces, window, "context")
    question = encoder.tokenizer(
        row["question"], add_special_tokens=False, return_offsets_mapping=True, verbose=False
    )
    start = next((i for i, p in enumerate(places) if p is not None), len(places))
    before = batch["ids"][0].tolist()[:start]
    for i, (piece, (a, b)) in enumerate(
        zip(question["input_ids"], question["offset_mapping"], strict=True), 1
    ):
        if i < start and before[i] == piece:
            places[i] = ("question", int(a), int(b))
    fields = [("question", row["question"]), ("context", row["context"])]
    return _over_pieces(encoder, score, batch, places, fields)


def _window_places(pieces: Any, window: int, field: str) -> list[Place | None]:
    spots, first, last = pieces.of_text(window)
    places: list[Place | None] = [None] * int(pieces.tokens.lengths[window])
    for spot, a, b in zip(spots, first, last, strict=True):
        places[int(spot)] = (field, int(a), int(b))
    return places


def _over_pieces(
    encoder: Encoder,
    score: Callable[[Any, Any], Any],
    batch: dict[str, Any],
    places: list[Place | None],
    fields: Fields,
) -> tuple[list[Word], float, Shares]:
    import torch

    keep = torch.tensor([[p is None for p in places]])
    ids = batch["ids"]
    found = integrated_gradients(
        score, encoder.embedding, ids, encoder.hidden(ids, keep), batch["mask"]
    )
    words, rest = by_word(fields, places, found.values.reshape(-1))
    return words, rest, found
