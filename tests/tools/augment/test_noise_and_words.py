"""Noise changes few words by one slip; replacement takes likely words and keeps the case."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from masked_models import save_masked
from tuneos.tools.augment.noise import neighbours, noisy, slip
from tuneos.tools.augment.words import filler, replaced
from tuneos.tools.tasks.pieces import Piece
from tuneos.tools.training.base_model import find_base_model

TEXT = "Please cancel my card, the blue one that I've ordered yesterday (number 4711)!"


def test_noise_leaves_most_words_and_all_else_as_it_was() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        changed = noisy(Piece(TEXT), rng).text
        before, after = TEXT.split(), changed.split()
        assert len(before) == len(after)
        assert sum(a != b for a, b in zip(before, after, strict=True)) <= 1
        assert "4711)!" in changed


@pytest.mark.parametrize("word", ["card", "Yesterday", "été", "straße", "日本語です"])
def test_slip_is_one_small_edit_behind_the_first_letter(word: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(40):
        found = slip(word, rng)
        assert found[0] == word[0]
        assert abs(len(found) - len(word)) <= 1
        if len(found) == len(word):
            assert sum(a != b for a, b in zip(found, word, strict=True)) <= 2


def test_text_without_a_long_word_stays() -> None:
    assert noisy(Piece("a b 12 !?"), np.random.default_rng(0)).text == "a b 12 !?"
    assert noisy(Piece(""), np.random.default_rng(0)).text == ""


def test_what_is_held_stays_and_is_found_again() -> None:
    text = "Yesterday Alzheimer visited Frankfurt with several colleagues"
    held = (10, 19), (28, 37)
    rng = np.random.default_rng(3)
    for _ in range(40):
        changed = noisy(Piece(text, held), rng, share=0.9)
        assert changed.edits
        for (start, end), was in zip(held, ("Alzheimer", "Frankfurt"), strict=True):
            now = changed.moved(start, end)
            assert now is not None
            assert changed.text[slice(*now)] == was


def test_keys_beside_a_letter_are_its_neighbours() -> None:
    assert set(neighbours("g")) == set("fhtb")
    assert neighbours("ß") == ""


def test_replaced_word_keeps_its_case_and_place() -> None:
    def fill(text: str, span: tuple[int, int]) -> list[str]:
        return ["thing"]

    rng = np.random.default_rng(0)
    assert replaced(Piece("Card!"), fill, rng).text == "Thing!"
    assert replaced(Piece("(CARD)"), fill, rng).text == "(THING)"
    assert replaced(Piece("a 1 ?"), fill, rng).text == "a 1 ?"
    assert replaced(Piece("nothing fits"), lambda *_: [], rng).text == "nothing fits"


def test_base_model_without_a_head_gives_near_words(tiny_base: Path) -> None:
    from transformers import BertModel

    model = BertModel.from_pretrained(tiny_base)
    base = find_base_model(str(tiny_base))
    from tuneos.tools.training.base_model import load_tokenizer

    ids = load_tokenizer(base).convert_tokens_to_ids
    with torch.no_grad():
        table = model.embeddings.word_embeddings.weight
        table[ids("cat")] = table[ids("dog")] + 0.01
    model.save_pretrained(tiny_base.parent / "near")
    for file in tiny_base.glob("tok*"):
        (tiny_base.parent / "near" / file.name).write_bytes(file.read_bytes())
    fill, origin = filler(find_base_model(str(tiny_base.parent / "near")))
    assert origin == "with words replaced by near ones"
    assert fill("the dog is here", (4, 7))[0] == "cat"
    assert fill("the dog is here", (0, 0)) == []


def test_base_model_with_a_head_fills_masked_words(tiny_base: Path, tmp_path: Path) -> None:
    folder = save_masked(tiny_base, tmp_path / "masked", likely="horse")
    fill, origin = filler(find_base_model(str(folder)))
    assert origin == "with masked words filled in"
    assert fill("the dog is here", (4, 7))[0] == "horse"
    assert not any(re.match("hor", w) for w in fill("the horse is here", (4, 9)))
