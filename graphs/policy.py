"""Which steps need a person, and which are never done: the rules, and reading them from a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..tools.datasets.trouble import KINDS
from ..tools.errors import UserError
from ..tools.registry import TOOLS

ASK_ABOVE = 300.0  # seconds: dearer steps need a person, unless a policy says otherwise

CLEAN = "clean_dataset"
ALWAYS = "finish"  # wanting to stop needs no permission
LOOKS = frozenset(
    {"inspect_dataset", "query_knowledge", "list_jobs", "evaluate_candidate", "check_guardrails"}
)

Mode = Literal["auto", "ask", "never"]


class PolicyError(UserError):
    """A policy file that cannot be used."""


class Rule(BaseModel):
    """Calls of a tool that are expected to take more than so many seconds.

    Attributes:
        tool: Its name; "*" for every tool.
        above: Seconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str = "*"
    above: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)

    def covers(self, tool: str, seconds: float) -> bool:
        """Whether a call falls under this rule."""
        return self.tool in {"*", tool} and seconds > self.above

    def __str__(self) -> str:
        """The rule in words."""
        what = "every step" if self.tool == "*" else self.tool
        return f"{what} above {self.above:g} s" if self.above else what


class Policy(BaseModel):
    """What needs a person's yes, and what is refused outright.

    Attributes:
        tools: The only ones this session may use; None: all. `finish` always goes.
        read_only: Only tools that look: nothing is trained, changed or recorded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ask: tuple[Rule, ...] = (Rule(above=ASK_ABOVE),)
    refuse: tuple[Rule, ...] = ()
    tools: tuple[str, ...] | None = None
    read_only: bool = False

    def why_not_permitted(self, tool: str) -> str | None:
        """Why a session may not use a tool at all; None: it may."""
        if tool == ALWAYS:
            return None
        if self.read_only and tool not in LOOKS:
            return f"this session is read-only; choose from {', '.join(sorted(LOOKS))}"
        if self.tools is not None and tool not in self.tools:
            allowed = ", ".join([*self.tools, ALWAYS])
            return f"this session may not use {tool}; choose from {allowed}"
        return None

    def why_refused(self, tool: str, seconds: float) -> str | None:
        """The rule that forbids a call; None when none does."""
        return next((str(r) for r in self.refuse if r.covers(tool, seconds)), None)

    def why_asked(self, tool: str, seconds: float) -> str | None:
        """The rule that wants a person to decide; None when none does."""
        return next((str(r) for r in self.ask if r.covers(tool, seconds)), None)


def chosen_kinds(tool: str, arguments: Mapping[str, object]) -> tuple[str, ...]:
    """Kinds of rows that a call would remove though only a person may choose so."""
    return tuple(kind for kind in KINDS if tool == CLEAN and arguments.get(kind) is True)


def kind_of(tool: str, arguments: Mapping[str, object]) -> str:
    """What a no is taken to mean: the tool, of a training its strategy, of a cleaning what goes."""
    if tool == CLEAN:
        return " ".join((tool, *chosen_kinds(tool, arguments)))
    if tool != "fine_tune":
        return tool
    return f"{tool} {arguments.get('peft_method') or arguments.get('strategy')}"


def read_policy(path: Path | None) -> Policy:
    """Read a policy file; without one, steps above five minutes need a person.

    Raises:
        PolicyError: It cannot be read, or says something that cannot be.
    """
    if path is None:
        return Policy()
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        first = str(error).strip().splitlines()[0]
        raise PolicyError(f"policy {path}: cannot be read as YAML: {first}") from error
    if not isinstance(said, dict):
        raise PolicyError(f"policy {path}: must be a mapping with `ask:`, `refuse:`, `tools:`")
    try:
        policy = Policy.model_validate(said)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(p) for p in fault["loc"])
        raise PolicyError(f"policy {path}: {place}: {fault['msg']}") from error
    named = {r.tool for r in policy.ask + policy.refuse} - {"*"}
    unknown = {*named, *(policy.tools or ())} - {*TOOLS}
    if unknown:
        raise PolicyError(
            f"policy {path}: there is no tool {sorted(unknown)[0]!r}; choose from "
            f"{', '.join(TOOLS)}, or *"
        )
    return policy
