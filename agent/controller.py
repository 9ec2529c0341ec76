"""What a controller is: any chat model of langchain-core, with a name."""

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
