"""A saved model that answers questions, loaded: rows in, answers with their places out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.types import Row, Split
from ..tasks.task import Answer, Answerer, Progress
from .saved import SavedModel


def load_answerer(card: SavedModel, folder: Path) -> Answerer:
    """Load a rule without a model, or an encoder under a head.

    Raises:
        ModelError: The folder is incomplete or damaged.
        BaseModelError: The base model isn't there.
    """
    if card.encoder == "none":
        return _rule(best_sentence if card.strategy == "best_sentence" else _nothing)
    return _encoder(card, folder)


def best_sentence(row: Row) -> Answer:
    """The sentence that shares most of the question's words, the rare ones above all."""
    from ..training.overlap import overlap

    found = overlap(row["context"], row["question"])
    if not found.sentences:
        return _nothing(row)
    best = int(np.argmax(found.shares))
    first, end = found.sentences[best]
    total = float(found.shares.sum())
    score = float(found.shares[best]) / total if total else 0.0
    return _answer(row, (found.words[first][0], found.words[end - 1][1]), score)


def _nothing(row: Row) -> Answer:
    return _answer(row, None, 1.0)


def _answer(row: Row, span: tuple[int, int] | None, score: float) -> Answer:
    start, end = span or (None, None)
    text = row["context"][start:end] if span else ""
    return {"answer": text, "start": start, "end": end, "score": round(score, 6)}


def _rule(rule: Any) -> Answerer:
    def answer(split: Split, progress: Progress | None) -> list[Answer]:
        found = [rule(row) for row in split.rows]
        if progress:
            progress(len(found), len(found))
        return found

    return answer


def _encoder(card: SavedModel, folder: Path) -> Answerer:
    from ..training.answering import AnswerNetwork, answer_examples
    from ..training.hardware import pick_device
    from ..training.loop import predict
    from ..training.overlap import WIDTH
    from ..training.spans import best_spans
    from .encoder import load_under_head, saved_number

    encoder, tokenizer, head = load_under_head(card, folder, beside=WIDTH)
    threshold = saved_number(card, folder, "threshold")
    longest = int(saved_number(card, folder, "longest"))
    network = AnswerNetwork(encoder, head, dropout=0.0)
    device = pick_device()

    def answer(split: Split, progress: Progress | None) -> list[Answer]:
        examples = answer_examples(tokenizer, split.rows, card.max_length)
        outputs = predict(network, examples, device, progress)
        found = best_spans(outputs, examples, len(split), longest=longest)
        answers = []
        for row, each in zip(split.rows, found, strict=True):
            given = bool(each.spans) and each.margin > threshold
            span = each.spans[0] if given else None
            answers.append(_answer(row, span, each.probability(given)))
        return answers

    return answer
