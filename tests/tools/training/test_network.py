"""Pooling, freezing and PEFT on three architectures."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from tuneos.tools.errors import BaseModelError
from tuneos.tools.training.base_model import load_encoder
from tuneos.tools.training.network import (
    CachedPrefix,
    EncoderClassifier,
    encoder_layers,
    mean_pool,
    prepare_encoder,
)
from tuneos.tools.training.peft_configs import linear_targets
from tuneos.tools.training.settings import PeftMethod, Technique, TrainSettings

ARCHITECTURES = ("bert", "distilbert", "roberta")
METHODS: tuple[PeftMethod, ...] = ("lora", "rslora", "dora", "pissa", "ia3", "ln_tuning")


def test_mean_pool_ignores_padding() -> None:
    hidden = torch.randn(2, 5, 4)
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    pooled = mean_pool(hidden, mask)
    other = hidden.clone()
    other[0, 3:] = 1e6
    assert torch.equal(mean_pool(other, mask), pooled)
    assert torch.allclose(pooled[0], nn.functional.normalize(hidden[0, :3].mean(0), dim=0))


def test_mean_pool_is_float32_of_unit_length() -> None:
    pooled = mean_pool(torch.randn(3, 2, 4).bfloat16(), torch.ones(3, 2, dtype=torch.long))
    assert pooled.dtype == torch.float32
    assert torch.allclose(pooled.norm(dim=1), torch.ones(3))


def test_mean_pool_of_nothing_is_a_number() -> None:
    assert torch.isfinite(mean_pool(torch.zeros(1, 2, 4), torch.zeros(1, 2))).all()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_layers_are_found(architecture: str, tiny_bases: dict[str, Path]) -> None:
    assert len(encoder_layers(load_encoder(tiny_bases[architecture]))) == 3


def test_model_without_a_stack_is_refused_with_what_to_do() -> None:
    encoder = nn.Sequential(nn.Linear(2, 2))
    encoder.config = SimpleNamespace(num_hidden_layers=3)
    with pytest.raises(BaseModelError, match="use the strategy 'lora' or 'full'"):
        encoder_layers(encoder)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_targets_are_all_linear_layers_of_the_stack(
    architecture: str, tiny_bases: dict[str, Path]
) -> None:
    encoder = load_encoder(tiny_bases[architecture])
    pattern = re.compile(linear_targets(encoder))
    matched = [n for n, _ in encoder.named_modules() if pattern.fullmatch(n)]
    assert len(matched) == 3 * 6  # query, key, value, output, and two of the feed-forward
    assert all(isinstance(encoder.get_submodule(n), nn.Linear) for n in matched)
    assert not any("pooler" in n for n in matched)


def trainable(network: nn.Module) -> set[str]:
    return {n for n, p in network.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_full_trains_everything(architecture: str, tiny_bases: dict[str, Path]) -> None:
    encoder = prepare_encoder(
        load_encoder(tiny_bases[architecture]), TrainSettings(strategy="full")
    )
    assert len(trainable(encoder)) == len(list(encoder.parameters()))


@pytest.mark.parametrize("layers", [1, 2, 3, 50])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_top_layers_trains_only_those(
    architecture: str, layers: int, tiny_bases: dict[str, Path]
) -> None:
    encoder = load_encoder(tiny_bases[architecture])
    prepare_encoder(encoder, TrainSettings(strategy="top_layers", layers=layers))
    stack = encoder_layers(encoder)
    below = max(0, 3 - layers)
    assert [all(p.requires_grad for p in layer.parameters()) for layer in stack] == [
        i >= below for i in range(3)
    ]
    inside = sum(len(list(layer.parameters())) for layer in list(stack)[below:])
    assert len(trainable(encoder)) == inside  # nothing outside of the stack


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_peft_trains_only_what_it_added(
    architecture: str, method: PeftMethod, tiny_bases: dict[str, Path]
) -> None:
    encoder = load_encoder(tiny_bases[architecture])
    before = sum(p.numel() for p in encoder.parameters())
    settings = TrainSettings(strategy="lora", peft_method=method, rank=2, alpha=4)
    wrapped = prepare_encoder(encoder, settings)
    names = trainable(wrapped)
    mark = {"ia3": "ia3_", "ln_tuning": "ln_tuning"}.get(method, "lora_")
    assert names
    assert all(mark in n for n in names)
    assert sum(wrapped.get_parameter(n).numel() for n in names) < before / 4
    ids = torch.tensor([[2, 6, 7, 3]])
    network = EncoderClassifier(wrapped, nn.Linear(32, 3), 0.0)
    network({"ids": ids, "mask": torch.ones_like(ids)}).sum().backward()
    assert {"head.weight", "head.bias"} | {f"core.{n}" for n in names} == set(network.trained())


@pytest.mark.parametrize("method", [m for m in METHODS if m != "pissa"])
def test_peft_begins_where_the_base_model_is(method: PeftMethod, tiny_base: Path) -> None:
    ids = torch.tensor([[2, 6, 7, 8, 3]])
    with torch.no_grad():
        plain = load_encoder(tiny_base)(input_ids=ids).last_hidden_state
        settings = TrainSettings(strategy="lora", peft_method=method, rank=2, alpha=4)
        wrapped = prepare_encoder(load_encoder(tiny_base), settings)
        tuned = wrapped(input_ids=ids).last_hidden_state
    assert torch.allclose(plain, tuned, atol=1e-5)


def test_cached_prefix_without_states_says_so() -> None:
    with pytest.raises(RuntimeError, match="set `states`"):
        CachedPrefix()(torch.zeros(1))


def test_classifier_answers_the_same_whatever_the_padding(tiny_base: Path) -> None:
    torch.manual_seed(1)
    network = EncoderClassifier(load_encoder(tiny_base), nn.Linear(32, 3), 0.1).eval()
    ids = torch.tensor([[2, 6, 7, 3, 0, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 1, 0, 0, 0]])
    with torch.no_grad():
        padded = network({"ids": ids, "mask": mask})
        plain = network({"ids": ids[:, :4], "mask": mask[:, :4]})
    assert np.allclose(padded.numpy(), plain.numpy(), atol=1e-5)


@pytest.mark.parametrize("strategy", ["full", "lora", "top_layers"])
def test_checkpointing_changes_no_gradient(strategy: Technique, tiny_base: Path) -> None:
    found = []
    for again in (False, True):
        torch.manual_seed(0)
        settings = TrainSettings(strategy=strategy, rank=2, alpha=4, layers=2, checkpointing=again)
        core = prepare_encoder(load_encoder(tiny_base), settings).eval()
        network = EncoderClassifier(core, nn.Linear(32, 3), 0.0)
        for module in network.modules():  # checkpointing is on in training mode only
            module.training = not isinstance(module, nn.Dropout)
        ids = torch.tensor([[2, 6, 7, 8, 3]])
        network({"ids": ids, "mask": torch.ones_like(ids)}).square().sum().backward()
        found.append({n: p.grad for n, p in network.trained().items() if p.grad is not None})
    plain, saving = found
    assert plain.keys() == saving.keys()
    assert any(n.startswith("core") for n in plain)
    for name, gradient in plain.items():
        assert torch.allclose(gradient, saving[name], atol=1e-5), name
