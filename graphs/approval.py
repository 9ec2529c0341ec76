"""What a person is asked before a costly step, and what they may answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Question(BaseModel):
    """A step that waits for a person.

    Attributes:
        seconds: How long it is expected to take.
        memory, free: Bytes that a training takes at most, and those that were free
            when the run first looked; None where nothing is trained.
        reason: Why the controller asks for it, in its own words.
        why_asked: The rule that wants a person to decide.
        known: Names of the arguments that it takes.
    """

    model_config = ConfigDict(frozen=True)

    tool: str
    arguments: dict[str, Any]
    reason: str
    seconds: float
    memory: int | None = None
    free: int | None = None
    why_asked: str = ""
    known: tuple[str, ...] = ()


class Answer(BaseModel):
    """What the person said.

    Attributes:
        decision: "edit" runs the step with `arguments`, checked again as if proposed.
        arguments: In full, for "edit".
        words: Passed on to the controller with a refusal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    decision: Literal["approve", "refuse", "edit"]
    arguments: dict[str, Any] | None = Field(default=None)
    words: str = ""

    @classmethod
    def of(cls, said: Any) -> Answer:
        """Read an answer; True and False will do."""
        if isinstance(said, bool):
            return cls(decision="approve" if said else "refuse")
        return cls.model_validate(said)


class WaitingForPerson(Exception):
    """A step needs a person's yes, and there is nobody to ask; the run can go on later."""

    def __init__(self, question: Question) -> None:
        self.question = question
        super().__init__(f"{question.tool} waits for a person's yes")


Approve = Callable[[Question], "Answer | bool"]
