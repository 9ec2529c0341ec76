"""What a base model can do with text: go on with it, answer it, or only read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from ...errors import BaseModelError
from ...guardrails.model_folder import check_model_folder

Kind = Literal["causal", "seq2seq", "encoder"]


def kind_of(config: Any) -> Kind:
    """Tell a causal LM, an encoder-decoder and an encoder apart by their configuration.

    The architecture that was saved decides; where the configuration names none, the kinds
    of heads that transformers has for the type. BERT-like models have a causal head as
    well, which nobody trained: they are encoders unless they were saved as decoders.
    """
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL,
    )
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED,
    )

    if config.is_encoder_decoder:
        return "seq2seq"
    if getattr(config, "is_decoder", False):
        return "causal"
    known = config.model_type in CAUSAL
    saved = str((config.architectures or [""])[0])
    if known and (
        saved.endswith(("ForCausalLM", "LMHeadModel")) or config.model_type not in MASKED
    ):
        return "causal"
    return "encoder"


def read_config(path: Path) -> Any:
    """Read a model's configuration.

    Raises:
        BaseModelError: It is no model that transformers knows.
    """
    from transformers import AutoConfig

    check_model_folder(path, "base model", BaseModelError)
    try:
        return AutoConfig.from_pretrained(path, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BaseModelError(f"base model {path}: config.json cannot be used: {first}") from error


def window(config: Any) -> int | None:
    """Tokens that the model's positions reach, or None where they are relative."""
    for part in (config, getattr(config, "decoder", None), getattr(config, "text_config", None)):
        found = getattr(part, "max_position_embeddings", None)
        if isinstance(found, int) and found > 0:
            return found
    return None
