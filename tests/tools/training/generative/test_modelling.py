"""Language modelling: windows, what is hidden, counts, and a base model that comes out of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_writers import byte_level
from tuneos.tools.datasets.types import Split
from tuneos.tools.deployment.saved import read_card
from tuneos.tools.errors import BaseModelError
from tuneos.tools.jobs.spec import JobSpec
from tuneos.tools.training.base_model import find_base_model, load_encoder
from tuneos.tools.training.data import JobData
from tuneos.tools.training.generative.codec import IGNORED
from tuneos.tools.training.generative.kinds import kind_of, read_config
from tuneos.tools.training.generative.masked import MaskedNetwork, load_masked
from tuneos.tools.training.generative.modelling import ModellingTuning, load_modeller
from tuneos.tools.training.generative.ngrams import count, foreseen, smoothed
from tuneos.tools.training.generative.windows import Windows, framing
from tuneos.tools.training.hardware import Device
from tuneos.tools.training.loop import Watch, predict, train
from tuneos.tools.training.settings import TrainSettings

CPU = Device("cpu", False)
TEXTS = ("the red cat likes the big house", "a dog", "the cow sees a green tree and the river")
MakeModel = Callable[..., Path]


def texts_of(texts: tuple[str, ...]) -> Split:
    n = len(texts)
    return Split(texts, ("",) * n, (None,) * n, tuple(f"line {i}" for i in range(n)))


def data_on(base: Path, folder: Path, texts: tuple[str, ...] = TEXTS * 8) -> JobData:
    what = {
        "kind": "fine_tune", "data": "tiny", "task": "language-modelling",
        "base_model": str(base), "base_digest": "", "metric": "perplexity",
    }  # fmt: skip
    spec = JobSpec.model_validate(
        {"what": what, "name": "one", "data_folder": "", "run": "", "cache": str(folder)}
    )
    return JobData(spec, texts_of(texts), texts_of(TEXTS), 32)


def settings(strategy: str, **given: object) -> TrainSettings:
    usual = {"strategy": strategy, "learning_rate": 1e-2, "epochs": 6, "batch_size": 8}
    return TrainSettings.model_validate({**usual, **given})


@pytest.mark.parametrize("size", [4, 7, 64])
def test_causal_windows_foresee_every_token_once(size: int) -> None:
    tokenizer = byte_level(frame="<s>")
    windows = Windows(tokenizer, TEXTS, size, framing(tokenizer, "causal"), train=True)
    for owner, text in enumerate(TEXTS):
        numbers = np.flatnonzero(windows.owners == owner).tolist()
        foretold = [t for n in numbers for t in windows.hidden(n).tolist() if t != IGNORED]
        assert foretold == [*tokenizer(text, add_special_tokens=False)["input_ids"], 2]
    assert windows.lengths.max() <= size


def test_masked_windows_hide_their_share_and_never_a_frame(tiny_base: Path) -> None:
    tokenizer = ModellingTuning(data_on(tiny_base, tiny_base)).tokenizer
    text = "the dog is very red " * 30
    for training in (True, False):
        windows = Windows(
            tokenizer, [text, "cat"], 40, framing(tokenizer, "masked"), train=training
        )
        torch.manual_seed(0)
        batch = windows.batch(np.arange(len(windows.lengths)))
        hidden = batch["labels"] != IGNORED
        inside = batch["attention_mask"].sum(1) - 2
        assert hidden.any(1).all()
        assert not hidden[:, 0].any()
        assert not (batch["labels"] == tokenizer.sep_token_id).any()
        assert 0.08 < hidden.sum() / inside.sum() < 0.25
        shown = batch["input_ids"][hidden] == tokenizer.mask_token_id
        assert shown.all() != training


def test_what_is_hidden_is_drawn_anew_in_training_and_kept_in_scoring(tiny_base: Path) -> None:
    tokenizer = ModellingTuning(data_on(tiny_base, tiny_base)).tokenizer
    texts = ["the dog is very red and the cat is here now"] * 2
    frame, chosen = framing(tokenizer, "masked"), np.arange(2)
    scored = [
        Windows(tokenizer, texts, 40, frame, train=False).batch(chosen)["labels"] for _ in range(2)
    ]
    assert torch.equal(scored[0], scored[1])
    trained = Windows(tokenizer, texts, 40, frame, train=True)
    torch.manual_seed(0)
    first, second = trained.batch(chosen)["labels"], trained.batch(chosen)["labels"]
    torch.manual_seed(0)
    again = trained.batch(chosen)["labels"]
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


def test_masked_loss_is_the_models_own(tiny_bases: dict[str, Path]) -> None:
    for path in tiny_bases.values():
        core, fresh = load_masked(path)
        tuning = ModellingTuning(data_on(path, path))
        batch = tuning.examples(tuning.data.validation).batch(np.arange(3))
        network = MaskedNetwork(core, fresh)
        with torch.no_grad():
            loss = float(network.loss(network(batch), batch))
            own = float(core(**batch).loss)
            rows = network.outputs(network(batch), batch)
        assert loss == pytest.approx(own, rel=1e-4)
        assert float(rows[:, 0].sum() / rows[:, 1].sum()) == pytest.approx(own, rel=1e-4)


def test_word_predictor_that_was_not_kept_starts_the_same_each_time(tiny_base: Path) -> None:
    first, second = load_masked(tiny_base)[0], load_masked(tiny_base)[0]
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("strategy", ["full", "lora"])
@pytest.mark.parametrize("kind", ["masked", "causal"])
def test_tuned_model_is_a_base_model_of_later_runs(
    kind: str, strategy: str, tiny_base: Path, tiny_model: MakeModel, tmp_path: Path
) -> None:
    base = tiny_base if kind == "masked" else tiny_model("llama")
    data = data_on(base, tmp_path)
    torch.manual_seed(0)
    tuning = ModellingTuning(data)
    untuned = predict(
        tuning.network(settings("full"), lambda _: None), tuning.examples(data.validation), CPU
    )
    tuning = ModellingTuning(data)
    network = tuning.network(settings(strategy), lambda _: None)
    watch = Watch(lambda outputs: tuning.value(data.validation, outputs, "perplexity"))
    trained = train(
        network, tuning.examples(data.train), tuning.examples(data.validation),
        settings(strategy), CPU, watch, seed=0,
    )  # fmt: skip
    tuning.save(network, settings(strategy), tmp_path / "m", trained.outputs)
    assert trained.value > tuning.value(data.validation, untuned, "perplexity")

    again = find_base_model(str(tmp_path / "m"))
    assert kind_of(read_config(again.path)) == ("encoder" if kind == "masked" else "causal")
    if kind == "masked":
        encoder = load_encoder(again)
        assert type(encoder).__name__ == "BertModel"
        tuned_words = network.core.get_input_embeddings().weight
        assert torch.equal(encoder.get_input_embeddings().weight, tuned_words)
    answers = load_modeller(read_card(again.path), again.path)(data.validation, None)
    assert sum(a["_nll"] for a in answers) == pytest.approx(trained.outputs[:, 0].sum(), rel=2e-2)
    assert sum(a["_tokens"] for a in answers) == trained.outputs[:, 1].sum()


def test_counts_are_probabilities_and_pairs_help() -> None:
    tokenizer = byte_level(frame="<s>")
    frame = framing(tokenizer, "causal")
    windows = Windows(tokenizer, TEXTS * 4, 64, frame, train=True)
    held = Windows(tokenizer, TEXTS, 64, frame, train=False)
    single = count(windows, frame.words)
    pairs = smoothed(single, held)
    every = np.arange(frame.words)
    for counts in (single, pairs):
        for before in (1, 300, frame.words - 1):
            nats = counts.nats(np.full(frame.words, before), every)
            assert np.exp(-nats).sum() == pytest.approx(1.0)
    alone, both = foreseen(single, held), foreseen(pairs, held)
    assert both[:, 0].sum() < alone[:, 0].sum()
    assert both[:, 1].tolist() == alone[:, 1].tolist()


def test_blank_and_long_texts_are_scored_row_by_row(tiny_base: Path, tmp_path: Path) -> None:
    data = data_on(tiny_base, tmp_path)
    ModellingTuning(data).save_untuned(tmp_path / "m", "untuned")
    answer = load_modeller(read_card(tmp_path / "m"), tmp_path / "m")
    found = answer(texts_of(("", "the dog " * 100, "cat")), None)
    assert found[0]["perplexity"] is None
    assert found[0]["_tokens"] == 0
    assert 20 < found[1]["_tokens"] < 40
    assert found[2] == pytest.approx(answer(texts_of(("cat",)), None)[0], rel=2e-2)


def test_encoder_decoder_is_refused_in_words(tiny_model: MakeModel, tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match="takes an encoder or a causal LM"):
        ModellingTuning(data_on(tiny_model("t5"), tmp_path)).network(
            settings("full"), lambda _: None
        )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"strategy": "top_layers"}, "not one of language modelling"),
        ({"strategy": "lora", "peft_method": "prompt_tuning"}, "cannot be merged"),
        ({"strategy": "lora", "quantised": True}, "leave out quantised"),
    ],
)
def test_what_leaves_no_base_model_is_refused(
    given: dict[str, object], words: str, tiny_base: Path, tmp_path: Path
) -> None:
    wanted = TrainSettings.model_validate(given)
    with pytest.raises(BaseModelError, match=words):
        ModellingTuning(data_on(tiny_base, tmp_path)).network(wanted, lambda _: None)
