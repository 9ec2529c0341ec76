"""The cheapest ways to answer, saved and loaded as every model is."""

from __future__ import annotations

from pathlib import Path

import pytest
from tuneos.tools.errors import ModelError
from tuneos.tools.training.cheap import MEMORY, first_sentence, recall, remember

TEXTS = ("the dog sleeps", "the cat eats fish", "a horse runs far")
ANSWERS = ("Der Hund schläft", "Die Katze frisst Fisch", "Ein Pferd läuft weit")


def test_nearest_gives_the_answer_of_the_most_similar_row(tmp_path: Path) -> None:
    remember("nearest", tmp_path, TEXTS, ANSWERS)
    reply = recall("nearest", tmp_path)
    assert reply(["cat fish", "does the dog sleep", "zzz"]) == [ANSWERS[1], ANSWERS[0], ANSWERS[0]]


def test_nearest_works_where_no_spaces_stand_between_words(tmp_path: Path) -> None:
    texts = ("我喜欢在早上喝咖啡吃面包" * 2, "猫在桌子下面睡觉不想起来" * 2)
    remember("nearest", tmp_path, texts, ("coffee", "cat"))
    assert recall("nearest", tmp_path)(["桌子下面的猫"]) == ["cat"]


def test_nearest_bears_texts_without_words(tmp_path: Path) -> None:
    remember("nearest", tmp_path, ("...", "!!!"), ("a", "b"))
    assert recall("nearest", tmp_path)(["?", "…"]) == ["a", "a"]


def test_constant_gives_the_most_frequent_answer_the_first_of_equals(tmp_path: Path) -> None:
    remember("constant", tmp_path, ("1", "2", "3", "4"), ("b", "a", "a", "b"))
    assert recall("constant", tmp_path)(["x", "y"]) == ["b", "b"]


def test_copy_and_lead_need_nothing_remembered(tmp_path: Path) -> None:
    for way in ("copy", "lead"):
        remember(way, tmp_path / way, TEXTS, ANSWERS)
    assert recall("copy", tmp_path / "copy")(["A b. C."]) == ["A b. C."]
    assert recall("lead", tmp_path / "lead")(["A big dog. It ran."]) == ["A big dog."]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One sentence only", "One sentence only"),
        ("We use e.g. LSTMs here. Then more.", "We use e.g. LSTMs here."),
        ("J. Smith et al. wrote it. Yes.", "J. Smith et al. wrote it."),
        ("It costs 3.5 dollars. Really.", "It costs 3.5 dollars."),
        ("“Is it so?” he said. Yes.", "“Is it so?”"),
        ("これは文です。次の文。", "これは文です。"),
        ("Ein Satz!\nNoch einer.", "Ein Satz!"),
        ("  \n Heading\nText.", "Heading"),
        ("", ""),
    ],
)
def test_the_first_sentence_is_cut_out(text: str, first: str) -> None:
    assert first_sentence(text) == first


@pytest.mark.parametrize("content", [b"", b"{", b'{"text": "x"}\n', b"\xff\n", b"[]\n"])
def test_a_damaged_memory_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MEMORY).write_bytes(content)
    with pytest.raises(ModelError, match=MEMORY):
        recall("nearest", tmp_path)
