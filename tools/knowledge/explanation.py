"""What is said of a run: facts, each with its IRI."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ...evals.result import ProvenanceStep

Topic = Literal[
    "data", "control", "step", "decision", "strategy", "settings", "model", "stop", "test", "budget"
]


class Fact(BaseModel):
    """One thing that the graph holds, in words.

    Attributes:
        iri: What it is about.
        source: Where a recipe, setting or constant comes from.
        when: ISO 8601, UTC; "" where no time is noted.
    """

    model_config = ConfigDict(frozen=True)

    topic: Topic
    text: str
    iri: str
    source: str = ""
    when: str = ""
    number: int | None = Field(default=None, description="of a step")
    about: tuple[str, ...] = Field(default=(), description="names by which it can be asked for")


class Explanation(BaseModel):
    """What the graph holds of a run."""

    model_config = ConfigDict(frozen=True)

    run: str
    iri: str
    status: str
    data_hash: str
    source: str
    chosen: str
    facts: tuple[Fact, ...]
    steps: tuple[ProvenanceStep, ...] = ()

    def of(self, *topics: Topic) -> list[Fact]:
        """The facts on some topics, in order."""
        return [f for f in self.facts if f.topic in topics]
