"""A causal LM on disk: found, checked before anything is spent, loaded without anyone's code."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...tools.guardrails.model_folder import check_model_folder
from ..controller import ControllerError

if TYPE_CHECKING:
    from llguidance import LLTokenizer

PREFIX = "local:"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
EXTRA = "needs an extra: pip install 'tuneos[local]'"


@dataclass(frozen=True)
class LocalRef:
    """Folders of a model and of an adapter, and how the person wrote them."""

    said: str
    model: Path
    adapter: Path | None


@dataclass(frozen=True)
class Words:
    """A model's tokenizer, ours and the grammar's, and the tokens that end an answer."""

    tokenizer: Any
    grammar: LLTokenizer
    ends: tuple[int, ...]


@dataclass(frozen=True)
class Loaded:
    """A model in memory, in evaluation mode, on `device`."""

    model: Any
    device: str


def read_ref(said: str) -> LocalRef:
    """Read "local:PATH" or "local:PATH+ADAPTER"; a folder may have a "+" in its name.

    Raises:
        ControllerError: A folder isn't there.
    """
    where = said.removeprefix(PREFIX)
    model, adapter = Path(where).expanduser(), None
    if where and not model.is_dir() and "+" in where:
        pieces = where.split("+")
        tried = [("+".join(pieces[:i]), "+".join(pieces[i:])) for i in range(1, len(pieces))]
        parts = [(Path(m).expanduser(), Path(a).expanduser()) for m, a in tried if m and a]
        found = [p for p in parts if p[0].is_dir()] or parts[:1]
        model, adapter = found[-1] if found else (model, None)
    if not where or not model.is_dir():
        raise ControllerError(f"--llm {said}: no folder {model}; write it as local:PATH")
    if adapter is not None and not adapter.is_dir():
        raise ControllerError(f"--llm {said}: no adapter folder {adapter}")
    return LocalRef(said, model.resolve(), adapter.resolve() if adapter else None)


def check_files(ref: LocalRef) -> None:
    """Look whether what is needed is there, as far as names of files and configs tell.

    Raises:
        ControllerError: It isn't, or it is no causal LM.
    """
    _need_grammar(ref)
    config = read_config(ref)
    names = config.architectures or []
    if not any(name in _causal() for name in names):
        raise ControllerError(
            f"--llm {ref.said}: {', '.join(names) or 'what lies there'} is no causal LM; "
            "name a folder whose model writes text"
        )
    _need_safetensors(ref, ref.model, "*.safetensors", ("*.bin", "*.pt", "*.pth"))
    if ref.adapter is not None:
        if not (ref.adapter / "adapter_config.json").is_file():
            raise ControllerError(f"--llm {ref.said}: {ref.adapter} holds no adapter_config.json")
        _need_safetensors(ref, ref.adapter, ADAPTER_WEIGHTS, ("adapter_model.bin",))
    _look_over(ref)


def _look_over(ref: LocalRef) -> None:
    """Refuse folders that could do harm when they are loaded."""
    for folder in (ref.model, ref.adapter):
        if folder is not None:
            check_model_folder(folder, f"--llm {ref.said}:", ControllerError)


def read_config(ref: LocalRef) -> Any:
    """The model's config.

    Raises:
        ControllerError: There is none that transformers knows.
    """
    from transformers import AutoConfig

    if not (ref.model / "config.json").is_file():
        raise ControllerError(f"--llm {ref.said}: {ref.model} holds no config.json")
    with _told(ref, "its config cannot be used"):
        return AutoConfig.from_pretrained(ref.model, trust_remote_code=False, local_files_only=True)


def window_of(ref: LocalRef) -> int | None:
    """Tokens that the model reads and writes at most; None: it has no limit."""
    config = read_config(ref)
    said = getattr(config.get_text_config(), "max_position_embeddings", None)
    return said if isinstance(said, int) and said > 0 else None


def load_words(ref: LocalRef) -> Words:
    """Load the tokenizer, and make it known to the grammar; the same one each time.

    Raises:
        ControllerError: There is none that a grammar can work with.
    """
    with _once:
        return _load_words(ref, _stamp(ref.model))


def load_model(ref: LocalRef) -> Loaded:
    """Load the weights, once; the last model asked for stays in memory.

    Raises:
        ControllerError: They don't load, or they don't belong to the config or the base.
    """
    with _once:
        return _load_model(ref, _stamp(ref.model), _stamp(ref.adapter))


def check_adapter(ref: LocalRef) -> None:
    """Compare an adapter's tensors with what its method makes of the base; no weights are read.

    Raises:
        ControllerError: It was made for another model, or it is of a kind that can't serve.
    """
    if ref.adapter is None:
        return
    import torch
    from peft import PeftConfig, get_peft_model, get_peft_model_state_dict
    from safetensors import safe_open
    from transformers import AutoModelForCausalLM

    with _told(ref, f"adapter {ref.adapter} cannot be read"):
        config = PeftConfig.from_pretrained(ref.adapter)
        with safe_open(ref.adapter / ADAPTER_WEIGHTS, framework="pt") as file:
            found = {k: tuple(file.get_slice(k).get_shape()) for k in file.keys()}  # noqa: SIM118
    config.base_model_name_or_path = str(ref.model)  # where it lies by now
    if config.is_prompt_learning:
        kind = getattr(config.peft_type, "value", config.peft_type)
        raise ControllerError(f"--llm {ref.said}: adapters of kind {kind} cannot serve; use LoRA")
    misfit = f"adapter {ref.adapter} was made for another model than {ref.model}"
    config.init_lora_weights = True  # others would work on the base's weights
    with _told(ref, misfit), torch.device("meta"):
        base = AutoModelForCausalLM.from_config(read_config(ref))
        state = get_peft_model_state_dict(get_peft_model(base, config), save_embedding_layers=False)
    wanted = {k: tuple(v.shape) for k, v in state.items()}
    if found != wanted:
        raise ControllerError(f"--llm {ref.said}: {misfit}: {_difference(found, wanted)}")


_once = threading.Lock()


@lru_cache(maxsize=2)
def _load_words(ref: LocalRef, stamp: str) -> Words:
    from ...tools.training.base_model import load_tokenizer
    from .pieces import grammar_tokenizer

    with _told(ref, "its tokenizer cannot be used"):
        tokenizer = load_tokenizer(ref.model)
    config = read_config(ref).get_text_config()
    with _told(ref, "no grammar can be put on its tokenizer"):
        grammar = grammar_tokenizer(tokenizer, max(len(tokenizer), config.vocab_size))
    if len(tokenizer) > config.vocab_size:
        raise ControllerError(
            f"--llm {ref.said}: its tokenizer has {len(tokenizer)} tokens, the model "
            f"{config.vocab_size}; they don't belong together"
        )
    ends = [tokenizer.eos_token_id, config.eos_token_id, *_generation_ends(ref)]
    flat = {e for end in ends for e in (end if isinstance(end, list) else [end])}
    return Words(tokenizer, grammar, tuple(sorted(e for e in flat if isinstance(e, int))))


@lru_cache(maxsize=1)
def _load_model(ref: LocalRef, stamp: str, adapter_stamp: str) -> Loaded:
    import torch
    from transformers import AutoModelForCausalLM, GenerationConfig
    from transformers.utils import logging

    from ...tools.training.hardware import calibrate_threads, pick_device

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    _look_over(ref)  # it may have changed since it was checked
    device = pick_device()
    if device.kind == "cpu":
        calibrate_threads()
    with _told(ref, "its weights cannot be loaded"):
        model, report = AutoModelForCausalLM.from_pretrained(
            ref.model,
            dtype=torch.bfloat16 if device.bf16 else torch.float32,
            trust_remote_code=False,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
        lacking = sorted(report["missing_keys"]) + sorted(map(str, report["mismatched_keys"]))
        if lacking:
            raise ValueError(f"{len(lacking)} tensors are missing or misshapen, as {lacking[0]}")
    if ref.adapter is not None:
        from peft import PeftModel

        with _told(ref, f"adapter {ref.adapter} cannot be put on"):
            model = PeftModel.from_pretrained(model, ref.adapter).merge_and_unload(safe_merge=True)
    model.generation_config = GenerationConfig()  # how to choose tokens is ours to say
    return Loaded(model.to(device.kind).eval(), device.kind)


def _need_grammar(ref: LocalRef) -> None:
    try:
        import llguidance  # noqa: F401
    except ImportError as error:
        raise ControllerError(f"--llm {ref.said}: {EXTRA}") from error


def _need_safetensors(ref: LocalRef, folder: Path, wanted: str, refused: tuple[str, ...]) -> None:
    if any(folder.glob(wanted)):
        return
    pickled = [p.name for pattern in refused for p in sorted(folder.glob(pattern))]
    why = f"only {pickled[0]}, and pickled weights can run code" if pickled else "no weights"
    raise ControllerError(f"--llm {ref.said}: {folder} holds {why}; save it as safetensors")


def _causal() -> set[str]:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    names: Mapping[str, Any] = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    return {n for v in names.values() for n in (v if isinstance(v, (tuple, list)) else [v])}


def _generation_ends(ref: LocalRef) -> list[Any]:
    path = ref.model / "generation_config.json"
    if not path.is_file():
        return []
    with _told(ref, "generation_config.json is damaged"):
        said = json.loads(path.read_text(encoding="utf-8"))
        return [said.get("eos_token_id")]


def _difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The first tensor that differs."""
    for name in sorted({*found, *wanted}):
        has, needs = found.get(name), wanted.get(name)
        if has != needs:
            if has is None or needs is None:
                return f"{name} is {'missing' if has is None else 'too much'}"
            return f"{name} is {list(has)}, not {list(needs)}"
    return "nothing"


def _stamp(folder: Path | None) -> str:
    """Changes when a file of the folder does."""
    if folder is None:
        return ""
    files = [p for p in sorted(folder.iterdir()) if p.is_file()]
    return ",".join(f"{p.name}:{p.stat().st_size}:{p.stat().st_mtime_ns}" for p in files)


class _told:
    """Whatever a library makes of a folder it can't use, in one line."""

    def __init__(self, ref: LocalRef, what: str) -> None:
        self.ref, self.what = ref, what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, ControllerError):
            first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise ControllerError(f"--llm {self.ref.said}: {self.what}: {first}") from error
