"""Rows as tokens: what is given, what is learned, where it ends, and which end is cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_writers import CHATML, byte_level
from tuneos.tools.training.generative.codec import IGNORED, Codec, Limits, fit_limits
from tuneos.tools.training.generative.prompted import Message, Prompted

THINKING = (  # opens an answer with more than it leaves of one, as reasoning models do
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)
STRICT = (
    "{% for m in messages %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles') }}{% endif %}"
    "[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)
CHAT = (
    Message("system", "be good"),
    Message("user", "hello"),
    Message("assistant", "good morning"),
    Message("user", "thanks"),
)


MakeModel = Callable[..., Path]


def causal(template: str | None = None, **more: Any) -> Codec:
    tokenizer = byte_level(frame="<s>", template=template)
    return Codec("causal", tokenizer, tokenizer, **more)


def read(codec: Codec, ids: Any) -> str:
    return str(codec.source.decode(list(ids), skip_special_tokens=False))


def said(codec: Codec, row: Prompted) -> str:
    pair = codec.pair(row)
    return read(codec, pair.labels[pair.labels != IGNORED])


def test_chat_model_reads_its_own_template() -> None:
    codec = causal(CHATML)
    row = Prompted(messages=CHAT, target="yes")
    expected = codec.source.apply_chat_template(
        [{"role": m.role, "content": m.content} for m in CHAT],
        tokenize=False,
        add_generation_prompt=True,
    )
    assert read(codec, codec.prompt(row)) == expected
    assert read(codec, codec.pair(row).read) == expected + "yes<|im_end|>"


def test_prompt_becomes_a_user_turn_where_there_is_a_template() -> None:
    codec = causal(CHATML)
    assert read(codec, codec.prompt(Prompted("hello"))) == (
        "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"
    )
    continued = Prompted("hello", " cat", continued=True)
    assert read(codec, codec.pair(continued).read) == "<s>hello cat</s>"


def test_only_the_answer_is_learned_and_its_end() -> None:
    assert said(causal(CHATML), Prompted(messages=CHAT, target="yes")) == "yes<|im_end|>"
    assert said(causal(), Prompted("hello", "yes")) == "yes</s>"
    assert said(causal(), Prompted(messages=CHAT, target="yes")) == " yes</s>"


def test_every_turn_of_the_assistant_is_learned_if_asked() -> None:
    row = Prompted(messages=CHAT, target="yes", every_turn=True)
    assert said(causal(CHATML), row) == "good morning<|im_end|>yes<|im_end|>"
    once = Prompted(messages=CHAT, target="yes")
    assert said(causal(CHATML), once) == "yes<|im_end|>"


def test_learned_tokens_are_the_read_ones() -> None:
    pair = causal(CHATML).pair(Prompted(messages=CHAT, target="yes", every_turn=True))
    learned = pair.labels != IGNORED
    assert len(pair.labels) == len(pair.read)
    assert (pair.labels[learned] == pair.read[learned]).all()


@pytest.mark.parametrize("template", [None, CHATML, THINKING, STRICT])
def test_training_begins_with_exactly_what_is_asked_later(template: str | None) -> None:
    codec = causal(template)
    rows = (
        Prompted(messages=CHAT, target="yes"),
        Prompted("hello", "yes"),
        Prompted(messages=CHAT, target="yes", every_turn=True),
    )
    for row in rows:
        prompt, pair = codec.prompt(row), codec.pair(row)
        assert (pair.read[: len(prompt)] == prompt).all()
        assert (pair.labels[len(prompt) :] != IGNORED).all()
        assert pair.labels[-1] in codec.stops()


def test_strict_template_gets_instructions_as_the_users_words() -> None:
    found = read(codec := causal(STRICT), codec.prompt(Prompted(messages=CHAT)))
    assert found.startswith("[user]be good\n\nhello</s>[assistant]good morning</s>")


def test_marks_in_someones_text_end_nothing() -> None:
    codec = causal(CHATML)
    row = Prompted(messages=(Message("user", "a<|im_end|>b"),), target="c</s>d<|im_end|>")
    end = codec.source.convert_tokens_to_ids("<|im_end|>")
    ids = codec.pair(row).read.tolist()
    assert ids.count(end) == 2
    assert codec.source.eos_token_id not in ids
    plain = causal().pair(Prompted("a</s>b", "c</s>d"))
    assert plain.read.tolist().count(2) == 1


def test_long_prompt_loses_its_beginning_and_keeps_the_target() -> None:
    codec = causal(limits=Limits(prompt=6, target=8))
    row = Prompted("cat " * 20 + "dog horse", "yes no")
    pair = codec.pair(row)
    assert pair.cut_prompt
    assert not pair.cut_target
    text = read(codec, pair.read)
    assert text.startswith("<s>")
    assert text.endswith("dog horse\nyes no</s>")
    assert len(codec.prompt(row)) == 6


def test_document_loses_its_end_but_not_what_frames_it() -> None:
    tokenizer = byte_level(frame="<s> </s>")
    codec = Codec("seq2seq", tokenizer, tokenizer, Limits(prompt=5, target=8))
    text = " cat dog horse" + " cow" * 20
    document = codec.prompt(Prompted(text, keep="start"))
    assert read(codec, document) == "<s> cat dog horse</s>"
    chat = codec.prompt(Prompted(text, keep="end"))
    assert read(codec, chat) == "<s> cow cow cow</s>"


def test_too_long_target_loses_its_end_and_is_counted() -> None:
    codec = causal(limits=Limits(prompt=50, target=3))
    pair = codec.pair(Prompted("hello", "cat dog horse cow"))
    assert pair.cut_target
    assert (pair.labels != IGNORED).sum() == 3
    assert pair.labels[-1] != codec.source.eos_token_id


def test_nothing_given_still_lets_the_first_token_be_learned() -> None:
    tokenizer = byte_level(frame="")
    codec = Codec("causal", tokenizer, tokenizer)
    pair = codec.pair(Prompted("", "cat", continued=True))
    assert read(codec, pair.read) == "<s>cat</s>"
    assert pair.labels[0] == IGNORED


def test_limits_give_the_longest_target_what_it_needs() -> None:
    codec = causal()
    short = [Prompted("cat dog", "yes"), Prompted("cat", "yes no")]
    limits = fit_limits(codec, short, 64)
    assert limits.target == 3
    assert limits.prompt == 61
    both_long = fit_limits(codec, [Prompted("cat " * 90, "dog " * 90)], 64)
    assert both_long == Limits(prompt=32, target=32)
    long_target = fit_limits(codec, [Prompted("cat", "dog " * 90)], 64)
    assert long_target.target > 50


@pytest.mark.parametrize("architecture", ["t5", "bart", "marian"])
def test_target_of_an_encoder_decoder_ends_once(architecture: str, tiny_model: MakeModel) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model(architecture))
    codec = Codec("seq2seq", tokenizer, tokenizer)
    labels = codec.pair(Prompted("hello", "cat dog")).labels
    assert list(labels).count(2) == 1
    assert labels[-1] == 2
    assert codec.text(labels.tolist(), Prompted()) == "cat dog"


def test_any_text_comes_back_as_it_was() -> None:
    from tuneos.tools.training.generative.warm_start import target_tokenizer

    texts = ["Es wird bald aufhören.", "def f(x):\n    return  x + 1\n", "日本語 <s> </s>"]
    tokenizer = target_tokenizer(texts, 400)
    codec = Codec("seq2seq", tokenizer, tokenizer)
    for text in texts:
        labels = codec.pair(Prompted("", text)).labels
        assert codec.text(labels.tolist(), Prompted(continued=True)) == text
        assert not np.isin(labels[:-1], tokenizer.all_special_ids).any()
