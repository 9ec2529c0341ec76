"""The run's LLM as tools may use it: for words alone, its tokens charged to the run's budgets."""

from __future__ import annotations

from langchain_core.messages import HumanMessage, SystemMessage

from ..memory.budgets import BudgetSpent
from ..tools.tool import ToolRefused, Writer
from .asking import ask
from .context import RunContext
from .faults import ControllerFailed


def writer_of(context: RunContext, taken_over: str | None) -> Writer | None:
    """The controller as a writer; None where the planner decides, which writes nothing.

    Args:
        context: Of the run.
        taken_over: Why the planner took the controller's place, if it did.
    """
    if taken_over is not None or context.controller is context.fallback:
        return None

    def write(system: str, asked: str, tokens: int) -> str:
        try:
            found = ask(context, [SystemMessage(system), HumanMessage(asked)], words=tokens)
        except (BudgetSpent, ControllerFailed) as error:
            raise ToolRefused(f"{context.controller_name}: {error}") from error
        return str(found.answer.text)

    return Writer(context.controller_name, write)
