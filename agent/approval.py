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
    minutes = max(1, round(question.seconds / 60))
    arguments = ", ".join(f"{k}={v}" for k, v in question.arguments.items())
    console.print(f"\n[bold]{question.tool}[/bold] {escape(arguments)}")
    console.print(f"  about {minutes} min; {escape(question.reason)}")
    while True:
        try:
            return read_answer(console.input(f"  Go on? ({HOW}) [yes]: "), question)
        except ValueError as error:
            console.print(f"  [yellow]{escape(str(error))}[/yellow]")


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
        changes[name] = yaml.safe_load(value)
    return Answer(decision="edit", arguments={**question.arguments, **changes})
