"""A conversation that outlives the program: what was said, the spec being drafted, the run.

Each is one file of JSON lines in the workspace that only grows; every line is on
the disk before the next is thought of. A line that a crash tore off is dropped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from ...memory.database import now
from ...memory.errors import StoreError
from ...memory.redaction import redacted
from ...memory.workspace import open_workspace
from ..spec import RunSpec, SpecError, make_spec

Who = Literal["person", "tuneos", "llm"]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Line(BaseModel):
    """One line of the file: somebody said something, the draft changed, a run was taken up."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["said", "draft", "run"]
    when: str
    who: Who | None = None
    text: str = ""
    draft: dict[str, Any] | None = None
    run: str | None = None


class Draft(BaseModel):
    """The spec as far as it is known; `RunSpec` has what each field means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str | None = None
    text: str | None = None
    label: str | None = None
    targets: tuple[str, ...] = ()
    budget: str | None = None
    base_model: str = "builtin:minilm"
    knowledge: tuple[str, ...] = ()
    seed: int = 0

    def spec(self, extra: dict[str, Any]) -> RunSpec:
        """The whole spec.

        Args:
            extra: What the command line said: workspace, llm, policy.

        Raises:
            SpecError: The data is not named yet, or a value cannot be.
        """
        if self.data is None:
            raise SpecError("I don't know the data yet; say for instance: use tickets.csv")
        return make_spec({**self.model_dump(), **extra}, "conversation")


class Conversation:
    """One conversation, open for writing; see `opened`."""

    def __init__(self, path: Path, lines: list[Line]) -> None:
        self.path = path
        self.lines = lines

    @property
    def name(self) -> str:
        """As `--conversation` takes it."""
        return self.path.stem

    @property
    def said(self) -> list[Line]:
        """What was said, oldest first."""
        return [line for line in self.lines if line.kind == "said"]

    @property
    def draft(self) -> Draft:
        """The spec as far as it is known."""
        drafts = [line.draft for line in self.lines if line.kind == "draft"]
        return Draft.model_validate(drafts[-1]) if drafts else Draft()

    @property
    def run(self) -> str | None:
        """Name of the run that it talks about."""
        return next((line.run for line in reversed(self.lines) if line.kind == "run"), None)

    def say(self, who: Who, text: str) -> None:
        """Note what was said."""
        self._append(Line(kind="said", when=now(), who=who, text=text))

    def redraft(self, draft: Draft) -> None:
        """Note the draft as it is now."""
        self._append(Line(kind="draft", when=now(), draft=draft.model_dump(mode="json")))

    def take_up(self, run: str | None) -> None:
        """Note the run that the talk is about from here on."""
        self._append(Line(kind="run", when=now(), run=run))

    def _append(self, line: Line) -> None:
        text = redacted(line).model_dump_json(exclude_none=True) + "\n"
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be written: {error.strerror}") from error
        self.lines.append(line)


@contextmanager
def opened(
    workspace: Path, name: str | None = None, *, new: bool = False
) -> Iterator[Conversation]:
    """Open the latest conversation of a workspace, the one with this name, or a new one.

    Args:
        name: One that isn't there yet is begun.
        new: Begin another, even where there are some.

    Raises:
        StoreError: It is open elsewhere, or its file is damaged other than at its end.
    """
    folder = _folder(workspace)
    if name is not None and not _NAME.fullmatch(name):
        raise StoreError(f"{name!r} cannot name a conversation; use letters, digits, '-' and '_'.")
    known = names(workspace)
    if name is not None or (known and not new):
        candidates: Iterable[str] = [name or known[0]]
    else:
        candidates = _new_names(known)
    lock, name = _locked(folder, candidates)
    path = folder / f"{name}.jsonl"
    try:
        yield Conversation(path, _read(path))
    finally:
        lock.release()


def names(workspace: Path) -> list[str]:
    """The conversations of a workspace, the latest first."""
    files = (workspace / "chats").glob("*.jsonl")
    return [p.stem for p in sorted(files, key=lambda p: p.stat().st_mtime_ns, reverse=True)]


def glance(workspace: Path, name: str) -> tuple[str, str | None, str]:
    """When something was last said, about which run, and the person's first words.

    Raises:
        StoreError: The file is damaged.
    """
    found = Conversation(
        workspace / "chats" / f"{name}.jsonl",
        _read(workspace / "chats" / f"{name}.jsonl", mend=False),
    )
    first = next((line.text for line in found.said if line.who == "person"), "")
    return (found.lines[-1].when if found.lines else ""), found.run, first


def _folder(workspace: Path) -> Path:
    folder = open_workspace(workspace).root / "chats"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be made: {error.strerror}") from error
    return folder


def _read(path: Path, *, mend: bool = True) -> list[Line]:
    """Read the lines; a last one without its end was torn off by a crash and is cut away."""
    if not path.is_file():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    lines: list[Line] = []
    for number, text in enumerate(whole.split(b"\n")[:-1], 1):
        try:
            lines.append(Line.model_validate_json(text))
        except ValidationError:
            raise StoreError(
                f"{path} line {number}: damaged. Mend or remove that line, or begin another "
                "conversation with --new; runs are not affected."
            ) from None
    if mend and len(whole) < len(content):
        os.truncate(path, len(whole))
    return lines


def _locked(folder: Path, candidates: Iterable[str]) -> tuple[FileLock, str]:
    """Take the first that nobody has open."""
    name = ""
    for name in candidates:
        lock = FileLock(folder / f".{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        return lock, name
    raise StoreError(
        f"The conversation {name} is open in another process; "
        "leave it there, or begin another with --new."
    )


def _new_names(known: list[str]) -> Iterator[str]:
    """Names that are free, the plainest first."""
    stem = f"chat-{datetime.now():%m%d-%H%M}"
    names = (stem if n == 1 else f"{stem}-{n}" for n in range(1, 1000))
    return (name for name in names if name not in known)
