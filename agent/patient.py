"""A chat model that waits for its server: streams, tries again, gives up in one line."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from json import JSONDecodeError
from typing import Any, cast

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.exceptions import ContextOverflowError, ModelError
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.stop import stop_before_delay
from tenacity.wait import wait_random_exponential

from ..tools.guardrails.checks import neutralise
from .answers import settled, shown
from .controller import ControllerError

ATTEMPTS = 6
PATIENCE = 600.0  # seconds for one answer, everything in it: waiting, trying again, streaming
FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
AGAIN = {408, 429}
QUOTA = {"insufficient_quota", "billing_hard_limit_reached"}  # 429s that waiting won't mend
# What HTTP clients call a connection that failed, and SDKs what their own stream reports.
CONNECTION_ERRORS = {"TransportError", "APIConnectionError", "APIError"}
SAID = 200  # characters kept of what a server says
SECRET_NAMES = ("_API_KEY", "_TOKEN", "_SECRET")


class BrokenAnswer(Exception):
    """What came back is no whole answer; asking again may help."""


class EndlessAnswer(Exception):
    """The answer went on past every limit."""


class PatientChat(BaseChatModel):
    """Any chat model behind a network, made steady.

    Attributes:
        inner: The provider's own chat model, its retrying switched off.
        name: As it is named wherever it shows.
        variable: Environment variable that holds its key.
        attempts: How often it is asked for one answer at most.
        patience: Seconds for one answer in all.
    """

    inner: BaseChatModel
    name: str
    variable: str
    attempts: int = ATTEMPTS
    patience: float = PATIENCE

    @property
    def _llm_type(self) -> str:
        return self.inner._llm_type

    def bind_tools(
        self, tools: Sequence[Any], **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools; each request carries them, and nothing else that isn't asked for."""
        return cast(
            "Runnable[LanguageModelInput, AIMessage]",
            self.bind(tools=[convert_to_openai_tool(t) for t in tools], **kwargs),
        )

    def get_num_tokens(self, text: str) -> int:
        """Estimate: the tokenizers that would count exactly are downloads."""
        return count_tokens_approximately([text])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        tools: Sequence[dict[str, Any]] = (),
        **kwargs: Any,
    ) -> ChatResult:
        model = self.inner.bind_tools(tools, **kwargs) if tools else self.inner
        prompt = shown(messages)
        names = {tool["function"]["name"] for tool in tools}
        end = time.monotonic() + self.patience

        def ask() -> AIMessage:
            chunks: list[AIMessageChunk] = []
            attempt = f"lc_run--{uuid.uuid4()}"  # tells listeners when it begins anew
            # Who listens hears of this run, not of the inner one.
            for chunk in model.stream(prompt, {"callbacks": []}, stop=stop):
                chunks.append(cast("AIMessageChunk", chunk.model_copy(update={"id": attempt})))
                if run_manager:
                    made = ChatGenerationChunk(message=chunks[-1])
                    run_manager.on_llm_new_token(made.text, chunk=made)
                if time.monotonic() > end:
                    raise EndlessAnswer(f"no end of its answer within {self.patience:.0f} s")
            if not chunks:
                raise BrokenAnswer("an empty answer")
            answer = settled(add_ai_message_chunks(*chunks), names)
            if not (answer.text or answer.tool_calls or answer.invalid_tool_calls):
                raise BrokenAnswer("an empty answer")
            return counted(answer, prompt, tools)

        retrying = self._retrying()
        try:
            answer = retrying(ask)
        except Exception as error:  # SDKs raise their own kinds, and trip over what servers send
            raise ControllerError(in_words(error, self.name, self.variable)) from None
        return ChatResult(generations=[ChatGeneration(message=answer)])

    def _retrying(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception(worth_asking_again),
            wait=_wait(FIRST_WAIT),
            stop=stop_after_attempt(self.attempts) | stop_before_delay(self.patience),
            reraise=True,
        )


def worth_asking_again(error: BaseException) -> bool:
    """Whether the same request may do better: busy, broken or out of reach, not refused."""
    if getattr(error, "code", None) in QUOTA or isinstance(error, ContextOverflowError):
        return False
    status = _status(error)
    if status is not None:
        return status in AGAIN or status >= 500
    if isinstance(error, ModelError):
        return error.is_retryable
    broken = (BrokenAnswer, ConnectionError, TimeoutError, JSONDecodeError, UnicodeDecodeError)
    return isinstance(error, broken) or _is_connection_error(error)


def in_words(error: Exception, name: str, variable: str) -> str:
    """One line for a person: what failed and how to mend it; without any key."""
    said = neutralise(without_keys(_message(error)), SAID)
    status = _status(error)
    if isinstance(error, ContextOverflowError) or (status == 400 and "context" in said.lower()):
        return f"{name}: what it has to read no longer fits its window ({said})"
    if status in {401, 403}:
        return f"{name}: refuses the key ({status}); set {variable} in the environment"
    if status == 404:
        return f"{name}: doesn't know this model or address (404): {said}"
    if getattr(error, "code", None) in QUOTA:
        return f"{name}: its quota is used up (429): {said}"
    if status is not None:
        again = f", {ATTEMPTS} times or for too long" if worth_asking_again(error) else ""
        return f"{name}: answered {status}{again}: {said}"
    if _is_connection_error(error):
        return f"{name}: cannot be reached, or the connection broke off each time: {said}"
    return f"{name}: gave no answer that can be used: {said}"


def without_keys(text: str) -> str:
    """Blot out whatever the environment holds as a secret: servers like to repeat keys."""
    for variable, value in os.environ.items():
        if variable.endswith(SECRET_NAMES) and len(value) > 3:
            text = text.replace(value, "***")
    return text


def counted(
    answer: AIMessage, prompt: Sequence[BaseMessage], tools: Sequence[dict[str, Any]]
) -> AIMessage:
    """The answer with its tokens: as the server counted, else estimated and marked so."""
    if answer.usage_metadata is not None and answer.usage_metadata["total_tokens"] > 0:
        return answer
    read = count_tokens_approximately([*prompt, str(list(tools))])
    written = count_tokens_approximately([answer])
    usage = {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
    marked = {**answer.response_metadata, "tokens_estimated": True}
    return answer.model_copy(update={"usage_metadata": usage, "response_metadata": marked})


def retry_after(error: BaseException | None) -> float | None:
    """Seconds that the server asked us to wait, if it did: as such, or as a date."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    said = headers.get("retry-after", "")
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
        except ValueError:
            return None
    return seconds if 0 <= seconds < float("inf") else None


def _wait(first: float) -> Callable[[RetryCallState], float]:
    """As long as the server asks for, else up to twice as long each time, by chance."""
    growing = wait_random_exponential(multiplier=first, max=LONGEST_WAIT)

    def wait(state: RetryCallState) -> float:
        asked = retry_after(state.outcome.exception() if state.outcome else None)
        return growing(state) if asked is None else asked

    return wait


def _status(error: BaseException) -> int | None:
    """The HTTP status, also where it only stands in the body of an error in a stream."""
    for said in (getattr(error, "status_code", None), getattr(error, "code", None)):
        if isinstance(said, int) or (isinstance(said, str) and said.isdecimal()):
            return int(said)
    return None


def _is_connection_error(error: BaseException) -> bool:
    return any(kind.__name__ in CONNECTION_ERRORS for kind in type(error).__mro__)


def _message(error: Exception) -> str:
    body = getattr(error, "body", None)
    said = body.get("message") if isinstance(body, dict) else None
    return str(said or error) or type(error).__name__
