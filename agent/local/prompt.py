"""What a local LLM reads: the messages as turns, by its own chat template, cut to its window."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage

from .bounds import described, signature

ANSWER = (
    'Answer with one JSON object: {"reason": "one short sentence", '
    '"call": {"name": "a tool", "arguments": {...}}}. "?" marks what may be left out.'
)
SHORT_ANSWER = 'Answer: {"reason": "...", "call": {"name": "...", "arguments": {...}}}. Tools: '
OPENING = "Here is a run so far."
LEAST_STATE = 160  # characters of the state that are shown in the smallest window
FEW_CANDIDATES = 3
BRIEF = ("metric", "targets", "best", "data", "strategies", "candidates", "seconds_left")


@dataclass(frozen=True)
class Turn:
    """Who speaks ("system", "user" or "assistant"), and the words."""

    role: str
    text: str


def prompts(
    messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]]
) -> Iterator[list[Turn]]:
    """The prompt in ever fewer words, from everything to the least that makes sense.

    First the oldest rounds go, then what is said about the tools, then what of the
    state matters least.
    """
    system = [str(m.text) for m in messages if isinstance(m, SystemMessage)]
    if tools:
        system += ["Tools:\n" + described(tools), ANSWER]
    first = [Turn("system", "\n\n".join(system))] if system else []
    rest = [_turn(m) for m in messages if not isinstance(m, SystemMessage)]
    *before, last = rest or [Turn("user", OPENING)]
    starts = [i for i, turn in enumerate(before) if turn.role == "assistant"]
    for start in [0, *starts[1:], len(before)]:
        yield in_turn([*first, *before[start:], last])
    if not tools:
        yield from ([*first, Turn("user", cut(last.text, n))] for n in _ever_shorter(last.text))
        return
    briefly = [Turn("system", SHORT_ANSWER + "; ".join(map(signature, tools)))]
    names = ", ".join(t["function"]["name"] for t in tools)
    shortest = [Turn("system", SHORT_ANSWER + names)]
    state = brief_state(last.text)
    yield [*briefly, last]
    yield [*briefly, Turn("user", state)]
    yield [*shortest, Turn("user", state)]
    yield from ([*shortest, Turn("user", cut(state, n))] for n in _ever_shorter(state))


def in_turn(turns: Sequence[Turn]) -> list[Turn]:
    """Turns as the strictest templates want them: the user first, then one after the other."""
    made: list[Turn] = []
    for turn in turns:
        after_system = not made or made[-1].role == "system"
        if after_system and turn.role == "assistant":
            made.append(Turn("user", OPENING))
        if made and made[-1].role == turn.role:
            made[-1] = Turn(turn.role, f"{made[-1].text}\n\n{turn.text}")
        else:
            made.append(turn)
    return made


def brief_state(text: str) -> str:
    """The state without what matters least; the text as it is where it holds no state."""
    try:
        start = text.index("{", text.index("State:"))
        state, length = json.JSONDecoder().raw_decode(text[start:])
        strategies = [s for s in state.get("strategies", []) if not s.get("tried")]
        kept = {
            **{name: state[name] for name in BRIEF if name in state},
            "strategies": {
                s["name"]: s.get("seconds") for s in strategies if s.get("feasible", True)
            },
            "candidates": {
                c["name"]: c["value"] for c in state.get("candidates", [])[-FEW_CANDIDATES:]
            },
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return text
    return text[:start] + json.dumps(kept, separators=(",", ":")) + text[start + length :]


def cut(text: str, most: int) -> str:
    """Keep the beginning, which says the goal, and the end, which says what is asked."""
    if len(text) <= most:
        return text
    head = most // 2
    return f"{text[:head]} … {text[head + 3 - most :]}"


def unmarked(text: str, marks: Sequence[str]) -> str:
    """Break up what a tokenizer would read as a mark of its own, such as the end of a turn."""
    for mark in marks:
        if len(mark) > 1:
            text = text.replace(mark, f"{mark[0]} {mark[1:]}")
    return text


def plainly(turns: Sequence[Turn]) -> str:
    """Turns as text, for a tokenizer without a chat template."""
    names = {"system": "Instructions", "user": "State", "assistant": "Answer"}
    said = [f"### {names[turn.role]}\n{turn.text}\n\n" for turn in turns]
    return "".join(said) + "### Answer\n"


def _ever_shorter(text: str) -> Iterator[int]:
    size = len(text)
    while size > LEAST_STATE:
        size = max(LEAST_STATE, size * 2 // 3)
        yield size


def _turn(message: BaseMessage) -> Turn:
    if isinstance(message, ToolMessage):
        return Turn("user", f"Result of {message.name or 'the call'}: {message.text}")
    if not isinstance(message, AIMessage):
        return Turn("user", str(message.text))
    # Word for word as it answers itself: each answer is an example for the next.
    calls = [
        {"reason": str(message.text), "call": {"name": c["name"], "arguments": c["args"]}}
        for c in message.tool_calls
    ]
    written = [json.dumps(call, separators=(",", ":")) for call in calls]
    return Turn("assistant", "\n".join(written) or str(message.text))
