"""Who decides: the planner, or any chat model of langchain-core."""

from __future__ import annotations

from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel

from ..tools.errors import UserError


class ControllerError(UserError):
    """The controller asked for cannot be had."""


@dataclass(frozen=True)
class Controller:
    """A chat model, and how it is named wherever it shows.

    Attributes:
        context_tokens: What its window holds; None: not known.
    """

    model: BaseChatModel
    name: str
    context_tokens: int | None = None


def find_controller(ref: str | None, model_name: str | None = None) -> Controller:
    """Resolve `--llm`: nothing gives the planner, "provider:model" a hosted LLM.

    Args:
        ref: As the person wrote it.
        model_name: Of the model behind a URL.

    Raises:
        ControllerError: The extra isn't installed, or the provider doesn't know it.
    """
    if ref is None:
        from .planner import NAME, Planner

        return Controller(Planner(), NAME)
    if ":" not in ref:
        raise ControllerError(f"--llm {ref!r}: write it as provider:model, such as openai:gpt-5")
    try:
        from langchain.chat_models import init_chat_model
    except ImportError as error:
        raise ControllerError(
            f"--llm {ref!r}: needs the extra: pip install 'tuneos[llm]' and the provider's package"
        ) from error
    try:
        return Controller(init_chat_model(ref), ref)
    except Exception as error:  # providers raise their own kinds; all mean "cannot be had"
        first = str(error).strip().splitlines()[0]
        raise ControllerError(f"--llm {ref!r}: {first}") from error
