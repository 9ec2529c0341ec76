"""Token ids and batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tuneos.tools.training.base_model import load_tokenizer
from tuneos.tools.training.tokens import Tokens, by_length, shuffled_buckets, tokenize

TEXTS = ["red dog", "", "the dog is very red", "dog " * 100]


@pytest.fixture
def tokens(tiny_base: Path) -> Tokens:
    return tokenize(load_tokenizer(tiny_base), TEXTS, 16)


def test_tokens_are_those_of_the_tokenizer(tokens: Tokens, tiny_base: Path) -> None:
    tokenizer = load_tokenizer(tiny_base)
    assert len(tokens) == len(TEXTS)
    for i, text in enumerate(TEXTS):
        wanted = tokenizer(text, truncation=True, max_length=16)["input_ids"]
        assert tokens.flat[tokens.starts[i] : tokens.starts[i + 1]].tolist() == wanted


def test_long_texts_are_cut_and_counted_once_each(tokens: Tokens, tiny_base: Path) -> None:
    assert tokens.cut == 1  # though it overflows many times
    assert tokens.lengths.tolist() == [4, 2, 7, 16]
    assert tokenize(load_tokenizer(tiny_base), TEXTS, 64).cut == 1
    assert tokenize(load_tokenizer(tiny_base), TEXTS[:3], 7).cut == 0
    assert tokenize(load_tokenizer(tiny_base), TEXTS[:3], 6).cut == 1


def test_texts_beyond_one_chunk_keep_their_order(
    tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = load_tokenizer(tiny_base)
    whole = tokenize(tokenizer, TEXTS, 16)
    monkeypatch.setattr("tuneos.tools.training.tokens.CHUNK", 3)
    chunked = tokenize(tokenizer, TEXTS, 16)
    assert chunked.flat.tolist() == whole.flat.tolist()
    assert (chunked.starts.tolist(), chunked.cut) == (whole.starts.tolist(), whole.cut)


def test_no_texts_give_no_tokens(tiny_base: Path) -> None:
    tokens = tokenize(load_tokenizer(tiny_base), [], 16)
    assert (len(tokens), tokens.cut, len(tokens.flat)) == (0, 0, 0)


def test_batch_is_padded_and_masked(tokens: Tokens) -> None:
    ids, mask = tokens.batch(np.array([2, 0]))
    assert ids.shape == mask.shape == (2, 7)
    assert mask.tolist() == [[1] * 7, [1] * 4 + [0] * 3]
    assert ids[1, 4:].tolist() == [tokens.pad] * 3
    assert ids[1, :4].tolist() == tokens.flat[:4].tolist()


LENGTHS = {
    "varied": np.random.default_rng(0).integers(1, 40, 533),
    "fewer than a batch": np.array([3, 1, 2]),
    "all alike": np.full(64, 5),
    "one": np.array([7]),
}


@pytest.mark.parametrize("case", LENGTHS)
def test_inference_batches_cover_every_row_once_longest_first(case: str) -> None:
    lengths = LENGTHS[case]
    batches = by_length(lengths, 16)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert all(len(b) <= 16 for b in batches)
    assert np.all(np.diff(lengths[np.concatenate(batches)]) <= 0)


@pytest.mark.parametrize("case", LENGTHS)
def test_buckets_cover_every_row_once(case: str) -> None:
    lengths = LENGTHS[case]
    batches = list(shuffled_buckets(lengths, 16, np.random.default_rng(0), window=4))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert len(batches) == -(-len(lengths) // 16)  # as many as the schedule counts on


def test_buckets_pad_less_than_random_batches() -> None:
    lengths, rng = LENGTHS["varied"], np.random.default_rng(0)

    def padded(batches: list[np.ndarray]) -> int:
        return sum(len(b) * int(lengths[b].max()) for b in batches)

    shuffled = rng.permutation(len(lengths))
    random = [shuffled[i : i + 16] for i in range(0, len(shuffled), 16)]
    assert padded(list(shuffled_buckets(lengths, 16, rng))) < 0.8 * padded(random)


def test_buckets_follow_the_seed() -> None:
    def drawn(seed: int) -> list[int]:
        rng = np.random.default_rng(seed)
        order = np.concatenate(list(shuffled_buckets(LENGTHS["varied"], 16, rng)))
        return [int(i) for i in order]

    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)
