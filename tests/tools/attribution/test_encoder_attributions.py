"""Attributions of every kind of head over an encoder add up to its own scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tuneos.tools.attribution.encoders import HeadedScores, load_explained
from tuneos.tools.attribution.span_shares import answer_shares, tag_shares
from tuneos.tools.datasets.types import Row, Split
from tuneos.tools.deployment.saved import SavedModel, write_card
from tuneos.tools.training import overlap, shapes
from tuneos.tools.training.inputs import Inputs, MarkedSpans, Pairs, QuestionChoices, Texts
from tuneos.tools.training.linear import LinearHead

HIDDEN = 32
TEXT = "apple pear tiger and wolf"


def card(base: Path, task: str, labels: tuple[str, ...]) -> SavedModel:
    return SavedModel(
        task=task, strategy="frozen_linear", encoder="base", labels=labels,
        base_model=str(base), max_length=32,
    )  # fmt: skip


def random_head(outputs: int, width: int) -> LinearHead:
    rng = np.random.default_rng(0)
    return LinearHead(
        rng.normal(size=(outputs, width)).astype(np.float32), np.zeros(outputs, np.float32)
    )


def one(text: str, row: Row | None = None) -> Split:
    return Split((text,), ("",), (None,), ("here",), (row,) if row else ())


SPANS: Row = {"text": TEXT, "head": {"start": 0, "end": 5}, "tail": {"start": 11, "end": 16}}
CASES: dict[str, tuple[Inputs, Split, int]] = {
    "a text": (Texts(), one(TEXT), 1),
    "two texts, read apart": (Pairs(), one(TEXT, {"first": TEXT, "second": "a wolf"}), 4),
    "marked spans": (MarkedSpans(), one(TEXT, SPANS), 2),
    "choices": (QuestionChoices(), one(TEXT, {"question": TEXT, "choices": ["wolf", "pear"]}), 4),
}


@pytest.mark.parametrize("case", CASES)
def test_words_and_rest_add_up_to_the_score(case: str, tiny_base: Path, tmp_path: Path) -> None:
    inputs, split, times = CASES[case]
    labels = ("a", "b", "c")
    described = card(tiny_base, "any", labels)
    write_card(tmp_path, described, random_head(3, times * HIDDEN))
    scores = HeadedScores(described, tmp_path, inputs, 3)
    direction = np.array([1.0, -1.0, 0.0])
    logits = scores.logits(split)
    for sequence in range(len(logits)):
        words, rest, found = scores.shares(split, sequence, direction)
        assert found.score == pytest.approx(float(logits[sequence] @ direction), abs=1e-4)
        assert found.complete
        total = sum(w.value for w in words) + rest
        assert total == pytest.approx(found.score - found.baseline, abs=found.tolerance + 1e-6)
        assert any(abs(w.value) > 1e-4 for w in words)
    states = scores.states(split)
    assert states.shape == (len(logits), times * HIDDEN)


def test_entity_is_attributed_to_the_words_of_its_text(tiny_base: Path, tmp_path: Path) -> None:
    labels = ("O", "B-animal", "I-animal")
    described = card(tiny_base, "token-classification", labels)
    write_card(tmp_path, described, random_head(3, HIDDEN + shapes.WIDTH))
    words = TEXT.split()
    starts = [TEXT.index(w) for w in words]
    offsets = [(s, s + len(w)) for s, w in zip(starts, words, strict=True)]
    row = {"text": TEXT, "tokens": words, "offsets": offsets}
    span = {"start": 11, "end": 16, "label": "animal"}
    encoder = load_explained(described, tmp_path)
    found, rest, shares = tag_shares(described, tmp_path, encoder, row, span)
    assert shares.complete
    total = sum(w.value for w in found) + rest
    assert total == pytest.approx(shares.score - shares.baseline, abs=shares.tolerance + 1e-6)
    assert [w.text for w in found] == words


def test_answer_is_attributed_to_question_and_context(tiny_base: Path, tmp_path: Path) -> None:
    described = card(tiny_base, "question-answering", ("begin", "end"))
    write_card(tmp_path, described, random_head(2, HIDDEN + overlap.WIDTH))
    row = {"context": TEXT, "question": "which wolf"}
    encoder = load_explained(described, tmp_path)
    answer = {"start": 11, "end": 16, "answer": "tiger"}
    found, rest, shares = answer_shares(described, tmp_path, encoder, row, answer)
    assert shares.complete
    total = sum(w.value for w in found) + rest
    assert total == pytest.approx(shares.score - shares.baseline, abs=shares.tolerance + 1e-6)
    assert {w.field for w in found} == {"question", "context"}
    assert any(w.value for w in found if w.field == "question")
