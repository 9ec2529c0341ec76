"""Hidden states computed once stand in for the frozen layers, and nobody can tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from tuneos.tools.training.base_model import load_encoder, load_tokenizer
from tuneos.tools.training.embed import embed, prefix_states
from tuneos.tools.training.hardware import Device
from tuneos.tools.training.loop import predict
from tuneos.tools.training.network import (
    CachedPrefix,
    EncoderClassifier,
    encoder_layers,
    mean_pool,
    prepare_encoder,
)
from tuneos.tools.training.pooled import Rows
from tuneos.tools.training.prefix import put_prefix
from tuneos.tools.training.settings import TrainSettings
from tuneos.tools.training.tokens import Tokens, tokenize

CPU = Device("cpu", bf16=False)
TEXTS = ["red dog", "the very green cat is here", "soup", "", "bread and my apple " * 9]


@pytest.fixture
def tokens(tiny_base: Path) -> Tokens:
    return tokenize(load_tokenizer(tiny_base), TEXTS, 64)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("architecture", ["bert", "distilbert", "roberta"])
def test_cached_prefix_gives_the_same_answers_as_all_layers(
    architecture: str, layers: int, tiny_bases: dict[str, Path], tokens: Tokens
) -> None:
    encoder = load_encoder(tiny_bases[architecture])
    settings = TrainSettings(strategy="top_layers", layers=layers)
    torch.manual_seed(0)
    network = EncoderClassifier(prepare_encoder(encoder, settings), nn.Linear(32, 3), 0.1)
    nobody = np.zeros(len(TEXTS), np.int64)
    whole = predict(network, Rows(tokens, nobody), CPU)
    states = prefix_states(encoder, tokens, layers, CPU)
    put_back = put_prefix(encoder, settings)
    try:
        cached = predict(network, Rows(tokens, nobody, states), CPU)
    finally:
        put_back()
    assert np.allclose(cached, whole, atol=1e-5)
    assert len({tuple(row) for row in np.round(whole, 3)}) > 1  # the answers do differ


def test_layers_are_put_back_as_they_were(tiny_base: Path) -> None:
    encoder = load_encoder(tiny_base)
    before, names = list(encoder_layers(encoder)), list(encoder.state_dict())
    put_back = put_prefix(encoder, TrainSettings(strategy="top_layers", layers=1))
    assert [type(m) for m in encoder.modules()].count(CachedPrefix) == 1
    assert len(encoder.encoder.layer) == 2
    put_back()
    assert all(a is b for a, b in zip(encoder_layers(encoder), before, strict=True))
    assert list(encoder.state_dict()) == names


def test_states_of_padding_are_zero_and_order_is_kept(tiny_base: Path, tokens: Tokens) -> None:
    states = prefix_states(load_encoder(tiny_base), tokens, 1, CPU)
    batch = states.batch(np.array([3, 0]), 6)
    assert batch.shape == (2, 6, 32)
    assert torch.count_nonzero(batch[0, 2:]) == 0
    assert torch.equal(batch[1, :4], states.flat[:4])


def test_bfloat16_states_are_close(tiny_base: Path, tokens: Tokens) -> None:
    encoder = load_encoder(tiny_base)
    exact = prefix_states(encoder, tokens, 1, CPU).flat
    rough = prefix_states(encoder, tokens, 1, Device("cpu", bf16=True)).flat
    assert rough.dtype == torch.bfloat16
    assert torch.nn.functional.cosine_similarity(exact, rough.float()).min() > 0.99


def test_embeddings_come_in_the_order_of_the_texts(tiny_base: Path, tokens: Tokens) -> None:
    encoder, told = load_encoder(tiny_base), []
    found = embed(encoder, tokens, CPU, lambda done, total: told.append((done, total)))
    assert told[-1] == (len(TEXTS), len(TEXTS))
    for i in range(len(TEXTS)):
        ids, mask = tokens.batch(np.array([i]))
        with torch.no_grad():
            alone = mean_pool(encoder(input_ids=ids, attention_mask=mask).last_hidden_state, mask)
        assert np.allclose(found[i], alone[0], atol=1e-5)
