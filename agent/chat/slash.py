"""Slash commands: short ways to say what can be said in words."""

from __future__ import annotations

from collections.abc import Callable

from .requests import (
    AnyRequest,
    CheckData,
    DropTargets,
    Go,
    Help,
    ListChats,
    NewChat,
    Pause,
    Predict,
    Quit,
    SetBaseModel,
    SetBudget,
    SetKnowledge,
    SetSeed,
    SetTargets,
    Show,
    ShowPlan,
    Status,
    Tried,
    UseData,
    Why,
)
from .words import read

HINT = "/help  ·  Alt-Enter: new line  ·  Ctrl-D: leave"
# name, argument, what it does
COMMANDS = (
    ("/help", "", "what can be said"),
    ("/data", "[FILE]", "work on a file or folder; alone: diagnose the data"),
    ("/target", "GOAL", "such as macro_f1>=0.9, 95% accuracy, under 20 ms; none"),
    ("/budget", "TIME", "such as 30m, two hours, none"),
    ("/base", "MODEL", "the base model"),
    ("/knowledge", "FILE", "domain knowledge to tune with; none"),
    ("/seed", "NUMBER", "of everything random"),
    ("/plan", "", "what would be done and what it may take"),
    ("/go", "", "start, or go on"),
    ("/pause", "", "pause the run"),
    ("/status", "", "how it stands"),
    ("/why", "[WHAT]", "the last step, step 3, a tool, model, stop"),
    ("/tried", "", "what was tried, with figures"),
    ("/report", "", "how it ended"),
    ("/cost", "", "what was spent"),
    ("/predict", "TEXT", "ask the finished model about a text"),
    ("/approve", "[ANSWER]", "yes, no because …, or epochs=3"),
    ("/chats", "", "the conversations of this workspace"),
    ("/new", "", "begin another conversation"),
    ("/quit", "", "leave; a run that goes on is paused"),
)
_PLAIN: dict[str, AnyRequest] = {
    "/help": Help(),
    "/plan": ShowPlan(),
    "/go": Go(),
    "/pause": Pause(),
    "/status": Status(),
    "/tried": Tried(),
    "/report": Show(what="report"),
    "/cost": Show(what="cost"),
    "/chats": ListChats(),
    "/new": NewChat(),
    "/quit": Quit(),
}


class SlashError(ValueError):
    """A slash command that isn't one, or lacks its argument."""


def from_slash(message: str) -> AnyRequest | str | None:
    """Read a slash command.

    Returns:
        The request; a string for /approve: the answer; None where it is none
        ("/data/x.csv" is a path, not a command).

    Raises:
        SlashError: There is no such command, or its argument cannot be read.
        TargetError: A target that can never be met.
    """
    text = message.strip()
    if not text.startswith("/"):
        return None
    name, _, rest = text.partition(" ")
    name, rest = name.lower(), rest.strip()
    if "/" in name[1:] or "." in name:
        return None
    if name in _PLAIN:
        return _PLAIN[name]
    if name == "/approve":
        return rest or "yes"
    if name not in _WITH_ARGUMENT:
        known = ", ".join(c[0] for c in COMMANDS)
        raise SlashError(f"There is no {name}; there are {known}.")
    return _WITH_ARGUMENT[name](rest)


def _data(rest: str) -> AnyRequest:
    return UseData(data=rest.strip("\"'")) if rest else CheckData()


def _target(rest: str) -> AnyRequest:
    if rest.lower() in {"none", "no", "nothing"}:
        return DropTargets()
    requests = read(rest).requests
    found = next((r for r in requests if isinstance(r, SetTargets)), None)
    if found is None:
        raise SlashError("/target: write it as macro_f1>=0.9, “95% accuracy” or “under 20 ms”.")
    return found


def _budget(rest: str) -> AnyRequest:
    if rest.lower() in {"none", "no", "unlimited"}:
        return SetBudget(seconds=None)
    found = next((r for r in read(rest).requests if isinstance(r, SetBudget)), None)
    if found is None:
        raise SlashError("/budget: write it as 30m, 1h30m, “two hours”, or none.")
    return found


def _seed(rest: str) -> AnyRequest:
    if not rest.isdigit() or int(rest) >= 2**31:
        raise SlashError("/seed: a whole number from 0 to 2147483647.")
    return SetSeed(seed=int(rest))


def _base(rest: str) -> AnyRequest:
    if not rest:
        raise SlashError("/base: builtin:minilm, a folder, or a Hub name.")
    return SetBaseModel(base_model=rest)


def _knowledge(rest: str) -> AnyRequest:
    if not rest:
        raise SlashError("/knowledge: a file that says what you know of the labels, or none.")
    return SetKnowledge(file=None if rest.lower() == "none" else rest.strip("\"'"))


def _predict(rest: str) -> AnyRequest:
    if not rest:
        raise SlashError("/predict: write the text behind it.")
    return Predict(text=rest)


def _why(rest: str) -> AnyRequest:
    return Why(about=rest[:100] or "last")


_WITH_ARGUMENT: dict[str, Callable[[str], AnyRequest]] = {
    "/data": _data,
    "/target": _target,
    "/targets": _target,
    "/budget": _budget,
    "/seed": _seed,
    "/base": _base,
    "/knowledge": _knowledge,
    "/predict": _predict,
    "/why": _why,
}
