"""A scripted controller, a tiny dataset, and runs of one on the other."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable
from pydantic import Field
from tuneos.agent import controllers
from tuneos.agent.coded import CodedChat
from tuneos.agent.controller import Controller
from tuneos.agent.plan import plan_run
from tuneos.agent.runs import Run, create_run
from tuneos.agent.session import go_on
from tuneos.agent.spec import make_spec
from tuneos.evals.result import RunResult
from tuneos.graphs.approval import Approve

Turn = str | list[tuple[str, dict[str, Any]]]
NAME = "scripted fake"
FAKE = "fake:scripted"  # the --llm that it answers to
PROBE: Turn = [("probe_baselines", {"rungs": ["tfidf_linear"]})]
FINISH: Turn = [("finish", {"reason": "that is all"})]
WORDS = {
    "billing": "invoice charge refund payment price receipt",
    "travel": "flight hotel luggage airport ticket boarding",
    "garden": "tulip shovel compost watering seedling fence",
}


class Scripted(CodedChat):
    """A fake LLM that says its turns one after the other, then finishes for ever.

    A turn is plain words, or a list of (tool, arguments). `seen` keeps what it was shown.
    """

    turns: list[Any]
    seen: list[list[BaseMessage]] = Field(default_factory=list)
    bound: list[Any] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return NAME

    def bind_tools(
        self, tools: Sequence[Any], **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        self.bound[:] = tools
        return super().bind_tools(tools, **kwargs)

    def reply(self, messages: list[BaseMessage]) -> AIMessage:
        """Say the next turn."""
        turn: Turn = self.turns[len(self.seen)] if len(self.seen) < len(self.turns) else FINISH
        self.seen.append(messages)
        return AIMessage(content=turn) if isinstance(turn, str) else calling(turn)


def calling(turn: Sequence[tuple[str, dict[str, Any]]]) -> AIMessage:
    """A controller's message with these tool calls."""
    calls = [
        {"name": name, "args": args, "id": uuid.uuid4().hex, "type": "tool_call"}
        for name, args in turn
    ]
    return AIMessage(content="because the script says so", tool_calls=calls)


@contextmanager
def controlled_by(model: BaseChatModel) -> Iterator[None]:
    """Put a chat model in the place of whatever `--llm` names."""

    real = controllers.find_controller

    def find(ref: str | None, model_name: str | None = None) -> Controller:
        asked_for = ref == FAKE
        return Controller(model, NAME) if asked_for else real(ref, model_name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(controllers, "find_controller", find)
        yield


@dataclass
class Ran:
    """A run that ended, and everything that could be seen of it."""

    run: Run
    result: RunResult
    model: Scripted
    events: list[dict[str, Any]] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of one kind."""
        return [e for e in self.events if e["kind"] == kind]

    @property
    def shown(self) -> str:
        """All that the controller was ever shown."""
        return "\n".join(str(m.content) for messages in self.model.seen for m in messages)


def run_scripted(
    turns: Sequence[Turn],
    data: Path,
    workspace: Path,
    *,
    approve: Approve | None = None,
    **said: Any,
) -> Ran:
    """Drive the real graph with a scripted controller."""
    return run_with(Scripted(turns=list(turns)), data, workspace, approve=approve, **said)


def run_with(
    model: Scripted,
    data: Path,
    workspace: Path,
    *,
    approve: Approve | None = None,
    **said: Any,
) -> Ran:
    """Drive the real graph with a fake LLM."""
    events: list[dict[str, Any]] = []
    spec = make_spec({"data": str(data), "workspace": str(workspace), "llm": FAKE, **said}, "test")
    with controlled_by(model):
        run = create_run(plan_run(spec))
        result = go_on(run, on_event=events.append, approve=approve)
    return Ran(run, result, model, events)


def ticket_rows() -> list[tuple[str, str]]:
    """120 different texts of three classes, each in its class's own words."""
    made = []
    for number in range(120):
        label = list(WORDS)[number % 3]
        words = WORDS[label].split()
        first, second = words[number // 3 % 6], words[number // 18 % 6]
        made.append((f"about the {first} and {second} case {number}", label))
    return made
