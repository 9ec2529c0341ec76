"""Tiny models that write, of each architecture, with random weights and trained tokenizers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

ARCHITECTURES = ("t5", "bart", "marian", "llama", "qwen2", "gpt2")
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORDS = (
    "the a cat dog horse cow sees likes wants red green blue big small house tree river good "
    "morning evening hello thanks yes no and or with without 1 2 3 4 5 6 7 8 9 0 + = ."
)


def byte_level(*, frame: str, template: str | None = None, pad: bool = True) -> Any:
    """A byte-level tokenizer: `frame` "</s>" ends texts as T5's, "<s> </s>" as BART's, "" none."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator([f" {word} {word}" for word in WORDS.split()] * 3, trainer)
    if frame:
        around = {"</s>": "$A </s>", "<s> </s>": "<s> $A </s>", "<s>": "<s> $A"}[frame]
        made.post_processor = processors.TemplateProcessing(
            single=around, special_tokens=[("<s>", 1), ("</s>", 2)]
        )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>" if pad else None,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.add_special_tokens({"additional_special_tokens": special[3:]})
    tokenizer.chat_template = template
    return tokenizer


def save_model(folder: Path, architecture: str, *, template: str | None = None) -> Path:
    """Save a random model of an architecture with a tokenizer as it usually has."""
    import torch
    import transformers as t

    frames = {"t5": "</s>", "marian": "</s>", "bart": "<s> </s>", "llama": "<s>"}
    tokenizer = byte_level(
        frame=frames.get(architecture, ""), template=template, pad=architecture != "gpt2"
    )
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    common = {"vocab_size": len(tokenizer), **ids}
    twice = {
        "d_model": 32,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 64,
        "decoder_ffn_dim": 64,
        "max_position_embeddings": 96,
    }
    stacked = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 96,
    }
    made: Callable[[], Any] = {
        "t5": lambda: t.T5ForConditionalGeneration(
            t.T5Config(
                d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4,
                decoder_start_token_id=0, **common,
            )
        ),
        "bart": lambda: t.BartForConditionalGeneration(
            t.BartConfig(decoder_start_token_id=2, forced_eos_token_id=None, **twice, **common)
        ),
        "marian": lambda: t.MarianMTModel(
            t.MarianConfig(decoder_start_token_id=0, forced_eos_token_id=None, **twice, **common)
        ),
        "llama": lambda: t.LlamaForCausalLM(t.LlamaConfig(**stacked, **common)),
        "qwen2": lambda: t.Qwen2ForCausalLM(t.Qwen2Config(**stacked, **common)),
        "gpt2": lambda: t.GPT2LMHeadModel(
            t.GPT2Config(n_positions=96, n_embd=32, n_layer=2, n_head=4, **common)
        ),
    }[architecture]  # fmt: skip
    t.utils.logging.disable_progress_bar()
    torch.manual_seed(0)
    model = made()
    with torch.no_grad():  # usual starts are so small that every token is as likely
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.3 if architecture == "llama" else 0.15)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
