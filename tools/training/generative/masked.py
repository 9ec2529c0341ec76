"""A masked language model: an encoder under a word predictor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import BaseModelError
from ...guardrails.model_folder import check_model_folder
from ..network import Batch
from .codec import IGNORED
from .network import TokenNetwork

HEADS = ("cls", "lm_head")  # what transformers calls the word predictor


class MaskedNetwork(TokenNetwork):
    """An output row is one window's: nats of what is hidden, and how many tokens that is."""

    def forward(self, batch: Batch) -> Tensor:
        """(hidden tokens, vocabulary): words are predicted only where one is hidden."""
        core: Any = self.core
        read = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
        hidden = batch["labels"] != IGNORED
        inside = core.get_base_model() if hasattr(core, "get_base_model") else core
        head = next((getattr(inside, name) for name in HEADS if hasattr(inside, name)), None)
        if head is None:
            return core(**read).logits[hidden]
        return head(inside.base_model(**read).last_hidden_state[hidden])

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Per hidden token."""
        labels = batch["labels"]
        return nn.functional.cross_entropy(logits.float(), labels[labels != IGNORED])

    def outputs(self, logits: Tensor, batch: Batch) -> Tensor:
        """(windows, 2): nats and tokens."""
        labels = batch["labels"]
        hidden = labels != IGNORED
        losses = torch.zeros(labels.shape, dtype=torch.float64, device=logits.device)
        losses[hidden] = nn.functional.cross_entropy(
            logits.float(), labels[hidden], reduction="none"
        ).double()
        return torch.stack([losses.sum(1), hidden.sum(1).double()], dim=1)


def load_masked(path: Path) -> tuple[Any, list[Any]]:
    """Load an encoder under its word predictor, in float32.

    Many encoders are handed on without the predictor they were trained with; then it
    starts as one that passes on what comes and compares it with the input embeddings,
    so that the same folder always gives the same model.

    Returns:
        The model, and the parameters that were not in the folder.

    Raises:
        BaseModelError: It does not load, or its architecture has no word predictor.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForMaskedLM
    from transformers.utils import logging

    check_model_folder(path, "base model", BaseModelError)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        model, info = AutoModelForMaskedLM.from_pretrained(
            path,
            attn_implementation="eager",
            trust_remote_code=False,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BaseModelError(f"base model {path}: cannot be loaded: {first}") from error
    model = model.float().eval()
    known = dict(model.named_parameters())  # tied ones once, under one name
    fresh = [known[name] for name in sorted(info["missing_keys"]) if name in known]
    with torch.no_grad():
        for parameter in fresh:
            _start(parameter)
        for module in model.modules():
            if isinstance(module, nn.LayerNorm) and any(module.weight is p for p in fresh):
                module.weight.fill_(1.0)
    return model, fresh


def _start(parameter: Any) -> None:
    if parameter.ndim == 2 and parameter.shape[0] == parameter.shape[1]:
        nn.init.eye_(parameter)
    elif parameter.ndim == 1:
        parameter.zero_()
