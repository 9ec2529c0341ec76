"""The best spans of a context, against trying them all, and the threshold for none."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_words import FILLER, TOPICS
from tuneos.tools.training.answering import NOTHING, AnswerExamples, answer_examples
from tuneos.tools.training.base_model import load_tokenizer
from tuneos.tools.training.overlap import overlap
from tuneos.tools.training.spans import Found, best_spans, fit_threshold, longest_answer

WORDS = [*FILLER, *(word for words in TOPICS.values() for word in words)]


def examples(base: Path, context: str, answer: str | None, most: int) -> AnswerExamples:
    row: dict[str, Any] = {"context": context, "question": "the dog", "answers": []}
    if answer is not None:
        row["answers"] = [{"text": answer, "start": context.index(answer)}]
    return answer_examples(load_tokenizer(base), [row], most)


def test_answer_is_learned_where_a_window_holds_all_of_it(tiny_base: Path) -> None:
    context = " ".join(WORDS * 2)
    made = examples(tiny_base, context, "cow goat", 24)
    held = made.spans[:, 0] != NOTHING
    assert held.any()
    assert not held.all()
    for window in np.flatnonzero(held):
        first, last = made.starts[window] + made.spans[window]
        begin, end = made.pieces.first[first], made.pieces.last[last]
        assert context[begin:end] == "cow goat"


def test_no_answer_is_learned_as_the_first_piece(tiny_base: Path) -> None:
    made = examples(tiny_base, "the cat is here", None, 24)
    assert made.spans.tolist() == [[NOTHING, NOTHING]]


def test_spans_are_the_best_of_all_pairs_at_whole_words(tiny_base: Path) -> None:
    context = "the dogs nowish here red"
    made = examples(tiny_base, context, None, 32)
    outputs = np.random.default_rng(0).normal(size=(int(made.starts[-1]), 2))
    (found,) = best_spans(outputs, made, 1, longest=3)
    pairs = [
        (i, j)
        for i, j in itertools.product(range(len(outputs)), repeat=2)
        if made.begins[i] and made.ends[j] and i <= j < i + 3
    ]
    best = max(pairs, key=lambda p: outputs[p[0], 0] + outputs[p[1], 1])
    assert found.spans[0] == (made.pieces.first[best[0]], made.pieces.last[best[1]])
    whole = {context[a:b] for a, b in found.spans}
    assert all(set(span.split()) <= set(context.split()) for span in whole)
    assert found.nothing == pytest.approx(outputs[NOTHING].sum())


def test_windows_of_one_context_compete(tiny_base: Path) -> None:
    context = " ".join(WORDS * 2)
    made = examples(tiny_base, context, None, 24)
    outputs = np.zeros((int(made.starts[-1]), 2))
    begin = int(np.flatnonzero(made.begins)[-3])
    outputs[begin] = 9.0
    (found,) = best_spans(outputs, made, 1, longest=1)
    assert found.spans[0] == (made.pieces.first[begin], made.pieces.last[begin])
    assert found.scores[0] == 18.0


def test_threshold_is_where_the_mean_score_is_best() -> None:
    def found(margin: float) -> Found:
        return Found(((0, 1),), (margin,), 0.0)

    each = [found(m) for m in (-2.0, -1.0, 1.0, 2.0)]
    threshold, value = fit_threshold(each, [0, 0, 1, 1], [1, 1, 0, 0])
    assert -1 < threshold < 1
    assert value == 1.0
    assert fit_threshold(each, [1, 1, 1, 1], [0, 0, 0, 0])[0] < -2
    assert fit_threshold(each, [0, 0, 0, 0], [1, 1, 1, 1])[0] > 2


def test_context_without_a_word_has_no_answer(tiny_base: Path) -> None:
    made = examples(tiny_base, "  ", None, 24)
    (found,) = best_spans(np.zeros((int(made.starts[-1]), 2)), made, 1, longest=3)
    assert found.spans == ()
    assert found.margin == -np.inf
    assert found.probability(answered=False) == 1.0


def test_longest_answer_follows_training(tiny_base: Path) -> None:
    short = examples(tiny_base, "the cat is here", "cat", 24)
    long = examples(tiny_base, "the cat is here", "the cat is here", 24)
    assert 1 < longest_answer(short) < longest_answer(long)


def test_overlap_finds_the_sentence_that_speaks_of_the_question() -> None:
    found = overlap("Ana sang in Ulm. Ben danced. 東京。大阪", "Who was dancing with Ben?")
    assert [int(np.argmax(found.shares))] == [1]
    assert len(found.sentences) == 4
    assert found.features.shape[0] == len(found.words)
    assert np.isfinite(found.features).all()
    assert overlap("", "Who?").sentences == []
