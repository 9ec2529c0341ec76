"""Words in any script, and spans of characters as BIO tags."""

import random

import pytest
from tuneos.tools.datasets.words import (
    Span,
    as_bio,
    repaired,
    spans_of,
    split_words,
    stray_inside,
    tags_of,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's 6½ miles.", ["It", "'", "s", "6½", "miles", "."]),
        ("a@b.org\n\ttel. +1", ["a", "@", "b", ".", "org", "tel", ".", "+", "1"]),
        ("cafe\u0301 Szöllösy", ["cafe\u0301", "Szöllösy"]),
        ("東京にある", ["東", "京", "に", "あ", "る"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("مرحبا، بالعالم", ["مرحبا", "،", "بالعالم"]),
        ("x\u200b\u00a0y", ["x", "y"]),
        (" \n", []),
    ],
)
def test_words_are_found_in_any_script(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in split_words(text)] == words


def test_spans_of_whole_words_come_back_from_their_tags() -> None:
    rng = random.Random(0)
    text = "Ana Lu-Paz lives at 12, rue Émile in 東京 since May."
    words = split_words(text)
    for _ in range(200):
        cuts = sorted(rng.sample(range(len(words) + 1), 4))
        spans = [
            Span(words[a][0], words[b - 1][1], rng.choice("XY"))
            for a, b in ((cuts[0], cuts[1]), (cuts[2], cuts[3]))
        ]
        found = spans_of(tags_of(words, spans))
        assert [Span(words[s][0], words[e - 1][1], label) for s, e, label in found] == spans


def test_span_that_cuts_a_word_takes_all_of_it() -> None:
    words = split_words("Berliner Luft")
    assert tags_of(words, [Span(0, 6, "place")]) == ["B-place", "O"]


def test_neighbours_of_one_type_stay_apart() -> None:
    assert spans_of(["B-x", "I-x", "B-x", "O"]) == [Span(0, 2, "x"), Span(2, 3, "x")]


@pytest.mark.parametrize(
    ("tags", "at", "mended"),
    [
        (["O", "I-x", "I-x"], 1, ["O", "B-x", "I-x"]),
        (["B-x", "I-y"], 1, ["B-x", "B-y"]),
        (["I-x"], 0, ["B-x"]),
        (["B-x", "I-x"], None, ["B-x", "I-x"]),
    ],
)
def test_inside_without_beginning(tags: list[str], at: int | None, mended: list[str]) -> None:
    assert stray_inside(tags) == at
    assert repaired(tags) == mended


def test_other_schemes_are_written_as_bio() -> None:
    assert as_bio(["S-x", "B-y", "I-y", "E-y", "O"]) == ["B-x", "B-y", "I-y", "I-y", "O"]
    assert as_bio(["U-x", "B-y", "L-y"]) == ["B-x", "B-y", "I-y"]
