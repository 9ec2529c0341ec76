"""The client for OpenAI-compatible servers, which speak the protocol with an accent.

Imported only when a URL is given: it needs the extra `openai`.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import openai
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import AIMessageChunk, BaseMessage, ToolCallChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from pydantic import PrivateAttr, SecretStr

from .patient import PATIENCE, BrokenAnswer

NO_KEY = "none-needed"  # the client insists on one
SENT = {  # nothing else goes to a server that isn't OpenAI's: not what OPENAI_* variables add
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "user-agent",
}


class CompatibleChat(ChatOpenAI):
    """Chat completions, read leniently.

    Asks for nothing optional: no tool_choice, no strict schemas, no parallel calls.
    A server that cannot stream is asked without.
    """

    _plain: bool = PrivateAttr(default=False)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        payload = self._get_request_payload(messages, stop=stop, **kwargs)
        usage: UsageMetadata | None = None
        ended, pieces = False, CallPieces()
        for said in self._events(payload):
            # Some count up in every event: the last count is the whole.
            usage = read_usage(said.get("usage")) or usage
            for chunk, finish in read_choices(said, pieces):
                ended = ended or finish is not None
                info = {"finish_reason": finish} if finish else None
                made = ChatGenerationChunk(message=chunk, generation_info=info)
                if run_manager:
                    run_manager.on_llm_new_token(made.text, chunk=made)
                yield made
        if not ended and usage is None:
            raise BrokenAnswer("the answer broke off")
        yield ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=usage))

    def _events(self, payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """What the server sends, event by event; one event where it doesn't stream."""
        if not self._plain:
            try:
                yield from self._streamed(payload)
                return
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if "stream" not in str(error):
                    raise
                self._plain = True
        yield _object(self.client.create(**{**payload, "stream": False}))

    def _streamed(self, payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
        options = {"stream": True, "stream_options": {"include_usage": True}}
        with self.client.create(**{**payload, **options}) as events:
            kind = events.response.headers.get("content-type", "").partition(";")[0]
            if "event-stream" in kind:
                yield from (_object(event) for event in events)
            elif "json" in kind:  # one piece, though a stream was asked for
                yield _object(json.loads(events.response.read()))
            else:
                raise BrokenAnswer(f"it sent {kind or 'something'}, not an answer")


def open_chat(
    url: str,
    model_name: str,
    *,
    key: str | None,
    connect: float,
    read: float,
    own_headers_only: bool,
) -> CompatibleChat:
    """Make the client; nothing is sent.

    Args:
        key: None: the server needs none.
        connect: Seconds to wait for a connection.
        read: Seconds that the server may be silent.
        own_headers_only: Keep what the environment would add (organisation, project,
            custom headers) from a host that isn't OpenAI's.
    """
    timeout = httpx.Timeout(read, connect=connect)
    client = httpx.Client(
        timeout=timeout,
        # Minutes of training lie between two steps: no server keeps a connection so long.
        limits=httpx.Limits(max_keepalive_connections=0),
        event_hooks={"request": [_only_ours] if own_headers_only else [], "response": [_limit]},
    )
    return CompatibleChat(
        model=model_name,
        base_url=url,
        api_key=SecretStr(key or NO_KEY),
        http_client=client,
        timeout=timeout,
        max_retries=0,
        use_responses_api=False,
    )


class CallPieces:
    """Puts the pieces of tool calls in their places, whatever numbers the server gives them.

    A piece with a name begins a call, unless its id says that it goes on with one. Some
    servers number every call 0, or none at all; some leave ids out, or repeat names.
    """

    def __init__(self) -> None:
        self._ids: list[str] = []  # by our own place
        self._places: dict[int | None, int] = {}  # from the server's number to ours

    def read(self, said: Mapping[str, Any]) -> ToolCallChunk:
        """One piece, or a whole call; arguments given as an object are written out."""
        function = said.get("function")
        function = function if isinstance(function, Mapping) else {}
        name, arguments = _word(function.get("name")), function.get("arguments")
        if arguments is not None and not isinstance(arguments, str):
            arguments = json.dumps(arguments)
        number, given = said.get("index"), _word(said.get("id"))
        number = number if isinstance(number, int) else None
        place = self._places.get(number)
        if (
            place is None
            or (name and given != self._ids[place])
            or (given not in {None, self._ids[place]})
        ):
            self._places[number] = place = len(self._ids)
            self._ids.append(given or uuid.uuid4().hex)
            return tool_call_chunk(name=name, args=arguments, id=self._ids[place], index=place)
        return tool_call_chunk(name=None, args=arguments, id=None, index=place)


def read_choices(
    said: Mapping[str, Any], pieces: CallPieces
) -> Iterator[tuple[AIMessageChunk, str | None]]:
    """The first choice of an event or a whole answer, and why it ended if it did."""
    choices = said.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, Mapping):
        return
    message = choice.get("delta") or choice.get("message") or {}
    if isinstance(message, Mapping):
        calls = message.get("tool_calls")
        found = [c for c in calls if isinstance(c, Mapping)] if isinstance(calls, list) else []
        chunk = AIMessageChunk(
            content=_text(message.get("content")),
            tool_call_chunks=[pieces.read(c) for c in found],
        )
        yield chunk, _word(choice.get("finish_reason"))


def read_usage(said: Any) -> UsageMetadata | None:
    """Tokens read and written; None where the server doesn't say."""
    if not isinstance(said, Mapping):
        return None
    read, written = _count(said.get("prompt_tokens")), _count(said.get("completion_tokens"))
    if read == written == 0:
        return None
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)


def _only_ours(request: httpx.Request) -> None:
    for name in [n for n in request.headers if n.lower() not in SENT]:
        del request.headers[name]


class _Limited(httpx.SyncByteStream):
    """A body with an end: signs of life reset the read time-out, but not for ever."""

    def __init__(self, body: httpx.SyncByteStream, seconds: float) -> None:
        self._body, self._end = body, time.monotonic() + seconds

    def __iter__(self) -> Iterator[bytes]:
        for part in self._body:
            if time.monotonic() > self._end:
                raise httpx.ReadTimeout("its answer took too long")
            yield part

    def close(self) -> None:
        self._body.close()


def _limit(response: httpx.Response) -> None:
    if isinstance(response.stream, httpx.SyncByteStream):
        response.stream = _Limited(response.stream, PATIENCE)


def _object(said: Any) -> dict[str, Any]:
    """What the server sent, unchecked, as a dict."""
    if isinstance(said, openai.BaseModel):
        said = said.model_dump(warnings=False)
    if not isinstance(said, dict):
        raise BrokenAnswer("its answer is not a JSON object")
    if said.get("error") and not said.get("choices"):
        raise BrokenAnswer(f"it said: {said['error']}")
    return said


def _text(content: Any) -> str:
    """Content as text: a string, or a list of parts."""
    if isinstance(content, list):
        parts = (p.get("text") if isinstance(p, Mapping) else p for p in content)
        return "".join(p for p in parts if isinstance(p, str))
    return content if isinstance(content, str) else ""


def _word(said: Any) -> str | None:
    return said if isinstance(said, str) and said else None


def _count(said: Any) -> int:
    return max(0, said) if isinstance(said, int) else 0
