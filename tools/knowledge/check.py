"""Whether the tools can do what recipes say: asked before a run begins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from pydantic import ValidationError

from ...memory.strategies import Strategy
from ..errors import UserError
from ..registry import TOOLS
from ..training.fine_tune_tool import FINE_TUNE
from ..training.settings import Technique, TrainSettings


class RecipeError(UserError):
    """A recipe that no tool can follow."""


def check_strategies(strategies: Iterable[Strategy]) -> None:
    """Refuse strategies that name a tool, a technique or a setting that there is not.

    Raises:
        RecipeError: One does; the message says what there is.
    """
    for strategy in strategies:
        where = f"recipe of {strategy.name}"
        if strategy.tool not in TOOLS:
            known = ", ".join(TOOLS)
            raise RecipeError(f"{where}: there is no tool {strategy.tool!r}; choose from {known}")
        if strategy.tool != FINE_TUNE.name:
            continue
        if strategy.technique not in get_args(Technique):
            raise RecipeError(
                f"{where}: t:technique {strategy.technique!r}: choose from "
                f"{', '.join(get_args(Technique))}, or say t:variantOf"
            )
        try:
            said = {**strategy.defaults, "strategy": strategy.technique}
            TrainSettings.model_validate(said)
        except ValidationError as error:
            fault = error.errors()[0]
            name = ".".join(map(str, fault["loc"]))
            raise RecipeError(
                f"{where}: t:default {name}: {fault['msg']}, got {fault.get('input')!r}"
            ) from error
