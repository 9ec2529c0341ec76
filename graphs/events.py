"""What a run tells while it goes on: typed events through LangGraph's custom stream."""

from __future__ import annotations

from typing import Annotated, Literal

from langgraph.config import get_stream_writer
from pydantic import BaseModel, Field

from ..evals.result import RunResult
from ..memory.redaction import redacted
from ..tools.facts import JobProgress


class Prepared(BaseModel):
    """The data is read, split and sealed."""

    kind: Literal["prepared"] = "prepared"
    lines: list[str]


class StepStarted(BaseModel):
    """A tool begins."""

    kind: Literal["step_started"] = "step_started"
    tool: str
    arguments: dict[str, object]
    reason: str
    estimate: float = Field(description="seconds")


class StepProgress(BaseModel):
    """A tool goes on."""

    kind: Literal["step_progress"] = "step_progress"
    tool: str
    progress: JobProgress


class StepEnded(BaseModel):
    """A tool is done, or failed."""

    kind: Literal["step_ended"] = "step_ended"
    tool: str
    summary: str
    ok: bool
    seconds: float


class Restored(BaseModel):
    """Damaged state was found, and an earlier one that is whole taken instead."""

    kind: Literal["restored"] = "restored"
    text: str


class Decided(BaseModel):
    """An LLM controller has answered."""

    kind: Literal["decided"] = "decided"
    read: int = Field(description="tokens")
    written: int = Field(description="tokens")
    estimated: bool = Field(description="the server told no counts")
    usd: float | None
    seconds: float


class TookOver(BaseModel):
    """The planner goes on in the controller's place."""

    kind: Literal["took_over"] = "took_over"
    controller: str
    why: str


class Refused(BaseModel):
    """The gate did not let a call through."""

    kind: Literal["refused"] = "refused"
    tool: str
    why: str


class Judged(BaseModel):
    """How the best candidate stands against the targets, on validation."""

    kind: Literal["judged"] = "judged"
    best: str | None
    text: str
    stop: str | None


class Finished(BaseModel):
    """The run is over: the last event that an iterator of events gives."""

    kind: Literal["finished"] = "finished"
    result: RunResult


Event = Annotated[
    Prepared
    | Restored
    | Decided
    | TookOver
    | StepStarted
    | StepProgress
    | StepEnded
    | Refused
    | Judged
    | Finished,
    Field(discriminator="kind"),
]


def emit(event: BaseModel) -> None:
    """Send an event, without secrets, to whoever streams the run."""
    get_stream_writer()(redacted(event.model_dump(mode="json")))
