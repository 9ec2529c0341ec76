"""The tool by which an LLM asks why: it gets facts of this run, never a guess."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from ..facts import Facts, OnProgress
from ..tool import Tool, ToolContext, ToolResult
from .account import account_of
from .asked import answer, prose
from .why import explain_run


class ExplainArguments(BaseModel):
    """Say why something was done in this run, from the record; what is not there is not known."""

    model_config = ConfigDict(extra="forbid")

    about: str = Field(
        "last",
        max_length=100,
        description='"last", "step 3", "model", "stop", "settings", "refused", a tool or candidate',
    )


def _explain(
    arguments: ExplainArguments, context: ToolContext, _: Facts, __: OnProgress
) -> ToolResult:
    context.knowledge.record_account(account_of(context.ledger, context.run))
    found = explain_run(context.knowledge, context.run)
    if found is None:
        return ToolResult("Nothing is on record of this run yet.")
    return ToolResult(prose(answer(found, arguments.about)))


EXPLAIN = Tool("explain", ExplainArguments, _explain)
