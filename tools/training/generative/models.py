"""Load a model that writes: from a base model, or from where it was saved."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...errors import BaseModelError, ModelError
from ...guardrails.model_folder import check_model_folder
from ..base_model import BaseModel, load_encoder, load_tokenizer
from ..peft_methods import Kind, with_adapter, wrap
from ..settings import TrainSettings
from .kinds import kind_of, read_config

TARGET = "target_tokenizer"  # folder, where the target side has a vocabulary of its own
Writing = Literal["causal", "seq2seq"]
KINDS: dict[Writing, Kind] = {
    "causal": "causal",
    "seq2seq": "encoder-decoder",
}  # as PEFT methods name them


@dataclass
class Language:
    """A model that writes, with its tokenizers.

    Attributes:
        core: A causal LM or an encoder-decoder of transformers, plain or wrapped by PEFT.
        kind: Which of the two.
        source, target: Tokenizers of what is read and written; often the same.
        fresh: Parameters that no checkpoint brought; not empty where it was made of an
            encoder, which then is saved whole.
    """

    core: Any
    kind: Writing
    source: Any
    target: Any
    fresh: list[Any] = field(default_factory=list)

    @property
    def start(self) -> int | None:
        """What a decoder's input begins with; None for a causal LM.

        Raises:
            BaseModelError: An encoder-decoder does not say.
        """
        if self.kind == "causal":
            return None
        for config in (self.core.config, self.core.generation_config):
            for name in ("decoder_start_token_id", "bos_token_id"):
                found = getattr(config, name, None)
                if found is not None:
                    return int(found)
        raise BaseModelError(
            f"{type(self.core).__name__}: its config.json names no decoder_start_token_id; add it"
        )


def open_base(
    base: BaseModel, targets: Callable[[], Sequence[str]], *, longest: int, quantised: bool = False
) -> Language:
    """Load a base model to be tuned; an encoder gets a decoder.

    Args:
        base: What to load.
        targets: Training targets, asked for where a vocabulary must be made of them.
        longest: Tokens of a target that such a decoder has positions for.
        quantised: Load the weights in 4 bits.

    Raises:
        BaseModelError: It does not load, or can't be quantised here.
    """
    from .warm_start import new_parameters, target_tokenizer, warm_started

    kind = kind_of(read_config(base.path))
    source = load_tokenizer(base)
    if kind != "encoder":
        return Language(load_lm(base.path, kind, quantised=quantised), kind, source, source)
    if quantised:
        raise BaseModelError(
            f"base model {base.ref}: quantised loading is for language models; this is an encoder"
        )
    target = target_tokenizer(targets())
    core = warm_started(load_encoder(base), source, target, longest=longest)
    fresh = [core.get_parameter(name) for name in new_parameters(core)]
    return Language(core, "seq2seq", source, target, fresh)


def open_saved(folder: Path, base_folder: Path | None, *, adapter: bool) -> Language:
    """Load what `save_language` wrote.

    Args:
        folder: The saved model.
        base_folder: The base model's, where the folder doesn't hold all weights.
        adapter: Whether to put the folder's PEFT adapter on.

    Raises:
        ModelError: Something is missing or damaged.
        BaseModelError: The base model isn't there, or does not load.
    """
    try:
        where = base_folder or folder
        kind = kind_of(read_config(where))
        if kind == "encoder":
            raise ModelError(f"model {folder}: holds no language model; save the model again")
        core = load_lm(where, kind)
        source = load_tokenizer(folder)
        target = load_tokenizer(folder / TARGET) if (folder / TARGET).is_dir() else source
    except BaseModelError as error:
        if base_folder is not None:
            raise
        raise ModelError(f"model {folder}: cannot be loaded, save it again: {error}") from error
    return Language(with_adapter(core, folder) if adapter else core, kind, source, target)


def load_lm(path: Path, kind: Writing, *, quantised: bool = False) -> Any:
    """Load a causal LM or an encoder-decoder in float32, in evaluation mode.

    Raises:
        BaseModelError: The folder does not load.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM
    from transformers.utils import logging

    check_model_folder(path, "base model", BaseModelError)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    made = AutoModelForCausalLM if kind == "causal" else AutoModelForSeq2SeqLM
    more = {"quantization_config": _four_bits(path)} if quantised else {}
    try:
        model = made.from_pretrained(
            path,
            attn_implementation="eager",
            trust_remote_code=False,
            local_files_only=True,
            use_safetensors=True,
            **more,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BaseModelError(f"base model {path}: cannot be loaded: {first}") from error
    return model.eval() if quantised else model.float().eval()


def save_language(language: Language, folder: Path, *, base: BaseModel, adapter: bool) -> None:
    """Write a plain PEFT folder, or a plain model of transformers, with the tokenizers.

    Args:
        language: What was tuned; moved to the CPU, and merged where it is saved whole.
        folder: May not be there yet.
        base: That it was tuned from.
        adapter: Save the adapter alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    core = language.core
    with warnings.catch_warnings():  # it would look the base model up on the Hub
        warnings.simplefilter("ignore")
        if adapter:
            core.peft_config["default"].base_model_name_or_path = base.hub_id or str(base.path)
            core.save_pretrained(str(folder), save_embedding_layers=False)
            (folder / "README.md").unlink(missing_ok=True)  # the report writes a real one
        else:
            merged = core.merge_and_unload() if hasattr(core, "merge_and_unload") else core
            merged.to("cpu").save_pretrained(str(folder))
    save_tokenizers(language, folder)


def save_tokenizers(language: Language, folder: Path) -> None:
    """Write them where `open_saved` finds them."""
    language.source.save_pretrained(str(folder))
    if language.target is not language.source:
        language.target.save_pretrained(str(folder / TARGET))


def prepare(language: Language, settings: TrainSettings) -> None:
    """Freeze and wrap the core as the strategy says; what no checkpoint brought always learns.

    Raises:
        BaseModelError: The strategy isn't one for models that write, or the PEFT method does
            not fit this one.
    """
    if settings.strategy == "full" and settings.quantised:
        raise BaseModelError(
            "quantised weights stay as they are, so strategy 'full' cannot tune them; use 'lora', "
            "or leave out quantised"
        )
    if settings.strategy == "full":
        language.core.requires_grad_(True)
    elif settings.strategy == "lora":
        language.core = wrap(language.core, settings, KINDS[language.kind])
    else:
        raise BaseModelError(
            f"strategy {settings.strategy!r} is for encoders; a model that writes is tuned with "
            "'lora' or 'full'"
        )
    for parameter in language.fresh:
        parameter.requires_grad_(True)
    if settings.checkpointing:
        checkpoint_activations(language.core)


def checkpoint_activations(core: Any) -> None:
    """Forget activations and compute them again: slower, and less memory."""
    inside = core.get_base_model() if hasattr(core, "get_base_model") else core
    inside.activation_checkpointing_enable({"use_reentrant": False})


def _four_bits(path: Path) -> Any:
    """Source: Dettmers et al. 2023, QLoRA: 4-bit NormalFloat weights, bf16 products."""
    import torch
    from transformers import BitsAndBytesConfig

    missing = []
    if importlib.util.find_spec("bitsandbytes") is None:
        missing.append("the package bitsandbytes")
    if not torch.cuda.is_available():
        missing.append("a CUDA device")
    if missing:
        raise BaseModelError(
            f"base model {path}: quantised loading needs {' and '.join(missing)}, "
            "not found here; leave out quantised"
        )
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
