"""Tiny random models of many architectures, made by configuration alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

WORDS = 40


def bert() -> Any:
    """An encoder."""
    from transformers import BertModel

    return BertModel(bert_config())


def distilbert() -> Any:
    """An encoder whose sizes have other names."""
    from transformers import DistilBertConfig, DistilBertModel

    return DistilBertModel(
        DistilBertConfig(
            vocab_size=WORDS, dim=16, n_layers=1, n_heads=2, hidden_dim=32,
            max_position_embeddings=64,
        )
    )  # fmt: skip


def gpt2() -> Any:
    """A causal model whose linear layers are transposed."""
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=WORDS, n_embd=16, n_layer=1, n_head=2, n_positions=64,
            bos_token_id=1, eos_token_id=3, pad_token_id=0,
        )
    )  # fmt: skip


def llama() -> Any:
    """A causal model without biases, with fewer keys than queries."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=WORDS, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
            num_key_value_heads=1, intermediate_size=32, max_position_embeddings=64,
        )
    )  # fmt: skip


def t5() -> Any:
    """An encoder-decoder without biases."""
    from transformers import T5Config, T5ForConditionalGeneration

    return T5ForConditionalGeneration(
        T5Config(
            vocab_size=WORDS, d_model=16, d_kv=8, num_layers=1, num_heads=2, d_ff=32,
            decoder_start_token_id=0,
        )
    )  # fmt: skip


def bart() -> Any:
    """An encoder-decoder with biases."""
    from transformers import BartConfig, BartForConditionalGeneration

    return BartForConditionalGeneration(
        BartConfig(
            vocab_size=WORDS, d_model=16, encoder_layers=1, decoder_layers=1,
            encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32,
            decoder_ffn_dim=32, max_position_embeddings=64, decoder_start_token_id=2,
        )
    )  # fmt: skip


def warm() -> Any:
    """Two encoders as encoder and decoder, with fresh cross-attention."""
    from transformers import EncoderDecoderConfig, EncoderDecoderModel

    decoder = bert_config(is_decoder=True, add_cross_attention=True)
    config = EncoderDecoderConfig.from_encoder_decoder_configs(bert_config(), decoder)
    model = EncoderDecoderModel(config=config)
    model.config.decoder_start_token_id = 1
    model.config.pad_token_id = 0
    return model


def bert_config(**more: Any) -> Any:
    """Of `bert`, which `warm` is made of."""
    from transformers import BertConfig

    return BertConfig(
        vocab_size=WORDS, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64, **more,
    )  # fmt: skip


MAKERS: dict[str, tuple[Callable[[], Any], str]] = {
    "bert": (bert, "encoder"),
    "distilbert": (distilbert, "encoder"),
    "gpt2": (gpt2, "causal"),
    "llama": (llama, "causal"),
    "t5": (t5, "encoder-decoder"),
    "bart": (bart, "encoder-decoder"),
    "warm": (warm, "encoder-decoder"),
}


def make(name: str) -> Any:
    """The same model each time, its weights wide enough that tokens matter."""
    torch.manual_seed(0)
    model = MAKERS[name][0]().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3)
    return model
