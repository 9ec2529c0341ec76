"""Asking a controller: its window, its time, and what an answer costs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatResult
from tuneos.agent.coded import CodedChat
from tuneos.graphs.asking import answer_in_time, ask, recent, tokens_of
from tuneos.graphs.context import RunContext
from tuneos.graphs.faults import ControllerFailed
from tuneos.graphs.writing import writer_of
from tuneos.memory.budgets import BudgetSpent
from tuneos.memory.ledger import Ledger
from tuneos.tools.tool import ToolRefused

RUN = "run-1"


class Says(CodedChat):
    """Answers with `answer`, raises `error`, or waits for ever."""

    answer: Any = None
    error: Any = None
    hangs: bool = False

    @property
    def _llm_type(self) -> str:
        return "says"

    def reply(self, messages: list[BaseMessage]) -> AIMessage:
        if self.hangs:
            threading.Event().wait(30)
        if self.error is not None:
            raise self.error
        return cast("AIMessage", self.answer)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "ledger.sqlite")
    made.start_run(RUN, {})
    return made


def context(
    ledger: Ledger, model: BaseChatModel, price: tuple[float, float] | None = None
) -> RunContext:
    tools = SimpleNamespace(ledger=ledger, run=RUN)
    return cast(RunContext, SimpleNamespace(tools=tools, controller=model, price=price))


USAGE = {"input_tokens": 1000, "output_tokens": 50, "total_tokens": 1050}
COUNTED = AIMessage("so", usage_metadata=USAGE)


def test_tokens_and_money_are_charged_as_the_server_counted(ledger: Ledger) -> None:
    asked = ask(context(ledger, Says(answer=COUNTED), (2.0, 10.0)), [HumanMessage("go")])
    assert (asked.read, asked.written, asked.estimated) == (1000, 50, False)
    assert asked.usd == pytest.approx(0.0025)
    spending = ledger.spending(RUN)
    assert spending["tokens"].spent == 1050
    assert spending["usd"].spent == pytest.approx(0.0025)
    assert spending["tokens"].reserved == spending["usd"].reserved == 0


def writing(ledger: Ledger, model: BaseChatModel, fallback: BaseChatModel) -> RunContext:
    found: Any = context(ledger, model)
    found.fallback, found.controller_name = fallback, "m"
    return cast(RunContext, found)


def test_writer_gives_words_and_is_charged(ledger: Ledger) -> None:
    writer = writer_of(writing(ledger, Says(answer=COUNTED), Says()), None)
    assert writer is not None
    assert (writer.name, writer.write("be short", "go", 50)) == ("m", "so")
    assert ledger.spending(RUN)["tokens"].spent == 1050


def test_writer_refuses_where_the_budget_is_spent_or_no_answer_comes(ledger: Ledger) -> None:
    broken = writer_of(writing(ledger, Says(error=ValueError("gone")), Says()), None)
    assert broken is not None
    with pytest.raises(ToolRefused, match="gone"):
        broken.write("be short", "go", 50)
    ledger.set_limit(RUN, "tokens", 100)
    poor = writer_of(writing(ledger, Says(answer=COUNTED), Says()), None)
    assert poor is not None
    with pytest.raises(ToolRefused, match="tokens"):
        poor.write("be short", "go", 500)


def test_budget_is_held_against_the_dearest_answer_so_far(ledger: Ledger) -> None:
    ledger.set_limit(RUN, "tokens", 2000)
    dear = writer_of(writing(ledger, Says(answer=COUNTED), Says()), None)
    assert dear is not None
    dear.write("be short", "go", 50)
    with pytest.raises(ToolRefused, match="tokens"):
        dear.write("be short", "go", 50)  # the next one would lead to 2,100
    assert ledger.spending(RUN)["tokens"].spent == 1050


def test_planner_is_no_writer_and_no_llm_that_it_replaced(ledger: Ledger) -> None:
    planner = Says()
    assert writer_of(writing(ledger, Says(), planner), "it went in circles") is None
    assert writer_of(writing(ledger, planner, planner), None) is None


def test_tokens_are_estimated_where_the_server_tells_none(ledger: Ledger) -> None:
    asked = ask(context(ledger, Says(answer=AIMessage("x" * 400))), [HumanMessage("y" * 800)])
    assert asked.estimated
    assert asked.written == pytest.approx(100, abs=10)
    assert asked.read > 200, "the tools are read as well"
    assert ledger.spending(RUN)["tokens"].spent == asked.read + asked.written
    assert "usd" not in ledger.spending(RUN)


@pytest.mark.parametrize(("resource", "limit"), [("tokens", 100), ("usd", 1e-6)])
def test_question_that_the_budget_does_not_cover_is_not_asked(
    ledger: Ledger, resource: str, limit: float
) -> None:
    ledger.set_limit(RUN, resource, limit)
    unasked = Says(error=AssertionError("must not be asked"))
    with pytest.raises(BudgetSpent, match=resource):
        ask(context(ledger, unasked, (2.0, 10.0)), [HumanMessage("go")])
    assert all(s.reserved == 0 for s in ledger.spending(RUN).values())


def test_failed_question_leaves_nothing_reserved(ledger: Ledger) -> None:
    with pytest.raises(ControllerFailed, match="ConnectionError: gone"):
        ask(context(ledger, Says(error=ConnectionError("gone"))), [HumanMessage("go")])
    assert ledger.spending(RUN)["tokens"].reserved == 0


def test_controller_that_never_answers_has_failed() -> None:
    with pytest.raises(ControllerFailed, match="no answer within"):
        answer_in_time(Says(hangs=True), [], [HumanMessage("go")], 0.05)


class Ahead(Says):
    """Knows what its answer will take, or fails to say."""

    takes: tuple[int, int] | None = None

    def tokens_ahead(
        self, messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]]
    ) -> tuple[int, int]:
        if self.takes is None:
            raise ValueError("its window is too small")
        return self.takes


@pytest.mark.parametrize(("limit", "fits"), [(1050, True), (1049, False)])
def test_controller_that_knows_ahead_is_held_to_its_budget_exactly(
    ledger: Ledger, limit: float, fits: bool
) -> None:
    ledger.set_limit(RUN, "tokens", limit)
    asking = context(ledger, Ahead(answer=COUNTED, takes=(1000, 50)))
    if fits:
        assert ask(asking, [HumanMessage("go")]).read == 1000
        return
    with pytest.raises(BudgetSpent, match="tokens"):
        ask(asking, [HumanMessage("go")])


def test_controller_that_cannot_even_count_has_failed(ledger: Ledger) -> None:
    with pytest.raises(ControllerFailed, match="window is too small"):
        ask(context(ledger, Ahead()), [HumanMessage("go")])


class Talks(Says):
    """Writes tokens until it is stopped."""

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        assert run_manager is not None
        while True:
            run_manager.on_llm_new_token("and ")


def test_answer_that_nobody_waits_for_ends_at_its_next_token() -> None:
    before = set(threading.enumerate())
    with pytest.raises(ControllerFailed, match="no answer within"):
        answer_in_time(Talks(), [], [HumanMessage("go")], 0.05)
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


def rounds(count: int) -> list[AnyMessage]:
    made: list[AnyMessage] = []
    for number in range(count):
        call = {"name": "list_jobs", "args": {}, "id": str(number), "type": "tool_call"}
        made.append(AIMessage("x" * 400, tool_calls=[call]))
        made.append(ToolMessage("y" * 400, tool_call_id=str(number)))
    return made


@pytest.mark.parametrize(
    ("most", "room", "kept"),
    [(24, None, 10), (5, None, 4), (24, 450, 4), (24, 10, 0), (1, None, 0)],
)
def test_history_is_cut_to_whole_rounds(most: int, room: int | None, kept: int) -> None:
    messages = rounds(5)
    found = recent(messages, most, room)
    assert found == messages[len(messages) - kept :]
    assert not found or isinstance(found[0], AIMessage)
    assert room is None or tokens_of(found) <= room
