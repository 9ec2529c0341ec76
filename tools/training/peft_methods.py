"""Every PEFT method that can be chosen, declared once; which layers it changes is found."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import BaseModelError, ModelError
from ..guardrails.model_folder import check_model_folder
from . import peft_configs as configs
from .peft_configs import Build, Place, has_conv1d, within
from .settings import PeftMethod, TrainSettings

if TYPE_CHECKING:
    from torch import nn

Kind = Literal["encoder", "encoder-decoder", "causal"]
KINDS: tuple[Kind, ...] = ("encoder", "encoder-decoder", "causal")
WEIGHTS = "adapter_model.safetensors"

_TASKS = {
    "encoder": "FEATURE_EXTRACTION",
    "encoder-decoder": "SEQ_2_SEQ_LM",
    "causal": "CAUSAL_LM",
}


@dataclass(frozen=True)
class Method:
    """A way to tune few parameters.

    Attributes:
        build: Makes peft's configuration; None where peft has no part in it.
        reads: The settings that matter to it beside the learning rate.
        source: Where it was published.
        unfit: Kinds of model that it isn't offered for, and why.
        conv1d: Whether it changes GPT-2's transposed layers.
        virtual: It puts tokens before the text, so that peft cannot merge it.
    """

    build: Build | None
    reads: tuple[str, ...]
    source: str
    unfit: dict[Kind, str] = field(default_factory=dict)
    conv1d: bool = True
    virtual: bool = False

    @property
    def fits(self) -> tuple[Kind, ...]:
        """The kinds of model that it is offered for."""
        return tuple(kind for kind in KINDS if kind not in self.unfit)


def wrap(
    model: Any, settings: TrainSettings, kind: Kind, *, whole: Sequence[str] = ()
) -> nn.Module:
    """Freeze a model and add what the chosen method trains.

    Args:
        model: The base model; it is changed in place.
        settings: `peft_method` and what that method reads.
        kind: Of the model.
        whole: Names of modules that are trained and saved whole as well, such as the fresh
            cross-attention of an encoder-decoder made of two encoders.

    Returns:
        A `PeftModel`; or, for "bitfit", the model itself, to be saved whole.

    Raises:
        BaseModelError: The method does not fit the model; says why.
    """
    name = settings.peft_method
    method = METHODS[name]
    reason = unfit(name, kind, model)
    if reason:
        raise BaseModelError(f"peft_method {name!r} does not fit: {reason}; use 'lora'")
    model.requires_grad_(False)
    if method.build is None:
        return _unfreeze_biases(model, tuple(whole))
    from peft import get_peft_model

    place = Place(model, tuple(whole), _TASKS[kind], tuple(settings.target_modules.split()))
    with _quiet():
        wrapped: nn.Module = get_peft_model(model, method.build(settings, place))
    return _text_only(wrapped) if method.virtual else wrapped


def with_adapter(model: Any, folder: Path) -> nn.Module:
    """Put a saved adapter on its base model, merged where peft can: a quarter faster.

    Raises:
        ModelError: The adapter is missing, damaged, or does not belong to the model.
    """
    from peft import PeftModel
    from safetensors import SafetensorError

    weights = folder / WEIGHTS
    if not weights.is_file():  # peft would look elsewhere, and unpickle what it finds
        raise ModelError(f"model {weights}: is missing; save the model again")
    check_model_folder(folder)
    try:
        with _quiet():
            loaded: Any = PeftModel.from_pretrained(model, str(folder))
            _check_fits(loaded, weights)
            config = loaded.peft_config["default"]
            if config.is_prompt_learning:
                return _text_only(loaded)
            if config.modules_to_save and config.peft_type != "LORA":
                return loaded  # peft merges whole modules for LoRA only
            merged: nn.Module = loaded.merge_and_unload()
            return merged
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"model {weights}: the adapter does not load: {first}") from error


def _check_fits(loaded: Any, weights: Path) -> None:
    """Refuse an adapter whose tensors are not those that its method makes on this base.

    peft checks shapes, and says no more than a warning of tensors that fit nowhere: such an
    adapter would answer as if it had never been tuned.

    Raises:
        ModelError: It was made for another base model.
    """
    from peft import get_peft_model_state_dict
    from safetensors import safe_open

    with safe_open(weights, framework="pt") as file:
        found = set(file.keys())
    wanted = set(get_peft_model_state_dict(loaded, save_embedding_layers=False))
    lacking = sorted(wanted - found)
    if lacking:
        raise ModelError(
            f"model {weights}: was made for another base model: {lacking[0]} is missing; "
            "get the base model it names"
        )
    if wanted and not wanted & found:
        raise ModelError(f"model {weights}: was made for another base model")


def unfit(name: PeftMethod, kind: Kind, model: Any = None) -> str | None:
    """Why a method isn't offered for a kind of model, or for this one; None if it is."""
    method = METHODS[name]
    if kind in method.unfit:
        return method.unfit[kind]
    if model is None:
        return None
    if method.virtual and model.config.model_type == "encoder-decoder":
        return "peft does not know the sizes of an encoder-decoder made of two models"
    if not method.conv1d and has_conv1d(model):
        return f"peft does not change the layers of {model.config.model_type} with it"
    return None


