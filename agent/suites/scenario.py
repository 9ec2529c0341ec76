"""A suite as a file: scenarios with data, targets, a budget, what is expected, faults to inject."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ...tools.errors import UserError

Expected = Literal["met", "not_met", "honest", "user_error"]
Fault = Literal["kill_worker", "kill_agent", "out_of_memory"]


class SuiteError(UserError):
    """A suite file that cannot be used."""


class Generated(BaseModel):
    """Data made for a scenario, seeded.

    Attributes:
        rows: In all; a fifth is for validation and a fifth for test.
        noise: Share of rows with a wrong label.
        imbalance: How many times larger the first class is than the last.
        leaked: Test rows that train holds as well.
        personal: Share of texts with an e-mail address.
        overlap: Share of words that say nothing of the class.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int = Field(240, ge=4, le=100_000)
    classes: int = Field(3, ge=2, le=8)
    noise: float = Field(0.0, ge=0, le=0.9)
    imbalance: float = Field(1.0, ge=1, le=100)
    leaked: int = Field(0, ge=0)
    personal: float = Field(0.0, ge=0, le=1)
    overlap: float = Field(0.5, ge=0, lt=1)


class Scenario(BaseModel):
    """One run of the agent, and what a good agent would make of it.

    Attributes:
        data: A path relative to the suite's file; or `generated`.
        expect: "honest": met or not met, as long as the report says which.
        words: What the error must say, for "user_error".
        fault: Injected once, while the first job computes.
        best_known: Primary metric on the test split that somebody reached.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)
    data: str | None = None
    generated: Generated | None = None
    text: str | None = None
    label: str | None = None
    targets: tuple[str, ...] = ()
    budget: str = "2m"
    max_trials: int | None = Field(None, ge=0)
    max_tokens: int | None = Field(None, gt=0)
    max_cost: float | None = Field(None, gt=0)
    seed: int = Field(0, ge=0, lt=2**30)
    expect: Expected = "honest"
    words: str = ""
    fault: Fault | None = None
    best_known: float | None = None

    @field_validator("targets", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _has_data(self) -> Scenario:
        if (self.data is None) == (self.generated is None):
            raise ValueError("give either `data` or `generated`")
        return self


class Suite(BaseModel):
    """Scenarios that belong together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    about: str = ""
    scenarios: tuple[Scenario, ...] = Field(min_length=1)
    folder: Path = Path()

    @model_validator(mode="after")
    def _names_differ(self) -> Suite:
        names = [s.name for s in self.scenarios]
        twice = next((n for n in names if names.count(n) > 1), None)
        if twice is not None:
            raise ValueError(f"two scenarios are called {twice!r}")
        return self


def read_suite(ref: str) -> Suite:
    """Read a suite file, or a packaged one by its name ("core").

    Raises:
        SuiteError: There is none, or it says something that cannot be.
    """
    path = Path(ref)
    if not path.suffix:
        path = Path(str(resources.files("tuneos.agent.suites") / f"{ref}.yaml"))
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        first = str(error).strip().splitlines()[0]
        raise SuiteError(f"suite {ref}: cannot be read as YAML: {first}") from error
    if not isinstance(said, dict):
        raise SuiteError(f"suite {ref}: must be a mapping with `name:` and `scenarios:`")
    try:
        return Suite.model_validate({**said, "folder": path.parent})
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(p) for p in fault["loc"]) or "suite"
        raise SuiteError(f"suite {ref}: {place}: {fault['msg']}") from error
