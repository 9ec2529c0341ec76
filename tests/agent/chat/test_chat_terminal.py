"""The terminal: keys, a real pseudo-terminal with Ctrl-C in it, and scripts that pipe lines in."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from talking import talking
from tuneos.agent.chat.completion import ChatCompleter
from tuneos.agent.chat.repl import IDLE, _at_terminal, make_session
from tuneos.memory.ledger import Ledger

CHAT = [sys.executable, "-P", "-m", "tuneos.agent.cli", "chat", "--workspace", "w"]
PATIENCE = 120.0


class Terminal:
    """A program on a pseudo-terminal of 80 columns."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ.update(TERM="xterm-256color", COLUMNS="80", LINES="40")
            os.execv(command[0], command)
        self.seen = ""
        self.read = 0

    def press(self, key: str, text: str) -> None:
        """Press a key until something is shown: between two prompts a terminal loses it."""
        for _ in range(20):
            self.type(key)
            with contextlib.suppress(AssertionError):
                self.expect(text, seconds=5.0)
                return
        raise AssertionError(f"{text!r} was not shown")

    def expect(self, text: str, seconds: float = PATIENCE) -> None:
        """Read until something is shown; only what comes after it counts next time."""
        end = time.monotonic() + seconds
        while (place := self.plain.find(text, self.read)) < 0:
            new = self.plain[self.read :]
            assert time.monotonic() < end, f"{text!r} was not shown but:\n{new[-3000:]}"
            if select.select([self.fd], [], [], 0.5)[0]:
                try:
                    self.seen += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError:
                    raise AssertionError(f"ended without {text!r}:\n{new[-3000:]}") from None
                if self.seen.endswith("\x1b[6n"):  # "where is the cursor?"
                    os.write(self.fd, b"\x1b[1;1R")
        self.read = place + len(text)

    @property
    def plain(self) -> str:
        """All that was shown, without what moves the cursor or colours."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|[\r]", "", self.seen)

    def type(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def ended(self) -> int:
        """Wait for the end; its exit code."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with_output = select.select([self.fd], [], [], 0.1)[0]
            try:
                if with_output and not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@contextmanager
