"""The terminal of a conversation; without one, lines are read from standard input."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ..signals import on_signals
from .conversation import Conversation, opened
from .dialogue import Dialogue
from .screen import Screen

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

    from .llm import Talker

PROMPT = "› "
IDLE = "Type /quit or press Ctrl-D to leave."


class _Ended(BaseException):
    """The terminal was closed, or somebody ended the program: leave as with Ctrl-D."""


def chat(workspace: Path, name: str | None, *, new: bool, extra: dict[str, Any]) -> None:
    """Talk until the person leaves.

    Args:
        name: The conversation; None: the latest.
        new: Begin another.
        extra: What the command line said of runs; `workspace` is among it.

    Raises:
        UserError, StoreError: The conversation or the LLM cannot be had.
    """
    talker = _talker(extra)
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    while True:
        with opened(workspace, name, new=new) as conversation, _patched(at_terminal):
            console = Console(highlight=False)
            dialogue = Dialogue(conversation, Screen(console, conversation), extra, talker)
            read = _at_terminal if at_terminal else _from_lines
            again = _talk(dialogue, conversation, read)
        if not again:
            return
        name, new = None, True


def _talk(dialogue: Dialogue, conversation: Conversation, read: Any) -> bool:
    """Hear until the person leaves; tells whether another conversation is wanted."""
    with _ending_well(dialogue):
        try:
            dialogue.greet()
            read(dialogue, conversation)
        except _Ended:
            pass
        with _deaf():
            dialogue.leave()
    return dialogue.wants_new


def _from_lines(dialogue: Dialogue, _: Conversation) -> None:
    """Hear line by line, each after what the one before it began."""
    for line in sys.stdin:
        dialogue.screen.console.print(f"{PROMPT}{line.rstrip()}", markup=False)
        if not dialogue.hear(line) or dialogue.wants_new:
            return
        while dialogue.going and not dialogue.changed.wait(0.2):
            pass


def _at_terminal(dialogue: Dialogue, conversation: Conversation) -> None:
    """Prompt at the bottom; what a run does scrolls by above it."""
    session = make_session(dialogue, conversation)
    dialogue.leave_prompt = lambda: _leave_prompt(session)
    kept = ""
    while not dialogue.wants_new:
        try:
            message = session.prompt(default=kept)
            kept = ""
        except KeyboardInterrupt:
            kept = session.default_buffer.text
            _interrupted(dialogue, kept)
            continue
        except EOFError:
            return
        if not dialogue.hear(message):
            return


def _leave_prompt(session: PromptSession[str]) -> bool:
    """End the prompt as Ctrl-D does; tells whether one was open. Safe in a signal's handler."""
    app = session.app
    if not app.is_running or app.loop is None:
        return False

    def leave() -> None:
        if app.future is not None and not app.future.done():
            app.exit(exception=EOFError)

    app.loop.call_soon_threadsafe(leave)
    return True


def _interrupted(dialogue: Dialogue, typed: str) -> None:
    """Ctrl-C: pause the run that goes on; else say how to leave."""
    if dialogue.going:
        with _deaf():
            dialogue.screen.say("Pausing …")
            dialogue.pause()
    elif not typed:
        dialogue.screen.say(IDLE)


def make_session(dialogue: Dialogue, conversation: Conversation) -> PromptSession[str]:
    """The prompt: history, several lines, completion, and a bar that says what goes on."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.history import FileHistory
    from prompt_toolkit.styles import Style

    from .completion import ChatCompleter

    session: PromptSession[str] = PromptSession(
        PROMPT,
        history=FileHistory(str(conversation.path.with_name(".history"))),
        multiline=True,
        key_bindings=_keys(dialogue),
        completer=ChatCompleter(),
        prompt_continuation="  ",
        bottom_toolbar=lambda: _bar(dialogue),
        refresh_interval=0.5,
        style=Style.from_dict({"bottom-toolbar": "noreverse fg:ansibrightblack"}),
        reserve_space_for_menu=4,
    )
    session.complete_while_typing = Condition(
        lambda: (
            session.default_buffer.text.startswith("/") and " " not in session.default_buffer.text
        )
    )
    return session


def _keys(dialogue: Dialogue) -> Any:
    """Enter sends, Alt-Enter begins a line, Ctrl-C pauses or empties the line."""
    from prompt_toolkit.application.current import get_app
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()
    completing = Condition(lambda: _chosen(get_app().current_buffer))

    @keys.add("enter", filter=~completing)
    def _send(event: Any) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("enter", filter=completing)
    def _take(event: Any) -> None:
        event.current_buffer.complete_state = None

    @keys.add("escape", "enter")
    def _line(event: Any) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c")
    def _interrupt(event: Any) -> None:
        if event.current_buffer.text and not dialogue.going:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt, style="class:aborting")

    return keys


def _chosen(buffer: Any) -> bool:
    """Whether a completion is picked out in the menu."""
    state = buffer.complete_state
    return state is not None and state.current_completion is not None


def _bar(dialogue: Dialogue) -> str:
    """The line below the prompt: the step that runs, or what may be typed."""
    driver = dialogue.driver
    if driver is None or not driver.going or driver.question is not None:
        return f" {dialogue.hint()}"
    line = dialogue.screen.view.line or "working"
    return f" {line}  ·  Ctrl-C pauses"


def _talker(extra: dict[str, Any]) -> Talker | None:
    """The LLM that the command line names, checked; None without one."""
    if extra.get("llm") is None:
        return None
    from ..controllers import check_controller, find_controller
    from ..spec import make_spec
    from .llm import Talker

    extra["llm_model"] = check_controller(extra["llm"], extra.get("llm_model"))
    controller = find_controller(extra["llm"], extra["llm_model"])
    price = make_spec({"data": "", **extra}, "command line").price()
    return Talker(controller.model, controller.name, price)


@contextmanager
def _patched(at_terminal: bool) -> Iterator[None]:
    """At a terminal, everything that is printed goes above the prompt."""
    if not at_terminal:
        yield
        return
    from prompt_toolkit.patch_stdout import patch_stdout

    with patch_stdout(raw=True):
        yield


@contextmanager
def _deaf() -> Iterator[None]:
    """Ctrl-C pressed again while a run is being paused changes nothing."""
    with on_signals((signal.SIGINT,), signal.SIG_IGN):
        yield


@contextmanager
def _ending_well(dialogue: Dialogue) -> Iterator[None]:
    """Being ended from outside is leaving: a run is paused, its job is not left behind."""

    def end(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if not dialogue.leave_prompt():  # an exception would be lost in the prompt's own loop
            raise _Ended

    with on_signals((signal.SIGTERM, signal.SIGHUP), end):
        yield
