"""Tiny causal LMs with random weights, with tokenizers trained here; saved as people save them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tuneos.tools.registry import TOOLS

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
STRICT = (  # takes no system turn, and turns one after the other alone
    "{% for m in messages %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles') }}{% endif %}"
    "[{{ m.role }}]{{ m.content }}</s>{% endfor %}[assistant]"
)
SPECIAL = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"]


def byte_level(template: str | None = None, size: int = 500) -> Any:
    """A byte-level BPE tokenizer, as GPT-2, Llama 3 and Qwen have."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(_texts(), trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL[2:]})
    tokenizer.chat_template = template
    return tokenizer


def unigram(template: str | None = None) -> Any:
    """A unigram tokenizer with "▁" for spaces, as SentencePiece makes them."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=500,
        special_tokens=["<unk>", *SPECIAL],
        unk_token="<unk>",
        initial_alphabet=[chr(c) for c in range(33, 127)],
        show_progress=False,
    )
    made.train_from_iterator(_texts(), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    tokenizer.chat_template = template
    return tokenizer


def save_lm(
    folder: Path, kind: str = "llama", *, tokenizer: Any, window: int = 4096, hidden: int = 32
) -> Path:
    """Save a randomly initialised model with its tokenizer; `kind` is llama, gpt2 or qwen2."""
    from transformers import AutoModelForCausalLM, set_seed

    set_seed(3)
    model = AutoModelForCausalLM.from_config(_config(kind, len(tokenizer), window, hidden))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_adapter(folder: Path, base: Path, **settings: Any) -> Path:
    """Save a LoRA adapter whose random weights change what its base says."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, set_seed

    set_seed(5)
    config = LoraConfig(
        r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM"
    )
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.normal_(0, 1)
    model.save_pretrained(folder)
    return folder


def _config(kind: str, vocabulary: int, window: int, hidden: int) -> Any:
    from transformers import GPT2Config, LlamaConfig, Qwen2Config

    common = {"vocab_size": vocabulary + 12, "bos_token_id": 0, "eos_token_id": 1}
    if kind == "gpt2":
        return GPT2Config(n_positions=window, n_embd=hidden, n_layer=2, n_head=4, **common)
    made = {"llama": LlamaConfig, "qwen2": Qwen2Config}[kind]
    return made(
        max_position_embeddings=window,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        **common,
    )


def _texts() -> list[str]:
    schemas = [json.dumps(t.schema()) for t in TOOLS.values()]
    return [*schemas, *(t.arguments.__doc__ or "" for t in TOOLS.values())] * 2