def saved_whole(name: PeftMethod) -> bool:
    """Whether the tuned model is saved with all its weights, not as a PEFT folder."""
    return METHODS[name].build is None


def _unfreeze_biases(model: Any, whole: tuple[str, ...]) -> nn.Module:
    """BitFit: what is called bias learns, and nothing else."""
    biases = [p for name, p in model.named_parameters() if name.endswith("bias")]
    if not biases:
        raise BaseModelError(
            f"peft_method 'bitfit' does not fit: {type(model).__name__} has no biases; use 'lora'"
        )
    for parameter in biases:
        parameter.requires_grad_(True)
    for name, parameter in model.named_parameters():
        if within(name, whole):
            parameter.requires_grad_(True)
    wrapped: nn.Module = model
    return wrapped


def _text_only(wrapped: nn.Module) -> nn.Module:
    """Cut the virtual tokens off the outputs, so that they line up with the text again."""
    config: Any = wrapped.peft_config["default"]
    if config.task_type == _TASKS["encoder-decoder"]:  # they stay in its encoder
        return wrapped

    def cut(module: Any, args: Any, kwargs: dict[str, Any], output: Any) -> Any:
        length = kwargs["input_ids"].shape[1]
        for key in ("logits", "last_hidden_state"):
            if key in output:
                output[key] = output[key][:, -length:]
        return output

    wrapped.register_forward_hook(cut, with_kwargs=True)
    return wrapped


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():  # of norms, which ln_tuning takes whatever their kind
        warnings.filterwarnings("ignore", "Unsupported layer type")
        warnings.filterwarnings("ignore", "Found missing adapter keys")  # _check_fits tells
        yield


_LOW_RANK = ("rank", "alpha")
_NO_PAST: dict[Kind, str] = {"encoder": "encoders take no prefix of keys and values"}

METHODS: dict[PeftMethod, Method] = {
    "lora": Method(configs.lora(), _LOW_RANK, "Hu et al. 2021, LoRA"),
    "rslora": Method(configs.lora(use_rslora=True), _LOW_RANK, "Kalajdzievski 2023, rsLoRA"),
    "dora": Method(configs.lora(use_dora=True), _LOW_RANK, "Liu et al. 2024, DoRA"),
    # Exact: the factors are computed again when the adapter is loaded, and must agree.
    "pissa": Method(configs.lora(init_lora_weights="pissa"), _LOW_RANK, "Meng et al. 2024, PiSSA"),
    "olora": Method(
        configs.lora(init_lora_weights="olora"), _LOW_RANK, "Büyükakyüz 2024, OLoRA", conv1d=False
    ),
    "ia3": Method(configs.ia3, (), "Liu et al. 2022, (IA)3"),
    "loha": Method(configs.loha, _LOW_RANK, "Hyeon-Woo et al. 2022, FedPara", conv1d=False),
    "lokr": Method(configs.lokr, _LOW_RANK, "Yeh et al. 2024, LyCORIS", conv1d=False),
    "vera": Method(configs.vera, ("rank",), "Kopiczko et al. 2024, VeRA"),
    "randlora": Method(configs.randlora, _LOW_RANK, "Albert et al. 2025, RandLoRA"),
    "fourierft": Method(configs.fourierft, ("rank",), "Gao et al. 2024, FourierFT"),
    "oft": Method(configs.oft, ("rank",), "Qiu et al. 2023, OFT", conv1d=False),
    "ln_tuning": Method(configs.ln_tuning, (), "Qi et al. 2022, LN tuning"),
    "bitfit": Method(None, (), "Ben Zaken et al. 2022, BitFit"),
    "prefix_tuning": Method(
        configs.virtual("PrefixTuningConfig"),
        ("rank",),
        "Li & Liang 2021, prefix tuning",
        unfit=_NO_PAST,
        virtual=True,
    ),
    "prompt_tuning": Method(
        configs.virtual("PromptTuningConfig"),
        ("rank",),
        "Lester et al. 2021, prompt tuning",
        virtual=True,
    ),
    "p_tuning": Method(
        configs.virtual("PromptEncoderConfig"), ("rank",), "Liu et al. 2021, p-tuning", virtual=True
    ),
}

NOT_OFFERED = {
    "adalora": "its rank allocator's state is in no checkpoint: a resumed run would differ",
    "boft": "peft compiles a CUDA extension when it is first used; 'oft' is of the same family",
    "eva": "its start is computed from training batches, anew for each trial of a search",
}
