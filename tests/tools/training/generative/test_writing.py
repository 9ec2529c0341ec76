"""Each architecture through the real code: loss, training, saving, loading, writing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_writers import ARCHITECTURES, CHATML
from tuneos.tools.datasets.types import Split
from tuneos.tools.deployment.saved import read_card
from tuneos.tools.errors import BaseModelError, ModelError
from tuneos.tools.jobs.spec import JobSpec
from tuneos.tools.training.base_model import find_base_model, load_encoder
from tuneos.tools.training.data import JobData
from tuneos.tools.training.generative.answers import load_generator
from tuneos.tools.training.generative.codec import Codec, Limits
from tuneos.tools.training.generative.decoding import Decoding, generate
from tuneos.tools.training.generative.kinds import kind_of, read_config
from tuneos.tools.training.generative.models import Language, open_base, open_saved, prepare
from tuneos.tools.training.generative.network import LanguageNetwork
from tuneos.tools.training.generative.pairs import Pairs
from tuneos.tools.training.generative.prompted import Prompted
from tuneos.tools.training.generative.tuning import GenerativeTuning
from tuneos.tools.training.hardware import Device
from tuneos.tools.training.loop import Watch, _step, predict, train
from tuneos.tools.training.network import prepare_encoder
from tuneos.tools.training.settings import TrainSettings

CPU = Device("cpu", False)
PAIRS = (
    ("the cat", "red house"),
    ("a dog sees", "blue tree and green river"),
    ("horse", "yes"),
    ("the cow likes the big house", "no no no"),
)
MakeData = Callable[..., JobData]
MakeModel = Callable[..., Path]


def split_of(pairs: Any) -> Split:
    rows = tuple({"prompt": prompt, "text": text} for prompt, text in pairs)
    n = len(rows)
    texts = tuple(prompt for prompt, _ in pairs)
    return Split(texts, ("",) * n, (None,) * n, tuple(f"row {i}" for i in range(n)), rows)


def prompted(split: Split, row: int) -> Prompted:
    found = split.rows[row]
    return Prompted(found["prompt"], found["text"])


@pytest.fixture
def make_data(tmp_path: Path) -> MakeData:
    def make(base: Path | str, pairs: Any = PAIRS, max_length: int = 64) -> JobData:
        what = {
            "kind": "fine_tune", "data": "tiny", "task": "text-generation",
            "base_model": str(base), "base_digest": "", "metric": "nll",
        }  # fmt: skip
        spec = JobSpec.model_validate(
            {
                "what": what, "name": "one", "data_folder": str(tmp_path), "run": "test",
                "cache": str(tmp_path), "studies": str(tmp_path / "s.sqlite"),
            }
        )  # fmt: skip
        split = split_of(pairs)
        return JobData(spec, split, split, max_length)

    return make


def settings(**given: Any) -> TrainSettings:
    usual = {
        "strategy": "full",
        "learning_rate": 3e-3,
        "epochs": 60,
        "batch_size": 4,
        "patience": 60,
    }
    return TrainSettings.model_validate({**usual, "warmup_ratio": 0.0, "dropout": 0.0, **given})


def tuned(data: JobData, given: TrainSettings) -> tuple[GenerativeTuning, LanguageNetwork, Any]:
    torch.manual_seed(0)
    tuning = GenerativeTuning(data, prompted)
    network = tuning.network(given, lambda _: None)
    examples = tuning.examples(data.train)
    watch = Watch(lambda outputs: tuning.value(data.validation, outputs, "nll"))
    trained = train(network, examples, examples, given, CPU, watch, seed=0)
    return tuning, network, trained


def language(path: Path) -> Language:
    return open_base(find_base_model(str(path)), list, longest=64)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_kind_is_read_from_the_configuration(architecture: str, tiny_model: MakeModel) -> None:
    expected = "seq2seq" if architecture in {"t5", "bart", "marian"} else "causal"
    assert kind_of(read_config(tiny_model(architecture))) == expected


def test_encoder_is_no_model_that_writes(tiny_bases: dict[str, Path]) -> None:
    assert {kind_of(read_config(path)) for path in tiny_bases.values()} == {"encoder"}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_loss_is_the_models_own_on_the_targets(architecture: str, tiny_model: MakeModel) -> None:
    model = language(tiny_model(architecture))
    codec = Codec(model.kind, model.source, model.target)
    pairs = Pairs(codec, [Prompted(*pair) for pair in PAIRS], model.start)
    network = LanguageNetwork(model.core)
    batch = pairs.batch(np.arange(4))
    with torch.no_grad():
        ours = network.loss(network(batch), batch)
        own = model.core(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            labels=batch["labels"],
        ).loss
        found = network.outputs(network(batch), batch)
    assert float(ours) == pytest.approx(float(own), rel=1e-4)
    assert float(found[:, 0].sum() / found[:, 1].sum()) == pytest.approx(float(own), rel=1e-4)
    assert found[:, 1].tolist() == pairs.targets.tolist()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_saved_model_writes_and_scores_as_before(
    architecture: str, strategy: str, tiny_model: MakeModel, make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(tiny_model(architecture))
    tuning, network, trained = tuned(data, settings(strategy=strategy, epochs=3))
    model = tuning.language()
    rows = tuning.rows(data.train)
    before = generate(model, tuning.codec, rows, Decoding(), CPU)
    tuning.save(network, settings(strategy=strategy), tmp_path / "m", trained.outputs)

    card = read_card(tmp_path / "m")
    answers = load_generator(card, tmp_path / "m", prompted)(data.train, None)
    assert card.encoder == ("adapter" if strategy == "lora" else "whole")
    assert (tmp_path / "m" / "adapter_config.json").is_file() == (strategy == "lora")
    assert [a["text"] for a in answers] == before
    assert [a["_tokens"] for a in answers] == trained.outputs[:, 1].tolist()
    assert [a["_nll"] for a in answers] == pytest.approx(trained.outputs[:, 0].tolist(), rel=2e-2)
    assert trained.value > tuning.value(data.train, _untrained(data), "nll")


def _untrained(data: JobData) -> Any:
    fresh = GenerativeTuning(data, prompted)
    return predict(LanguageNetwork(fresh.language().core), fresh.examples(data.train), CPU)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_end_is_learned(architecture: str, tiny_model: MakeModel, make_data: MakeData) -> None:
    data = make_data(tiny_model(architecture), PAIRS[:1] * 16)
    tuning, _, _ = tuned(data, settings(epochs=12, learning_rate=2e-2))
    codec = replace(tuning.codec, limits=Limits(prompt=32, target=30))
    # With room for far more: only an end that was learned stops it.
    written = generate(tuning.language(), codec, tuning.rows(data.train)[:1], Decoding(), CPU)
    assert written == ["red house"]


def test_end_of_turn_is_learned_in_a_chat(tiny_model: MakeModel, make_data: MakeData) -> None:
    data = make_data(tiny_model("qwen2", CHATML), PAIRS * 8)
    tuning, _, _ = tuned(data, settings(epochs=12))
    longer = replace(tuning.codec, limits=Limits(prompt=32, target=30))
    written = generate(tuning.language(), longer, tuning.rows(data.train)[:4], Decoding(), CPU)
    assert written == [text for _, text in PAIRS]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("decoding", [Decoding(), Decoding(beams=2), Decoding(sampled=True)])
def test_many_at_once_write_what_each_writes_alone(
    architecture: str, decoding: Decoding, tiny_model: MakeModel
) -> None:
    model = language(tiny_model(architecture))
    codec = Codec(model.kind, model.source, model.target, Limits(prompt=32, target=12))
    rows = [Prompted(prompt) for prompt, _ in PAIRS]
    together = generate(model, codec, rows, decoding, CPU, seeds=[5, 6, 7, 8])
    alone = [
        generate(model, codec, [row], decoding, CPU, seeds=[seed])[0]
        for row, seed in zip(rows, [5, 6, 7, 8], strict=True)
    ]
    assert together == alone
    assert len({*together}) > 1


def test_draw_follows_its_seed(tiny_model: MakeModel) -> None:
    model = language(tiny_model("llama"))
    codec = Codec(model.kind, model.source, model.target, Limits(prompt=32, target=12))
    drawn = [
        generate(model, codec, [Prompted("the")], Decoding(sampled=True), CPU, seeds=[seed])[0]
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_models_own_generation_settings_change_nothing(tiny_model: MakeModel) -> None:
    model = language(tiny_model("llama"))
    codec = Codec(model.kind, model.source, model.target, Limits(prompt=32, target=12))
    rows = [Prompted(prompt) for prompt, _ in PAIRS]
    before = generate(model, codec, rows, Decoding(), CPU)
    model.core.generation_config.repetition_penalty = 3.0
    model.core.generation_config.min_length = 12
    assert generate(model, codec, rows, Decoding(), CPU) == before


def test_batch_in_parts_learns_as_the_whole(tiny_model: MakeModel) -> None:
    def gradients(parts: int) -> list[torch.Tensor]:
        model = language(tiny_model("llama"))
        codec = Codec(model.kind, model.source, model.target)
        pairs = Pairs(codec, [Prompted(*pair) for pair in PAIRS], model.start)
        network = LanguageNetwork(model.core)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.0)
        _step(network, pairs, np.arange(4), optimizer, CPU, settings(accumulate=parts))
        return [p.grad for p in network.parameters() if p.grad is not None]

    for whole, part in zip(gradients(1), gradients(3), strict=True):
        assert torch.allclose(whole, part, atol=1e-5)


@pytest.mark.parametrize("architecture", ["t5", "llama"])
def test_checkpointing_changes_no_gradient(
    architecture: str, tiny_model: MakeModel, make_data: MakeData
) -> None:
    values = [
        tuned(make_data(tiny_model(architecture)), settings(epochs=2, checkpointing=on))[2].value
        for on in (False, True)
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-4)


@pytest.mark.parametrize(
    ("architecture", "strategy"), [("bert", "full"), ("roberta", "lora"), ("distilbert", "full")]
)
def test_encoder_learns_to_write_and_is_saved_whole(
    architecture: str,
    strategy: str,
    tiny_bases: dict[str, Path],
    make_data: MakeData,
    tmp_path: Path,
) -> None:
    data = make_data(tiny_bases[architecture], PAIRS[:1] * 16, 32)
    given = settings(strategy=strategy, epochs=20, learning_rate=5e-3)
    tuning, network, trained = tuned(data, given)
    tuning.save(network, given, tmp_path / "m", trained.outputs)
    card = read_card(tmp_path / "m")
    answers = load_generator(card, tmp_path / "m", prompted)(data.train, None)
    assert card.encoder == "whole"
    assert [a["text"] for a in answers] == [text for _, text in PAIRS[:1] * 16]
    assert [a["_nll"] for a in answers] == pytest.approx(
        trained.outputs[:, 0].tolist(), rel=5e-2, abs=1e-2
    )
    assert any("is an encoder" in note for note in tuning.notes())


def test_decoder_starts_from_the_encoders_layers(tiny_base: Path) -> None:
    model = open_base(find_base_model(str(tiny_base)), lambda: ["a dog"], longest=32).core
    below, above = model.encoder.encoder.layer, model.decoder.bert.encoder.layer
    assert len(above) == len(below) == 3
    for one, other in zip(below, above, strict=True):
        assert torch.equal(one.attention.self.query.weight, other.attention.self.query.weight)
        assert torch.equal(one.output.dense.weight, other.output.dense.weight)


@pytest.mark.parametrize("architecture", ["t5", "gpt2"])
def test_untuned_model_is_saved_without_weights(
    architecture: str, tiny_model: MakeModel, make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(tiny_model(architecture))
    GenerativeTuning(data, prompted).save_untuned(tmp_path / "m")
    card = read_card(tmp_path / "m")
    answers = load_generator(card, tmp_path / "m", prompted)(data.train, None)
    assert card.encoder == "base"
    assert not list((tmp_path / "m").glob("*.safetensors"))
    assert [a["_nll"] for a in answers] == pytest.approx(_untrained(data)[:, 0].tolist(), rel=2e-2)


def test_prompts_without_gold_get_an_answer_and_no_likelihood(
    tiny_model: MakeModel, make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(tiny_model("llama"))
    GenerativeTuning(data, prompted).save_untuned(tmp_path)
    asked = split_of([("the cat", ""), ("a dog", "yes")])
    first, second = load_generator(read_card(tmp_path), tmp_path, prompted)(asked, None)
    assert set(first) == {"text"}
    assert set(second) == {"text", "_nll", "_tokens"}


def test_cuts_are_told(tiny_model: MakeModel, make_data: MakeData) -> None:
    pairs = [*PAIRS, ("cat " * 60, "dog " * 60)]
    tuning = GenerativeTuning(make_data(tiny_model("llama"), pairs, 40), prompted)
    assert tuning.notes() == (
        "20.0% of the training prompts were cut at 20 tokens",
        "20.0% of the training targets were cut at 20 tokens",
    )


def test_no_row_is_longer_than_the_models_window(
    tiny_model: MakeModel, make_data: MakeData
) -> None:
    pairs = [("cat " * 500, "dog " * 500)]
    tuning = GenerativeTuning(make_data(tiny_model("gpt2"), pairs, 512), prompted)
    assert tuning.examples(tuning.data.train).lengths.max() == 96


def test_quantised_loading_says_what_is_missing(tiny_model: MakeModel, make_data: MakeData) -> None:
    if torch.cuda.is_available():
        pytest.skip("has a CUDA device")
    tuning = GenerativeTuning(make_data(tiny_model("llama")), prompted)
    with pytest.raises(BaseModelError, match=r"quantised loading needs .*a CUDA device"):
        tuning.network(settings(strategy="lora", quantised=True), lambda _: None)


def test_quantised_weights_are_not_tuned_themselves(
    tiny_model: MakeModel, make_data: MakeData
) -> None:
    language = GenerativeTuning(make_data(tiny_model("llama")), prompted).language()
    with pytest.raises(BaseModelError, match="use 'lora', or leave out quantised"):
        prepare(language, settings(strategy="full", quantised=True))


def test_an_encoder_is_not_quantised(tiny_base: Path) -> None:
    with pytest.raises(BaseModelError, match="quantised loading is for language models"):
        prepare_encoder(load_encoder(tiny_base), settings(strategy="lora", quantised=True))


def test_missing_adapter_is_one_clear_line(
    tiny_model: MakeModel, make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(tiny_model("llama"))
    tuning, network, trained = tuned(data, settings(strategy="lora", epochs=1))
    tuning.save(network, settings(strategy="lora"), tmp_path, trained.outputs)
    (tmp_path / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelError, match="is missing"):
        open_saved(tmp_path, data.base.path, adapter=True)


def test_fresh_weights_learn_at_their_own_rate(tiny_base: Path, make_data: MakeData) -> None:
    tuning = GenerativeTuning(make_data(tiny_base), prompted)
    network = tuning.network(settings(strategy="lora", fresh_rate=7.0), lambda _: None)
    rates = {name: network.rate(name) for name in network.trained()}
    assert {rate for name, rate in rates.items() if "lora_" in name} == {1.0}
    assert {r for n, r in rates.items() if "crossattention" in n and "lora_" not in n} == {7.0}
