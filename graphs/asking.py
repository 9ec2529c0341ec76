"""Ask a controller: in time, within the budgets of tokens and money, and what it took."""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, ToolMessage
from langchain_core.runnables.config import merge_configs

from ..tools.registry import TOOLS
from .context import RunContext
from .faults import ControllerFailed, one_line

DECISION_SECONDS = 300.0  # a controller that has not answered by then has failed
STOPPING_SECONDS = 10.0  # that a model in this process gets to come to its next token
ANSWER_TOKENS = 500  # set aside for an answer
DEAREST = "dearest_answer"  # as the ledger keeps the tokens of a run's dearest answer
CHARACTERS_A_TOKEN = 4
TOOLS_SHARE = 0.5  # of a context window that history may fill at most


@dataclass(frozen=True)
class Asked:
    """An answer with what it took.

    Attributes:
        read, written: Tokens.
        usd: US dollars; None where no price is known.
        estimated: The server told no counts.
    """

    answer: AIMessage
    read: int
    written: int
    usd: float | None
    estimated: bool


@runtime_checkable
class KnowsAhead(Protocol):
    """A chat model that can tell what an answer will take before it gives it."""

    def tokens_ahead(
        self, messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]]
    ) -> tuple[int, int]:
        """Tokens that it will read, and write at most."""
        ...


def ask(context: RunContext, messages: Sequence[BaseMessage], *, words: int | None = None) -> Asked:
    """Ask the run's controller, charging tokens and money to the ledger.

    Args:
        context: Of the run.
        messages: What it is shown.
        words: Tokens of an answer in plain words, which are set aside; None: it calls a tool.

    Raises:
        BudgetSpent: What is left does not cover one more answer.
        ControllerFailed: No answer came, for whatever reason.
    """
    tools = context.tools
    schemas = [t.schema() for t in TOOLS.values()] if words is None else []
    expected, most = _ahead(context.controller, messages, schemas)
    most = max(most, words or 0)
    dearest = float(tools.ledger.kept(tools.run, DEAREST) or 0.0)  # the next may cost as much
    likely = max(expected + most, int(dearest))
    held = [(tools.ledger.reserve(tools.run, "tokens", likely), float(expected))]
    try:
        if context.price is not None:
            cost = _cost(context.price, expected, likely - expected)
            least = _cost(context.price, expected, 0)
            held.append((tools.ledger.reserve(tools.run, "usd", cost), least))
        for reservation, least in held:  # a crash from here on has cost the question at least
            tools.ledger.note_spent(reservation, least)
        answer = answer_in_time(context.controller, schemas, messages, DECISION_SECONDS)
    except BaseException:
        for reservation, _ in held:
            tools.ledger.settle(reservation, 0.0)
        raise
    usage = answer.usage_metadata
    read = usage["input_tokens"] if usage else expected
    written = usage["output_tokens"] if usage else tokens_of([answer])
    usd = None if context.price is None else _cost(context.price, read, written)
    for (reservation, _), spent in zip(held, (read + written, usd or 0.0), strict=False):
        tools.ledger.settle(reservation, spent)
    if read + written > dearest:
        tools.ledger.keep(tools.run, DEAREST, str(read + written))
    return Asked(answer, read, written, usd, usage is None)


def answer_in_time(
    model: BaseChatModel,
    schemas: Sequence[dict[str, Any]],
    messages: Sequence[BaseMessage],
    seconds: float,
) -> AIMessage:
    """Invoke a chat model; one that fails or never answers is a `ControllerFailed`.

    Raises:
        ControllerFailed: It raised, or `seconds` went by.
    """
    found: list[AIMessage | BaseException] = []
    waiting, done = _Waiting(), threading.Event()

    def work() -> None:
        try:
            config = merge_configs({}, {"callbacks": [waiting]})
            bound = model.bind_tools(list(schemas)) if schemas else model
            found.append(bound.invoke(list(messages), config))
        except BaseException as error:  # told to whoever waits
            found.append(error)
        finally:
            done.set()

    # A daemon thread: one that hangs must not keep the process from ending.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    thread.start()
    try:
        in_time = done.wait(seconds)
    except BaseException:
        waiting.over = True
        if isinstance(model, KnowsAhead):  # a process that ends while it computes is aborted
            done.wait(STOPPING_SECONDS)
        raise
    waiting.over = True
    if not in_time:
        raise ControllerFailed(f"no answer within {seconds:.0f} s")
    (answer,) = found
    if isinstance(answer, Exception):
        raise ControllerFailed(one_line(answer)) from answer
    if isinstance(answer, BaseException):
        raise answer
    if not isinstance(answer, AIMessage):
        raise ControllerFailed(f"it answered with a {type(answer).__name__}")
    return answer


class _NobodyWaits(BaseException):
    """Ends a thread; no `Exception`, so that nobody on the way makes an error of it."""


class _Waiting(BaseCallbackHandler):
    """Ends an answer at its next token once nobody waits for it: time-out, Ctrl-C."""

    raise_error = True

    def __init__(self) -> None:
        self.over = False

    def on_llm_new_token(self, token: str | list[str | dict[str, Any]], **_: Any) -> None:
        """Raise where nobody waits."""
        if self.over:
            raise _NobodyWaits


def _ahead(
    model: BaseChatModel, messages: Sequence[BaseMessage], schemas: Sequence[dict[str, Any]]
) -> tuple[int, int]:
    """Tokens that an answer will read and may write: as the model knows, else estimated."""
    if not isinstance(model, KnowsAhead):
        read = tokens_of(messages) + len(json.dumps(schemas)) // CHARACTERS_A_TOKEN
        return read, ANSWER_TOKENS
    try:
        return model.tokens_ahead(messages, schemas)
    except Exception as error:  # as when it answers: whatever fails, the planner takes over
        raise ControllerFailed(one_line(error)) from error


def tokens_of(messages: Sequence[BaseMessage]) -> int:
    """Estimate tokens: a quarter of the characters, tool calls among them."""
    size = 0
    for message in messages:
        size += len(str(message.text))
        if isinstance(message, AIMessage):
            size += sum(len(json.dumps(c["args"], default=str)) for c in message.tool_calls)
    return size // CHARACTERS_A_TOKEN + 4 * len(messages)


def recent(messages: Sequence[AnyMessage], most: int, room: int | None) -> list[AnyMessage]:
    """The last rounds, whole: each begins with a message of the controller's own.

    Args:
        messages: Oldest first.
        most: Messages at most.
        room: Tokens at most; None: no limit.
    """
    kept: list[AnyMessage] = []
    for start in reversed([i for i, m in enumerate(messages) if isinstance(m, AIMessage)]):
        longer = list(messages[start:])
        if len(longer) > most or (room is not None and tokens_of(longer) > room):
            break
        kept = longer
    return kept


def results_in(messages: Sequence[AnyMessage]) -> int:
    """How many finished steps the messages show."""
    return sum(isinstance(m, ToolMessage) and '{"refused"' not in str(m.text) for m in messages)


def _cost(price: tuple[float, float], read: float, written: float) -> float:
    return (read * price[0] + written * price[1]) / 1e6
