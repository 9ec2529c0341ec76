"""A tiny masked language model that always thinks of the same word."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch


def save_masked(base: Path, folder: Path, *, likely: str) -> Path:
    """Put a masked-language-model head on a tiny BERT whose bias is for one word."""
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    model = BertForMaskedLM(BertConfig.from_pretrained(base))
    word = PreTrainedTokenizerFast.from_pretrained(base).convert_tokens_to_ids(likely)
    with torch.no_grad():
        model.cls.predictions.bias[word] = 100.0
    model.save_pretrained(folder)
    for file in base.glob("tok*"):
        shutil.copy(file, folder)
    return folder
