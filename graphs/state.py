"""The state of a run, as LangGraph checkpoints it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AnyMessage
from langgraph.channels import DeltaChannel
from langgraph.graph.message import add_messages
from pydantic import BaseModel, ConfigDict

from ..evals.result import (
    Curve,
    CurvePoint,
    Finding,
    KnowledgeUse,
    RankedBase,
    Step,
    StopReason,
    TrialRecord,
)
from ..memory.conditions import Condition
from ..tools.facts import (
    Candidate,
    DataVersion,
    DomainSaid,
    Facts,
    KnownStrategy,
    Remembered,
    merge,
)


class Call(BaseModel):
    """A tool call that the gate let through, with the time set aside for it."""

    model_config = ConfigDict(frozen=True)

    id: str
    tool: str
    arguments: dict[str, Any]
    reason: str
    estimate: float
    reservation: int
    reserved: float = 0.0
    approved: str = ""
    trials_reservation: int | None = None
    reserved_trials: int = 0
    gpu_reservation: int | None = None
    key: str = ""  # of its entry in the trail
    by: str = ""  # whose call it is


def _all_merged(old: Facts, new: Sequence[Facts]) -> Facts:
    return functools.reduce(merge, new, old)


def _extended(old: list[Step], new: Sequence[list[Step]]) -> list[Step]:
    return [*old, *(step for steps in new for step in steps)]


SNAPSHOT_EVERY = 50  # changes of a growing channel; in between, checkpoints hold what was added


class State(TypedDict):
    """What the nodes read and change; facts and steps only ever grow.

    Attributes:
        messages: Between controller and tools; the digest is added when deciding.
        calls: What the gate let through this round.
        refused: Rounds in a row in which the gate let nothing through.
        asked_on: How often the controller wanted to stop and was asked to go on.
        corrections: How often in a row the controller was told what it does wrong.
        helped: Steps there were when it was last told that they lead nowhere.
        declined: What a person, or the run's policy, said no to: see `policy.kind_of`.
        vetoes: The rule's words by kind of call, of those in `declined` that a rule forbids.
        taken_over: Why the planner took the controller's place; None while it did not.
        stop: Why the loop ended; None while it goes on.
    """

    messages: Annotated[list[AnyMessage], add_messages]
    facts: Annotated[Facts, DeltaChannel(_all_merged, snapshot_frequency=SNAPSHOT_EVERY)]
    steps: Annotated[list[Step], DeltaChannel(_extended, snapshot_frequency=SNAPSHOT_EVERY)]
    calls: list[Call]
    refused: int
    asked_on: int
    corrections: int
    helped: int
    declined: list[str]
    vetoes: dict[str, str]
    taken_over: str | None
    stop: StopReason | None


class ActInput(TypedDict):
    """What one tool call gets: the call, and the state as it was when it was sent."""

    call: Call
    facts: Facts
    taken_over: str | None


GROWING = ("facts", "steps")

# Types that checkpoints may hold, beside LangChain's messages.
CHECKPOINTED = (
    Call,
    Candidate,
    Condition,
    Curve,
    CurvePoint,
    DataVersion,
    DomainSaid,
    Facts,
    Finding,
    KnowledgeUse,
    KnownStrategy,
    RankedBase,
    Remembered,
    Step,
    TrialRecord,
)
