"""peft's configurations, one builder a method; the layers that they change are found by kind."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import BaseModelError
from .settings import TrainSettings

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Place:
    """What a method needs to know of the model that it changes.

    Attributes:
        model: The base model.
        whole: Names of modules that are trained whole, beside the method.
        task: peft's name of the kind of model.
        only: Names of the linear layers that are changed; empty: all inside the stacks.
    """

    model: nn.Module
    whole: tuple[str, ...]
    task: str
    only: tuple[str, ...] = ()

    def linear(self, *, turned: bool = True, **more: Any) -> dict[str, Any]:
        """Arguments of a configuration that changes linear layers.

        Args:
            turned: Whether it has `fan_in_fan_out`, which GPT-2's transposed layers need.
            more: Its own arguments.
        """
        if turned:
            more["fan_in_fan_out"] = has_conv1d(self.model)
        return {**self.common(), "target_modules": self._targets(), **more}

    def _targets(self) -> str:
        return linear_targets(self.model, self.whole, self.only)

    def common(self) -> dict[str, Any]:
        """Arguments of every configuration."""
        return {"task_type": self.task, "modules_to_save": list(self.whole) or None}

    def shapes(self) -> list[tuple[int, int]]:
        """(inputs, outputs) of every linear layer that is changed, in any order."""
        return [
            (int(min(w.shape)), int(max(w.shape)))
            for name in linear_names(self.model, self.whole, self.only)
            for w in [self.model.get_submodule(name).weight]
        ]


Build = Callable[[TrainSettings, Place], Any]


def lora(**kind: Any) -> Build:
    """LoRA and what differs from it by a switch."""

    def build(settings: TrainSettings, place: Place) -> Any:
        from peft import LoraConfig

        return LoraConfig(
            **place.linear(r=settings.rank, lora_alpha=settings.alpha, lora_dropout=0.0, **kind)
        )

    return build


def ia3(settings: TrainSettings, place: Place) -> Any:
    from peft import IA3Config

    return IA3Config(**place.linear(feedforward_modules=[]))


def loha(settings: TrainSettings, place: Place) -> Any:
    from peft import LoHaConfig

    return LoHaConfig(**place.linear(turned=False, r=settings.rank, alpha=settings.alpha))


def lokr(settings: TrainSettings, place: Place) -> Any:
    from peft import LoKrConfig

    return LoKrConfig(**place.linear(turned=False, r=settings.rank, alpha=settings.alpha))


def vera(settings: TrainSettings, place: Place) -> Any:
    """Its matrices are random and shared, only two vectors a layer learn: ranks are high."""
    from peft import VeraConfig

    return VeraConfig(**place.linear(r=16 * settings.rank))


def randlora(settings: TrainSettings, place: Place) -> Any:
    from peft import RandLoraConfig

    return RandLoraConfig(**place.linear(r=settings.rank, randlora_alpha=settings.alpha))


def fourierft(settings: TrainSettings, place: Place) -> Any:
    """64 frequencies for each of `rank`: 16 are the 1000 of the paper."""
    from peft import FourierFTConfig

    most = min(a * b for a, b in place.shapes())
    return FourierFTConfig(**place.linear(n_frequency=min(64 * settings.rank, most)))


def oft(settings: TrainSettings, place: Place) -> Any:
    """Blocks of twice `rank`, rounded down to what divides the width of every layer."""
    from peft import OFTConfig

    wanted = 2 ** int(math.log2(2 * settings.rank))
    block = math.gcd(wanted, *(side for shape in place.shapes() for side in shape))
    return OFTConfig(**place.linear(r=0, oft_block_size=block))


def ln_tuning(settings: TrainSettings, place: Place) -> Any:
    from peft import LNTuningConfig

    targets = norm_targets(place.model, place.whole)
    return LNTuningConfig(**place.common(), target_modules=targets)


def virtual(kind: str) -> Build:
    """`rank` virtual tokens before the text."""

    def build(settings: TrainSettings, place: Place) -> Any:
        import peft

        model: Any = place.model
        config = model.config.get_text_config()
        more = {} if kind != "PromptEncoderConfig" else {"encoder_hidden_size": config.hidden_size}
        if place.task == "FEATURE_EXTRACTION":
            more |= {
                "token_dim": config.hidden_size,
                "num_layers": config.num_hidden_layers,
                "num_attention_heads": config.num_attention_heads,
            }
            _check_room(settings, config)
        return getattr(peft, kind)(**place.common(), num_virtual_tokens=settings.rank, **more)

    return build


def _check_room(settings: TrainSettings, config: Any) -> None:
    longest = getattr(config, "max_position_embeddings", None)
    if longest and settings.max_length + settings.rank > longest:
        raise BaseModelError(
            f"peft_method {settings.peft_method!r} puts {settings.rank} tokens before each text: "
            f"max_length can be {longest - settings.rank} at most, not {settings.max_length}"
        )


def linear_targets(model: nn.Module, whole: Sequence[str] = (), only: Sequence[str] = ()) -> str:
    """A pattern of the linear layers inside the transformer stacks, for peft.

    What lies outside of them is left out: embeddings, poolers, language-model heads.

    Args:
        model: Any transformer: one stack, or an encoder's and a decoder's.
        whole: Names of modules whose inside is left out.
        only: Names of the layers wanted, as "query"; empty: all.

    Returns:
        Regular expression over full module names.

    Raises:
        BaseModelError: The model has no such layers.
    """
    inside = linear_names(model, whole, only)
    if not inside and only:
        known = sorted({n.rsplit(".", 1)[-1] for n in linear_names(model, whole)})
        raise BaseModelError(f"target_modules {' '.join(only)!r}: choose from {', '.join(known)}")
    if not inside:
        raise BaseModelError(f"{type(model).__name__} has no stack of layers; use 'full'")
    stacks = sorted({s for s in _stacks(model) if any(n.startswith(s + ".") for n in inside)})
    leaves = sorted({n.rsplit(".", 1)[-1] for n in inside})
    veto = "".join(rf"(?!.*\.{re.escape(w)}\.)" for w in whole)
    leaf = "|".join(map(re.escape, leaves))
    return rf"{veto}.*(?:{'|'.join(map(re.escape, stacks))})\..*\.(?:{leaf})"


def norm_targets(model: nn.Module, whole: Sequence[str] = ()) -> list[str]:
    """Names of all normalisation layers, for peft: it knows them for few architectures only."""
    return [
        name
        for name, module in model.named_modules()
        if type(module).__name__.endswith(("LayerNorm", "RMSNorm")) and not within(name, whole)
    ]


def has_conv1d(model: nn.Module) -> bool:
    """Whether its linear layers are GPT-2's, whose weights are transposed."""
    return any(type(m).__name__ == "Conv1D" for m in model.modules())


def _stacks(model: nn.Module) -> list[str]:
    """Names of the outermost lists of layers."""
    from torch import nn

    names = [name for name, module in model.named_modules() if isinstance(module, nn.ModuleList)]
    return [n for n in names if not any(n.startswith(other + ".") for other in names)]


def linear_names(
    model: nn.Module, whole: Sequence[str] = (), only: Sequence[str] = ()
) -> list[str]:
    """Names of the linear layers inside the stacks, GPT-2's transposed ones among them."""
    from torch import nn

    stacks = tuple(f"{s}." for s in _stacks(model))
    return [
        name
        for name, module in model.named_modules()
        if name.startswith(stacks)
        and (isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D")
        and not within(name, whole)
        and (not only or name.rsplit(".", 1)[-1] in only)
    ]


def within(name: str, whole: Sequence[str]) -> bool:
    """Whether a module or parameter is, or lies in, one of these modules."""
    return any(part in whole for part in name.split("."))
