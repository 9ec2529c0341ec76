"""A saved model that tags words, loaded: rows in, entities with their places out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ...evals.metrics import FloatArray, IntArray
from ..datasets.types import Row, Split
from ..datasets.words import spans_of
from ..tasks.task import Answer, Answerer, Progress
from .saved import SavedModel

Scorer = Callable[[Sequence[Row], Progress | None], FloatArray]  # probabilities of all words


def load_tagger(card: SavedModel, folder: Path) -> Answerer:
    """Load a lexicon, or an encoder under a head.

    Raises:
        ModelError: The folder is incomplete or damaged.
        BaseModelError: The base model isn't there.
    """
    from ..training.bio import best_tags
    from .encoder import saved_number

    scorer = _lexicon(card, folder) if card.encoder == "none" else _encoder(card, folder)
    outside = saved_number(card, folder, "outside")

    def answer(split: Split, progress: Progress | None) -> list[Answer]:
        counts = [len(row["tokens"]) for row in split.rows]
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        found = scorer(split.rows, progress)
        best = best_tags(card.labels, found, starts, outside=outside)
        bounds = zip(split.rows, starts[:-1], starts[1:], strict=True)
        return [
            tagged_answer(row, card.labels, best[a:b], found[a:b], outside) for row, a, b in bounds
        ]

    return answer


def tagged_answer(
    row: Row, labels: Sequence[str], best: IntArray, found: FloatArray, outside: float
) -> Answer:
    """Entities of a row; an entity's score is the mean probability of its tags.

    Args:
        row: With text, tokens and offsets.
        labels: The tags.
        best: (words,), positions in `labels`.
        found: (words, tags), probabilities.
        outside: What was added to the log probability of O to find the best.
    """
    tags = [labels[i] for i in best]
    own = found[np.arange(len(best)), best]
    spans = []
    for first, end, label in spans_of(tags):
        start, stop = row["offsets"][first][0], row["offsets"][end - 1][1]
        spans.append(
            {
                "start": start,
                "end": stop,
                "label": label,
                "text": row["text"][start:stop],
                "score": round(float(own[first:end].mean()), 6),
            }
        )
    private = {"_tags": tags, "_known": labels, "_tag_scores": found, "_outside": outside}
    return {"spans": spans, **private}


def _lexicon(card: SavedModel, folder: Path) -> Scorer:
    from ..training.lexicon import look_up, read_lexicon

    lexicon = read_lexicon(folder, card.labels)

    def score(rows: Sequence[Row], progress: Progress | None) -> FloatArray:
        found = look_up(lexicon, [word for row in rows for word in row["tokens"]], card.labels)
        if progress:
            progress(len(rows), len(rows))
        return found

    return score


def _encoder(card: SavedModel, folder: Path) -> Scorer:
    from ..training.hardware import pick_device
    from ..training.loop import predict
    from ..training.shapes import WIDTH
    from ..training.tagging import TagNetwork, tag_examples
    from .encoder import load_under_head

    encoder, tokenizer, head = load_under_head(card, folder, beside=WIDTH)
    network = TagNetwork(encoder, head, dropout=0.0)
    device = pick_device()

    def score(rows: Sequence[Row], progress: Progress | None) -> FloatArray:
        examples = tag_examples(tokenizer, rows, card.labels, card.max_length)
        return predict(network, examples, device, progress)

    return score