def on_terminal(folder: Path, *options: str) -> Iterator[Terminal]:
    terminal = Terminal([*CHAT, *options], folder)
    try:
        yield terminal
    finally:
        try:
            os.kill(terminal.pid, signal.SIGKILL)
            os.waitpid(terminal.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(terminal.fd)


@pytest.fixture
def folder(tmp_path: Path, tickets: Path) -> Path:
    (tmp_path / "tickets.csv").write_bytes(tickets.read_bytes())
    return tmp_path


def test_ctrl_c_pauses_the_run_and_the_conversation_is_there_again(folder: Path) -> None:
    with on_terminal(folder) as terminal:
        terminal.expect("/help has more")
        terminal.type("use tickets.csv, macro f1 of at least 0.8. go\r")
        terminal.expect("Start it?")
        terminal.press("yes\r", "you may go on talking")
        terminal.expect("1 inspect_dataset")
        terminal.press("half a thou", "› half a thou")  # in the prompt, not before it opens
        terminal.press("\x03", "is paused; nothing is lost")
        terminal.expect("half a thou")
        terminal.press("\x03", IDLE)
        terminal.press("\x04", "Come back with")
        assert terminal.ended() == 0
    (row,) = Ledger(folder / "w" / "ledger.sqlite").runs()
    assert row.status == "interrupted"
    with on_terminal(folder) as terminal:
        terminal.expect("Back in chat-")
        terminal.expect("is paused")
        terminal.press("go\r", "you may go on talking")
        terminal.expect("3 probe_baselines")
        os.kill(terminal.pid, signal.SIGTERM)
        terminal.expect("is paused")
        assert terminal.ended() == 0
    (row,) = Ledger(folder / "w" / "ledger.sqlite").runs()
    assert row.status == "interrupted"


def test_lines_can_be_piped_in(folder: Path) -> None:
    lines = "use tickets.csv, 80% accuracy\nplan\nwhy?\nwrite a poem\n"
    done = subprocess.run(
        CHAT, cwd=folder, input=lines, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0
    assert "› plan" in done.stdout
    assert "fine_tune: lora" in done.stdout
    assert "There is no run yet" in done.stdout
    assert "I can't do that" in done.stdout
    assert "\x1b" not in done.stdout
    again = subprocess.run(
        CHAT, cwd=folder, input="/quit\n", capture_output=True, text=True, timeout=120
    )
    assert "goal accuracy>=0.8" in again.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--conversation", "../x"], "cannot name a conversation"),
        (["--llm", "nonsense"], "write it as provider:model"),
    ],
)
def test_mistake_on_the_command_line_is_one_line(
    options: list[str], words: str, folder: Path
) -> None:
    done = subprocess.run(
        [*CHAT, *options], cwd=folder, input="", capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    assert words in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


Typed = Callable[[str], list[str]]


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[Typed]:
    """What a conversation hears of keys."""
    heard: list[str] = []
    with (
        talking(tmp_path / "w", "a") as talk,
        create_pipe_input() as keys,
        create_app_session(input=keys, output=DummyOutput()),
    ):

        def hear(message: str) -> bool:
            heard.append(message)
            return message != "/quit"

        talk.dialogue.hear = hear

        def type_keys(text: str) -> list[str]:
            keys.send_text(text)
            _at_terminal(talk.dialogue, talk.dialogue.conversation)
            return [*heard, talk.shown()]

        yield type_keys


def test_alt_enter_begins_a_line_and_enter_sends(typed: Typed) -> None:
    assert typed("one\x1b\rtwo\r/quit\r")[0] == "one\ntwo"


def test_pasted_lines_are_one_message(typed: Typed) -> None:
    assert typed("\x1b[200~one\ntwo\x1b[201~\r/quit\r")[0] == "one\ntwo"


def test_ctrl_c_empties_the_line_and_then_says_how_to_leave(typed: Typed) -> None:
    *heard, shown = typed("oops\x03\x03/quit\r")
    assert heard == ["/quit"]
    assert shown.count(IDLE) == 1


def test_ctrl_d_leaves(typed: Typed) -> None:
    assert typed("hello\r\x04")[:-1] == ["hello"]


def test_history_is_kept_between_programs(tmp_path: Path) -> None:
    with (
        talking(tmp_path / "w", "a") as talk,
        create_pipe_input() as keys,
        create_app_session(input=keys, output=DummyOutput()),
    ):
        keys.send_text("first words\r")
        make_session(talk.dialogue, talk.dialogue.conversation).prompt()
        keys.send_text("\x1b[A\r")
        again = make_session(talk.dialogue, talk.dialogue.conversation)
        assert again.prompt() == "first words"


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("/pl", ["/plan"]),
        ("/re", ["/report"]),
        ("/data tick", ["ets.csv"]),
        ("use tick", ["ets.csv"]),
        ("use sub/", ["sub/inner.csv"]),
        ("/data ", ["sub/", "tickets.csv"]),
        ("", []),
        ("use nothing-like-this", []),
    ],
)
def test_commands_and_file_names_are_completed(
    before: str, expected: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "inner.csv").touch()
    (folder / ".hidden").touch()
    monkeypatch.chdir(folder)
    found = ChatCompleter().get_completions(Document(before), None)  # type: ignore[arg-type]
    ends = [(before[: len(before) + c.start_position] + c.text) for c in found]
    assert [e.strip() for e in ends] == [
        e if e.startswith("/") else before.rpartition(" ")[0] + " " + _whole(before, e)
        for e in expected
    ]


def _whole(before: str, end: str) -> str:
    word = before.rpartition(" ")[2]
    return end if end.startswith(word) else word + end
