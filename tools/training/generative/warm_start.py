"""An encoder-decoder out of an encoder: both sides start from its weights.

Source: Rothe, Narayan & Severyn 2020, "Leveraging Pre-trained Checkpoints for Sequence
Generation Tasks": encoder and decoder from the checkpoint, cross-attention new.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

DECODER_LAYERS = 3
VOCABULARY = 6000  # pieces of the target side, at most
LEAST_SEEN = 2  # times, for a piece to be learned
PAD, START, END = "<pad>", "<s>", "</s>"


def target_tokenizer(texts: Sequence[str], size: int = VOCABULARY) -> Any:
    """Learn a byte-level vocabulary from the training targets.

    An encoder's own word pieces often cannot write what is asked for: MiniLM's know
    neither capitals nor umlauts nor line breaks. Any text comes back from these as it was,
    and there are a few thousand of them, so that the output layer is cheap.

    Args:
        texts: Training targets.
        size: Pieces, at most.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=LEAST_SEEN,
        special_tokens=[PAD, START, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    made.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, made.token_to_id(END))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token=PAD,
        bos_token=START,
        eos_token=END,
        clean_up_tokenization_spaces=False,
    )


def warm_started(
    encoder: Any, source: Any, target: Any, *, layers: int = DECODER_LAYERS, longest: int
) -> Any:
    """Put a decoder beside an encoder, both with its weights.

    Args:
        encoder: A transformer as `load_encoder` gives it; it becomes a part of the result.
        source: Its tokenizer.
        target: The tokenizer of the targets.
        layers: Of the decoder, taken evenly from the encoder's, its last included.
        longest: Tokens of a target, at most.

    Returns:
        An `EncoderDecoderModel` in float32 whose cross-attention is new, and whose target
        pieces start as the mean of the encoder's own pieces for the same text. Where the
        encoder isn't built like BERT, the decoder starts at random.
    """
    from transformers import BertConfig, BertLMHeadModel, EncoderDecoderModel

    inside = encoder.config
    own = _like_bert(encoder)
    config = BertConfig(
        vocab_size=len(target),
        hidden_size=inside.hidden_size,
        num_hidden_layers=min(layers, inside.num_hidden_layers),
        num_attention_heads=inside.num_attention_heads,
        intermediate_size=getattr(inside, "intermediate_size", None) or 4 * inside.hidden_size,
        max_position_embeddings=max(longest, own.shape[0] if own is not None else 0),
        type_vocab_size=1,
        is_decoder=True,
        add_cross_attention=True,
        pad_token_id=target.pad_token_id,
        bos_token_id=target.bos_token_id,
        eos_token_id=target.eos_token_id,
        attn_implementation="eager",
    )
    decoder = BertLMHeadModel(config)
    with torch.no_grad():
        _copy_embeddings(decoder, encoder, source, target)
        if own is not None:
            decoder.bert.embeddings.position_embeddings.weight[: own.shape[0]] = own
            _copy_layers(decoder, encoder)
        _start_head(decoder)
    model = EncoderDecoderModel(encoder=encoder, decoder=decoder)
    model.config.decoder_start_token_id = target.bos_token_id
    model.config.pad_token_id = target.pad_token_id
    model.config.eos_token_id = target.eos_token_id
    return model.float().eval()


def new_parameters(model: Any) -> list[str]:
    """Names of what the checkpoint didn't bring: cross-attention, target pieces, output head."""
    marks = ("crossattention", "decoder.bert.embeddings", "decoder.cls")
    return [name for name, _ in model.named_parameters() if any(m in name for m in marks)]


def _like_bert(encoder: Any) -> Any:
    """The position embeddings that a BERT decoder can take over, or None."""
    if not hasattr(encoder, "embeddings") or not hasattr(encoder, "encoder"):
        return None
    positions = getattr(encoder.embeddings, "position_embeddings", None)
    layers = getattr(encoder.encoder, "layer", None)
    if positions is None or not layers or not hasattr(layers[0], "intermediate"):
        return None
    skipped = (positions.padding_idx or -1) + 1  # RoBERTa counts from behind its padding
    return positions.weight[skipped:]


def _copy_layers(decoder: Any, encoder: Any) -> None:
    below, above = list(encoder.encoder.layer), list(decoder.bert.encoder.layer)
    step = len(below) / len(above)
    for place, layer in enumerate(above, 1):
        layer.load_state_dict(below[round(place * step) - 1].state_dict(), strict=False)


def _copy_embeddings(decoder: Any, encoder: Any, source: Any, target: Any) -> None:
    """Start each target piece as the mean of the source pieces that spell it.

    Source: Gee et al. 2022, "Fast Vocabulary Transfer for Language Model Compression".
    """
    words = encoder.get_input_embeddings().weight
    into = decoder.bert.embeddings.word_embeddings.weight
    into.normal_(0.0, float(words.std()))
    spelled = [target.decode([i]) for i in range(len(target))]
    found = source(spelled, add_special_tokens=False)["input_ids"]
    unknown = source.unk_token_id
    for piece, ids in enumerate(found):
        known = [i for i in ids if i != unknown]
        if known and piece > max(target.all_special_ids):
            into[piece] = words[known].mean(0)
    norm = getattr(getattr(encoder, "embeddings", None), "LayerNorm", None)
    if isinstance(norm, nn.LayerNorm):
        decoder.bert.embeddings.LayerNorm.load_state_dict(norm.state_dict())


def _start_head(decoder: Any) -> None:
    """Let the output layer's transform pass what comes, until it has learned better."""
    dense = decoder.cls.predictions.transform.dense
    dense.weight.copy_(torch.eye(dense.weight.shape[0]))
    dense.bias.zero_()
