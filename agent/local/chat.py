"""A transformers causal LM in this process as a chat model that always makes a valid call."""

from __future__ import annotations

import time
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict

from ...graphs.asking import DECISION_SECONDS
from ...tools.registry import TOOLS
from ..controller import Controller, ControllerError
from ..planner import read_digest
from . import weights
from .bounds import Schema, answer_schema, bounds_for, fitting, longest
from .prompt import Turn, plainly, prompts, unmarked
from .weights import LocalRef, Words

if TYPE_CHECKING:
    from .constraint import OnToken

PATIENCE = DECISION_SECONDS - 30  # seconds for one answer, loading the model among them
FREE_TOKENS = 400  # of an answer without tools
FREE_SHARE = 4  # a window holds this many of them at least
LEAST_STATE_TOKENS = 64


@dataclass(frozen=True)
class Asking:
    """A prompt that fits, and what its answer is held to.

    Attributes:
        prompt: Token ids.
        schema: None: free text.
        most: Tokens of the answer at most.
    """

    prompt: list[int]
    schema: Schema | None
    most: int


class LocalChat(BaseChatModel):
    """A local LLM; its weights are loaded when it is first asked.

    Attributes:
        ref: Where it lies.
        window: Tokens that it reads and writes at most; None: no limit.
        temperature: 0: the same state always gives the same call. Above it calls are
            drawn, the same ones for the same state and seed.
        seed: Of the draw.
        patience: Seconds for one answer.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    ref: LocalRef
    window: int | None = None
    temperature: float = 0.0
    seed: int = 0
    patience: float = PATIENCE

    @property
    def _llm_type(self) -> str:
        return "local"

    def bind_tools(
        self, tools: Sequence[Any], **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools: each answer calls one of them, with arguments that it takes."""
        kwargs.pop("tool_choice", None)  # one is always called
        return cast(
            "Runnable[LanguageModelInput, AIMessage]",
            self.bind(tools=[convert_to_openai_tool(t) for t in tools], **kwargs),
        )

    def get_num_tokens(self, text: str) -> int:
        """Count exactly."""
        return len(_ids(weights.load_words(self.ref), text))

    def tokens_ahead(
        self, messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]]
    ) -> tuple[int, int]:
        """Tokens that an answer will read, exactly, and write, at most."""
        asking = self._asking(messages, tools)
        return len(asking.prompt), asking.most

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        tools: Sequence[dict[str, Any]] = (),
        **kwargs: Any,
    ) -> ChatResult:
        from .constraint import generate, read_answer

        until = time.monotonic() + self.patience
        asking, words = self._asking(messages, tools), weights.load_words(self.ref)
        written, count = generate(
            weights.load_model(self.ref),
            words,
            asking.prompt,
            schema=asking.schema,
            most=asking.most,
            until=until,
            temperature=self.temperature,
            seed=self.seed ^ zlib.crc32(repr(asking.prompt).encode()),
            on_token=_teller(run_manager),
        )
        if asking.schema is None:
            answer = AIMessage(written.decode(errors="replace"))
        else:
            reason, name, arguments = read_answer(written)
            call = ToolCall(name=name, args=dict(arguments), id=uuid.uuid4().hex, type="tool_call")
            answer = AIMessage(reason, tool_calls=[call])
        answer.usage_metadata = UsageMetadata(
            input_tokens=len(asking.prompt),
            output_tokens=count,
            total_tokens=len(asking.prompt) + count,
        )
        return ChatResult(generations=[ChatGeneration(message=answer)])

    def _asking(self, messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]]) -> Asking:
        """The longest prompt that leaves room for any answer.

        Raises:
            ControllerError: Not even the shortest does.
        """
        words = weights.load_words(self.ref)
        tools = fitting(tools, self.window)
        if tools:
            bounds = bounds_for(self.window, *_names(messages))
            schema = answer_schema(tools, bounds)
            most = longest(schema)
        else:
            schema, most = None, FREE_TOKENS
            most = most if self.window is None else min(most, self.window // FREE_SHARE)
        room = None if self.window is None else self.window - most
        shortest = 0
        for turns in prompts(messages, tools):
            prompt = render(words, turns)
            if room is None or len(prompt) <= room:
                return Asking(prompt, schema, most)
            shortest = len(prompt)
        raise ControllerError(
            f"--llm {self.ref.said}: its window of {self.window} tokens is too small: a call "
            f"needs {shortest} to be read and up to {most} to be written"
        )


def open_local(said: str) -> Controller:
    """Make a controller of "local:PATH" or "local:PATH+ADAPTER"; no weights are read.

    Raises:
        ControllerError: The folders aren't there, or hold no config.
    """
    ref = weights.read_ref(said)
    window = weights.window_of(ref)
    return Controller(LocalChat(ref=ref, window=window), said, window)


def check_local(said: str) -> None:
    """Find out whether a local LLM can serve, without reading its weights.

    Raises:
        ControllerError: It cannot; the message says why.
    """
    ref = weights.read_ref(said)
    weights.check_files(ref)
    words = weights.load_words(ref)
    model = LocalChat(ref=ref, window=weights.window_of(ref))
    tools = [tool.schema() for tool in TOOLS.values()]
    from .constraint import unwritable

    missing = unwritable(words.grammar, answer_schema(tools, bounds_for(model.window)))
    if missing is not None:
        raise ControllerError(
            f"--llm {said}: its tokenizer has no token for {missing!r}, which tool calls need"
        )
    model._asking([HumanMessage("x " * LEAST_STATE_TOKENS)], tools)
    weights.check_adapter(ref)


def render(words: Words, turns: Sequence[Turn]) -> list[int]:
    """Turns as token ids: by the tokenizer's chat template, or plainly where it has none.

    A template that refuses a system turn, or leaves it out, gets it as the user's words.
    """
    marks = [t.content for t in words.tokenizer.added_tokens_decoder.values() if t.special]
    said = [Turn(t.role, unmarked(t.text, marks)) for t in turns]
    if words.tokenizer.chat_template:
        for version in (said, _without_system(said)):
            text = _templated(words.tokenizer, version)
            if text is not None:
                return _ids(words, text)
    return _ids(words, plainly(said), special=True)


def _templated(tokenizer: Any, turns: Sequence[Turn]) -> str | None:
    """What the chat template makes of the turns; None where it refuses or drops one."""
    from jinja2 import TemplateError

    try:
        text = tokenizer.apply_chat_template(
            [{"role": t.role, "content": t.text} for t in turns],
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=False,
        )
    except (TemplateError, TypeError, ValueError, KeyError):
        return None
    shown = all(t.text.strip()[:40] in text for t in turns)
    return str(text) if shown else None


def _without_system(turns: Sequence[Turn]) -> list[Turn]:
    if len(turns) < 2 or turns[0].role != "system":
        return list(turns)
    first, second, *rest = turns
    return [Turn("user", f"{first.text}\n\n{second.text}"), *rest]


def _ids(words: Words, text: str, *, special: bool = False) -> list[int]:
    found = words.tokenizer(text, add_special_tokens=special, verbose=False)["input_ids"]
    return [int(i) for i in found]


def _names(messages: Sequence[BaseMessage]) -> tuple[list[str], list[str]]:
    """Names of the candidates and of the trainable strategies that the state shows, if any."""
    try:
        state = read_digest(messages)
    except (ValueError, KeyError, IndexError, TypeError):
        return [], []
    trained = [s.name for s in state.strategies if s.tool == "fine_tune" and s.feasible]
    return [c.name for c in state.candidates], trained


def _teller(run_manager: CallbackManagerForLLMRun | None) -> OnToken:
    """Tell whoever listens of each token; they may raise to end the answer."""

    def tell(piece: bytes) -> None:
        if run_manager is not None:
            run_manager.on_llm_new_token(piece.decode(errors="ignore"))

    return tell
