"""Base models are ranked without training, by labels or by the texts to be written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft_models import make
from tuneos.tools.datasets.types import Split
from tuneos.tools.errors import BaseModelError
from tuneos.tools.training.base_model import base_models_in, find_base_model, load_tokenizer
from tuneos.tools.training.rank_bases import continuation_loss, layer_means, rank_one
from tuneos.tools.training.rank_data import Continued, Labelled, rank_data


def split(texts: list[str], labels: list[str], rows: tuple[dict[str, Any], ...] = ()) -> Split:
    return Split(
        tuple(texts), tuple(labels), (None,) * len(texts), ("train row",) * len(texts), rows
    )


def words(label: str, count: int) -> list[str]:
    return [f"the {label} is here {'now ' * (i % 4)}" for i in range(count)]


ANIMALS = split(words("dog", 20) + words("red", 20), ["animal"] * 20 + ["colour"] * 20)


def test_model_that_tells_the_words_apart_comes_before_one_that_does_not(
    tiny_base: Path, tmp_path: Path
) -> None:
    blind = tmp_path / "blind"
    shutil.copytree(tiny_base, blind)
    from transformers import BertModel

    model = BertModel.from_pretrained(blind)
    with torch.no_grad():  # every word looks the same to it
        model.embeddings.word_embeddings.weight[:] = model.embeddings.word_embeddings.weight[7]
    model.save_pretrained(blind)
    data = rank_data(ANIMALS, seed=0)
    good, bad = rank_one(str(tiny_base), data), rank_one(str(blind), data)
    assert good.scores["log_me"] > bad.scores["log_me"]
    assert good.scores["h_score"] > bad.scores["h_score"]
    assert good.rows == 40
    assert good.layer in {1, 2, 3}


def test_layer_means_are_of_every_layer_and_ignore_padding(tiny_base: Path) -> None:
    base = find_base_model(str(tiny_base))
    both = layer_means(base, ["the dog", "the dog is here now and there very very"])
    alone = layer_means(base, ["the dog"])
    assert [m.shape for m in both] == [(2, 32)] * 3
    for several, one in zip(both, alone, strict=True):
        assert several[0] == pytest.approx(one[0], abs=2e-2)  # bf16


def test_encoder_is_not_ranked_by_texts_to_be_written(tiny_base: Path) -> None:
    found = rank_one(str(tiny_base), Continued(["the"], ["dog"]))
    assert not found.scores
    assert "is an encoder" in found.note


def test_loss_is_of_the_continuation_alone(tiny_base: Path) -> None:
    model, tokenizer = make("gpt2"), load_tokenizer(find_base_model(str(tiny_base)))
    ids = tokenizer("the dog is red", add_special_tokens=False)["input_ids"]
    start = tokenizer.bos_token_id or tokenizer.eos_token_id or 0
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([[start, *ids]])).logits[0].log_softmax(-1)
    wanted = -float(logits[2, ids[2]] + logits[3, ids[3]])
    found = continuation_loss(model, tokenizer, "the dog", "is red", 64)
    assert found == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize(
    ("row", "text", "prompt", "target"),
    [
        ({"source": "a", "target": "b", "references": ["b", "c"]}, "a", "a", "b"),
        ({"prompt": "p", "text": "t", "control": {}}, "p", "p", "t"),
        ({"prompt": "p", "solution": "s", "tests": []}, "p", "p", "s"),
        ({"question": "q", "solution": "s", "answer": "4"}, "q", "q", "s"),
        ({"text": "raw"}, "raw", "", "raw"),
        (
            {"messages": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "v"}]},
            "u",
            "u",
            "v",
        ),
    ],
)
def test_generative_rows_give_prompt_and_continuation(
    row: dict[str, Any], text: str, prompt: str, target: str
) -> None:
    assert rank_data(split([text], [""], (row,)), seed=0) == Continued([prompt], [target])


def labelled(rows: list[dict[str, Any]]) -> Labelled:
    found = rank_data(split([f"t{i}" for i in range(len(rows))], [""] * len(rows), tuple(rows)),
                      seed=0)  # fmt: skip
    assert isinstance(found, Labelled)
    return found


def test_rows_with_several_labels_give_a_column_each() -> None:
    found = labelled([{"labels": ["a", "b"]}, {"labels": []}, {"labels": ["b"]}])
    assert found.targets.tolist() == [[1, 1], [0, 0], [0, 1]]
    assert found.classes is None


def test_tags_scores_and_choices_become_targets() -> None:
    assert labelled([{"tags": ["B-PER", "O"]}, {"tags": ["O"]}]).targets.tolist() == [[1], [0]]
    assert labelled([{"score": 0.5}, {"score": 2}]).targets.tolist() == [[0.5], [2]]
    pairs = labelled([{"question": "q", "choices": ["x", "y"], "answer": 1}])
    assert pairs.texts == ["q\nx", "q\ny"]
    assert pairs.classes is not None
    assert pairs.classes.tolist() == [0, 1]


def test_rows_without_labels_or_texts_are_not_ranked(tiny_base: Path) -> None:
    data = rank_data(split(["a", "b"], ["", ""]), seed=0)
    assert data is None
    assert "neither labels nor texts" in rank_one(str(tiny_base), data).note


def test_folder_of_model_folders_stands_for_all_of_them(
    tiny_bases: dict[str, Path], tmp_path: Path
) -> None:
    for name in ("bert", "roberta"):
        (tmp_path / name).symlink_to(tiny_bases[name])
    wanted = (str(tmp_path / "bert"), str(tmp_path / "roberta"))
    assert base_models_in([str(tmp_path)]) == wanted
    assert base_models_in(wanted) == wanted
    with pytest.raises(BaseModelError, match="named twice"):
        base_models_in([str(tmp_path), wanted[0]])
