"""Controllers to compare, as `--controllers` names them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..controllers import check_controller
from ..spec import RunSpec
from .scenario import SuiteError

PLANNER = "planner"
_PRICE = re.compile(r"[\d.]+/[\d.]+")


@dataclass(frozen=True)
class Contender:
    """A controller as it goes into a run's spec.

    Attributes:
        name: As it stands in tables and files.
        llm, model, price: As `--llm`, `--llm-model` and `--llm-price` take them.
    """

    name: str
    llm: str | None = None
    model: str | None = None
    price: str | None = None


def read_contenders(text: str) -> list[Contender]:
    """Read "planner,openai:gpt-5 2.50/10,http://HOST:PORT/v1 MODEL", and check each.

    Raises:
        UserError: One is named twice, or cannot be had.
    """
    found = [_read(part) for part in text.split(",") if part.strip()]
    if not found:
        raise SuiteError("--controllers: name at least one, such as planner")
    names = [c.name for c in found]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise SuiteError(f"--controllers: {twice} is named twice")
    for contender in found:
        check_controller(contender.llm, contender.model)
    return found


def _read(text: str) -> Contender:
    """REF [MODEL] [IN/OUT]."""
    ref, *rest = text.split()
    price = next((word for word in rest if _PRICE.fullmatch(word)), None)
    models = [word for word in rest if word != price]
    if len(models) > 1:
        raise SuiteError(f"--controllers {text.strip()!r}: write it as CONTROLLER [MODEL] [IN/OUT]")
    RunSpec(data="", llm_price=price).price()
    model = models[0] if models else None
    if ref == PLANNER:
        if rest:
            raise SuiteError("--controllers: planner takes neither a model nor a price")
        return Contender(PLANNER)
    return Contender(f"{model} at {ref}" if model else ref, ref, model, price)
