"""Every PEFT method that is offered trains, saves, and answers the same when it is loaded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from peft_models import MAKERS, make
from tuneos.tools.errors import BaseModelError, ModelError
from tuneos.tools.training.peft_configs import linear_targets, norm_targets
from tuneos.tools.training.peft_methods import (
    METHODS,
    NOT_OFFERED,
    Kind,
    saved_whole,
    with_adapter,
    wrap,
)
from tuneos.tools.training.settings import PeftMethod, TrainSettings

IDS = torch.tensor([[2, 6, 7, 9, 3], [2, 9, 3, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
TARGETS = torch.tensor([[5, 6, 8, 3], [9, 5, 3, 0]])
FRESH = ("crossattention",)


def kind_of(model: str) -> Kind:
    kind: Kind = MAKERS[model][1]
    return kind


def whole_in(model: str) -> tuple[str, ...]:
    return FRESH if model == "warm" else ()


def settings(method: PeftMethod) -> TrainSettings:
    return TrainSettings(peft_method=method, rank=4, alpha=8, max_length=32)


def outputs(network: Any, kind: Kind) -> torch.Tensor:
    """Hidden states or logits, one row for each position of the text or target."""
    more = {"decoder_input_ids": TARGETS} if kind == "encoder-decoder" else {}
    found = network(input_ids=IDS, attention_mask=MASK, **more)
    states: torch.Tensor = found.last_hidden_state if kind == "encoder" else found.logits
    return states


UNFIT = {
    *((method, model) for model in ("bert", "distilbert") for method in ["prefix_tuning"]),
    *((method, "gpt2") for method in ("olora", "loha", "lokr", "oft")),
    *((method, "warm") for method in ("prefix_tuning", "prompt_tuning", "p_tuning")),
    *(("bitfit", model) for model in ("t5", "llama")),
}
QUICK = {  # the others are tried by `-m slow`
    *((method, "bert") for method in METHODS),
    *(("lora", model) for model in MAKERS),
    *(("prefix_tuning", "llama"), ("prompt_tuning", "t5"), ("p_tuning", "gpt2")),
    *(("loha", "warm"), ("ln_tuning", "warm"), ("bitfit", "gpt2"), ("pissa", "gpt2")),
}
FITTING = [
    pytest.param(method, model, marks=[] if (method, model) in QUICK else pytest.mark.slow)
    for model in MAKERS
    for method in METHODS
    if (method, model) not in UNFIT
]
NO_EMBEDDINGS = {"save_embedding_layers": False}  # it would look the base model up


@pytest.mark.parametrize(("method", "model"), FITTING)
def test_method_trains_and_answers_the_same_when_loaded(
    method: PeftMethod, model: str, tmp_path: Path
) -> None:
    kind = kind_of(model)
    network = wrap(make(model), settings(method), kind, whole=whole_in(model)).train()
    trained = {n: p for n, p in network.named_parameters() if p.requires_grad}
    shape = outputs(make(model), kind).shape
    aim = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    optimizer = torch.optim.AdamW(trained.values(), lr=0.05)
    before = {n: p.detach().clone() for n, p in network.named_parameters()}
    for _ in range(3):
        optimizer.zero_grad()
        (outputs(network, kind) - aim).square().mean().backward()
        optimizer.step()
    changed = {n for n, p in network.named_parameters() if not torch.equal(p, before[n])}
    assert changed
    assert changed <= set(trained)
    network.eval()
    saving: Any = network
    with torch.no_grad():
        tuned = outputs(network, kind)
        saving.save_pretrained(tmp_path, **({} if saved_whole(method) else NO_EMBEDDINGS))
        if saved_whole(method):
            again = type(make(model)).from_pretrained(tmp_path).eval()
        else:
            again = with_adapter(make(model), tmp_path).eval()
        assert tuned.shape == shape
        assert torch.allclose(outputs(again, kind), tuned, atol=1e-4)
        assert not torch.allclose(outputs(make(model), kind), tuned, atol=1e-2)


@pytest.mark.parametrize(("method", "model"), sorted(UNFIT))
def test_method_that_does_not_fit_is_refused(method: PeftMethod, model: str) -> None:
    with pytest.raises(BaseModelError, match=f"peft_method '{method}' does not fit: .*use 'lora'"):
        wrap(make(model), settings(method), kind_of(model))


@pytest.mark.parametrize("model", MAKERS)
def test_linear_layers_of_the_stacks_are_found_and_nothing_else(model: str) -> None:
    made = make(model)
    pattern = re.compile(linear_targets(made, whole_in(model)))
    found = [n for n, _ in made.named_modules() if pattern.fullmatch(n)]
    kinds = {type(made.get_submodule(n)).__name__ for n in found}
    assert kinds == {"Conv1D" if model == "gpt2" else "Linear"}
    each = {"gpt2": 4, "llama": 7, "t5": 6 + 10, "bart": 6 + 10, "warm": 6 + 6}.get(model, 6)
    assert len(found) == each
    assert not any(part in n for n in found for part in ("lm_head", "pooler", "crossattention"))


def test_norms_inside_modules_that_are_trained_whole_are_left_out() -> None:
    made = make("warm")
    assert len(norm_targets(made)) == len(norm_targets(made, FRESH)) + 1
    assert not any("crossattention" in n for n in norm_targets(made, FRESH))


def test_modules_trained_whole_learn_and_are_saved(tmp_path: Path) -> None:
    network: Any = wrap(make("warm"), settings("lora"), "encoder-decoder", whole=FRESH)
    fresh = [n for n, p in network.named_parameters() if p.requires_grad and "crossatt" in n]
    assert fresh
    assert not any("lora_" in n for n in fresh)


def test_table_holds_the_choices_of_the_settings() -> None:
    assert tuple(METHODS) == get_args(PeftMethod)
    assert not set(METHODS) & set(NOT_OFFERED)
    assert all(set(m.reads) <= set(TrainSettings.model_fields) for m in METHODS.values())
    assert all(re.search(r"20\d\d", m.source) for m in METHODS.values())


@pytest.mark.parametrize(
    ("method", "model", "reason"),
    [
        ("prefix_tuning", "bert", "encoders take no prefix"),
        ("prompt_tuning", "warm", "made of two models"),
        ("loha", "gpt2", "does not change the layers of gpt2"),
        ("bitfit", "llama", "has no biases"),
    ],
)
def test_method_that_does_not_fit_is_refused_with_the_reason(
    method: PeftMethod, model: str, reason: str
) -> None:
    with pytest.raises(BaseModelError, match=reason):
        wrap(make(model), settings(method), kind_of(model))


def test_virtual_tokens_that_leave_too_little_room_are_refused() -> None:
    long = TrainSettings(peft_method="prompt_tuning", rank=4, max_length=64)
    with pytest.raises(BaseModelError, match="max_length can be 60 at most, not 64"):
        wrap(make("bert"), long, "encoder")


def test_model_without_a_stack_is_refused_with_what_to_do() -> None:
    with pytest.raises(BaseModelError, match="use 'full'"):
        linear_targets(torch.nn.Sequential(torch.nn.Linear(2, 2)))


def test_damaged_adapter_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is missing"):
        with_adapter(make("bert"), tmp_path)
    network: Any = wrap(make("bert"), settings("lora"), "encoder")
    network.save_pretrained(tmp_path, **NO_EMBEDDINGS)
    weights = tmp_path / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelError, match="cannot be loaded"):
        with_adapter(make("bert"), tmp_path)
