"""Reading what a model wrote: strict about arguments, forgiving about form. Pure."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    InvalidToolCall,
    ToolCall,
    message_chunk_to_message,
)
from langchain_core.messages.tool import invalid_tool_call, tool_call

_BLOCK = re.compile(r"(?:\A|```\w*|<tool_call>)\s*(?=\{)")
_CLOSING = re.compile(r"(?:\s|```|</tool_call>)*")
UNREADABLE = "unreadable"  # the argument under which a model gets its own broken call to see


def settled(answer: AIMessageChunk, tools: Collection[str]) -> AIMessage:
    """Make a whole message of what was streamed.

    Arguments that were cut off or are no JSON object make a call invalid: they are never
    guessed at. Each call gets an id of its own. A call written as a JSON block at the end of
    the words counts when it names one of the tools.

    Args:
        tools: Names of those that were bound.
    """
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    ids: set[str] = set()
    for piece in answer.tool_call_chunks:
        name, call_id = piece["name"] or "", piece["id"] or ""
        if not call_id or call_id in ids:
            call_id = uuid.uuid4().hex
        ids.add(call_id)
        arguments = read_arguments(piece["args"])
        if arguments is None or not name:
            why = "arguments are not a JSON object" if name else "names no tool"
            broken = invalid_tool_call(name=name or "?", args=piece["args"], id=call_id, error=why)
            invalid.append(broken)
        else:
            calls.append(tool_call(name=name, args=arguments, id=call_id))
    content = answer.content
    if not calls and not invalid and isinstance(content, str):
        content, calls = written_call(content, tools)
    whole = message_chunk_to_message(answer)
    # Servers number their answers anew after a restart; the loop gives ids of its own.
    fields = {"id": None, "content": content, "tool_calls": calls, "invalid_tool_calls": invalid}
    message: AIMessage = whole.model_copy(update=fields)  # type: ignore[assignment]
    return message


def read_arguments(text: str | None) -> dict[str, Any] | None:
    """Arguments of a call; none at all mean an empty object. None: they cannot be read."""
    try:
        said = json.loads(text) if text and text.strip() else {}
        said = json.loads(said) if isinstance(said, str) else said  # some write them out twice
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def written_call(content: str, tools: Collection[str]) -> tuple[str, list[ToolCall]]:
    """A call that was written into the words, as models do whose server knows no tools.

    Returns:
        The words before it, and the call; the words as they are where there is none.
    """
    for block in _BLOCK.finditer(content):
        try:
            said, end = json.JSONDecoder().raw_decode(content, block.end())
        except (ValueError, RecursionError):
            continue
        call = _call_of(said, tools)
        if call is not None and _CLOSING.fullmatch(content, end):
            return content[: block.start()].strip(), [call]
    return content, []


def _call_of(said: dict[str, Any], tools: Collection[str]) -> ToolCall | None:
    """The call that a JSON object means, if it means one."""
    inner = said.get("function")
    said = inner if isinstance(inner, dict) else said
    arguments = said.get("arguments", said.get("parameters", {}))
    if isinstance(arguments, str):
        arguments = read_arguments(arguments)
    name = said.get("name")
    if not isinstance(name, str) or name not in tools or not isinstance(arguments, dict):
        return None
    return tool_call(name=name, args=arguments, id=uuid.uuid4().hex)


def shown(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Messages as any server can read them: broken calls become whole ones that say so.

    Servers parse the arguments of old calls again, and fail on what is not JSON.
    """
    return [_shown(m) if isinstance(m, AIMessage) else m for m in messages]


def _shown(message: AIMessage) -> AIMessage:
    if not message.invalid_tool_calls:
        return message
    mended = [
        tool_call(name=c["name"] or "?", args={UNREADABLE: str(c["args"])[:200]}, id=c["id"])
        for c in message.invalid_tool_calls
    ]
    fields = {"tool_calls": [*message.tool_calls, *mended], "invalid_tool_calls": []}
    return message.model_copy(update=fields)
