"""Long texts in windows: nothing lost, every piece with its place."""

from pathlib import Path

import numpy as np
import pytest
from tiny_words import FILLER, TOPICS
from tuneos.tools.training.base_model import load_tokenizer
from tuneos.tools.training.windows import OUTSIDE, windows

WORDS = [*FILLER, *(word for words in TOPICS.values() for word in words)]


@pytest.mark.parametrize("architecture", ["bert", "roberta"])
def test_every_character_of_a_long_text_is_in_a_window(
    architecture: str, tiny_bases: dict[str, Path]
) -> None:
    tokenizer = load_tokenizer(tiny_bases[architecture])
    text = "  ".join(WORDS * 6)
    found = windows(tokenizer, ["dog", text, ""], 32, overlap=8)
    assert (found.tokens.lengths <= 32).all()
    assert list(found.owner[:2]) == [0, 1]
    assert found.owner[-1] == 2
    assert found.split_texts == 1
    covered = np.zeros(len(text), bool)
    for window in np.flatnonzero(found.owner == 1):
        _, first, last = found.of_text(int(window))
        for a, b in zip(first, last, strict=True):
            covered[a:b] = True
    assert all(covered[i] or text[i].isspace() for i in range(len(text)))


def test_pieces_know_their_place(tiny_base: Path) -> None:
    tokenizer = load_tokenizer(tiny_base)
    text = "the dogs  nowish"
    found = windows(tokenizer, [text], 32, overlap=8)
    _, first, last = found.of_text(0)
    assert [text[a:b] for a, b in zip(first, last, strict=True)] == [
        "the", "dog", "s", "now", "ish",
    ]  # fmt: skip
    assert found.first[0] == found.last[-1] == OUTSIDE


def test_question_stands_in_every_window_and_is_no_text(tiny_base: Path) -> None:
    tokenizer = load_tokenizer(tiny_base)
    context = " ".join(WORDS * 3)
    found = windows(tokenizer, [context], 32, overlap=8, questions=["the dog"])
    asked = tokenizer("the dog", add_special_tokens=False)["input_ids"]
    for start, stop in zip(found.tokens.starts[:-1], found.tokens.starts[1:], strict=True):
        assert list(found.tokens.flat[start:stop][1:3]) == asked
        assert (found.first[start:stop][:4] == OUTSIDE).all()


def test_endless_question_leaves_half_of_the_window_to_the_text(tiny_base: Path) -> None:
    tokenizer = load_tokenizer(tiny_base)
    found = windows(tokenizer, ["red green"], 32, overlap=8, questions=[" ".join(WORDS * 5)])
    assert found.tokens.lengths[0] <= 32
    _, first, _ = found.of_text(0)
    assert list(first) == [0, 4]
