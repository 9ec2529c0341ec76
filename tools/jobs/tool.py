"""Job tools: look at jobs; say that nothing more should be tried."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from ..facts import Facts, OnProgress
from ..tool import Tool, ToolContext, ToolResult


class ListJobsArguments(BaseModel):
    """List this run's jobs with their state and seconds."""

    model_config = ConfigDict(extra="forbid")


class FinishArguments(BaseModel):
    """Say that nothing more should be tried; saying so ends nothing by itself."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=300)


def _list(_: ListJobsArguments, context: ToolContext, __: Facts, ___: OnProgress) -> ToolResult:
    rows = context.ledger.jobs(context.run)
    lines = [
        f"{r.note or r.kind}: {r.status}" + (f", {r.seconds:.0f} s" if r.seconds else "")
        for r in rows
    ]
    return ToolResult("; ".join(lines) or "No jobs yet.")


def _finish(arguments: FinishArguments, _: ToolContext, __: Facts, ___: OnProgress) -> ToolResult:
    return ToolResult(f"Asked to finish: {arguments.reason}")


LIST_JOBS = Tool("list_jobs", ListJobsArguments, _list)
FINISH = Tool("finish", FinishArguments, _finish)
