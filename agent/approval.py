"""Ask the person at the terminal before a costly step."""

from __future__ import annotations

from typing import Any

import yaml
from rich.console import Console
from rich.markup import escape

from ..graphs.approval import Answer, Question

HOW = "yes, no, or changes such as epochs=3 rank=8"


def ask_person(question: Question, console: Console) -> Answer:
    """Show a step and read the answer; asks again until it can be read."""
    arguments = ", ".join(f"{k}={v}" for k, v in question.arguments.items())
    console.print(f"\n[bold]{escape(question.tool)}[/bold] {escape(arguments)}")
    console.print(f"  {escape(question.reason)}", style="italic")
    asked = f"; you are asked before: {question.why_asked}" if question.why_asked else ""
    cost = f"about {in_words(question.seconds)}{memory_words(question)}"
    console.print(f"  {cost}{escape(asked)}")
    while True:
        try:
            return read_answer(console.input(f"  Go on? ({HOW}) {escape('[yes]')}: "), question)
        except ValueError as error:
            console.print(f"  [yellow]{escape(str(error))}[/yellow]")


def memory_words(question: Question) -> str:
    """Such as ", up to 2.1 GB of memory (1.3 GB free: smaller parts at a time)"; "" for none."""
    if question.memory is None or question.free is None:
        return ""
    from ..tools.training.memory_retry import gigabytes

    less = "" if question.memory <= question.free else ": smaller parts of a batch at a time"
    needed, free = gigabytes(question.memory), gigabytes(question.free)
    return f", up to {needed} of memory ({free} free{less})"


def in_words(seconds: float) -> str:
    """Such as "40 s", "12 min" or "1.5 h"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def read_answer(said: str, question: Question) -> Answer:
    """Read "yes", "no because …", or NAME=VALUE changes of the arguments.

    Raises:
        ValueError: None of these; the message says what would do.
    """
    words = said.strip()
    first, _, rest = words.partition(" ")
    if not words or first.lower() in {"y", "yes", "ok", "approve"}:
        return Answer(decision="approve")
    if first.lower().rstrip(",:;") in {"n", "no", "refuse"}:
        return Answer(decision="refuse", words=rest.strip())
    changes: dict[str, Any] = {}
    for part in words.replace(",", " ").split():
        name, equals, value = part.partition("=")
        if not (equals and name.isidentifier() and value):
            raise ValueError(f"{part!r}: say {HOW}")
        if question.known and name not in question.known:
            raise ValueError(f"{name}: no argument of it; known: {', '.join(question.known)}")
        try:
            changes[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ValueError(f"{part!r}: this value cannot be read") from None
    return Answer(decision="edit", arguments={**question.arguments, **changes})
