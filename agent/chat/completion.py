"""Completion at the prompt: slash commands, and the names of files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from .slash import COMMANDS

MOST = 50


class ChatCompleter(Completer):
    """Slash commands at the beginning; after them and in words, paths."""

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """What may stand at the cursor."""
        before = document.text_before_cursor
        if before.startswith("/") and not re.search(r"[\s.]|/.*/", before):
            for name, argument, what in COMMANDS:
                if name.startswith(before):
                    end = " " if argument else ""
                    yield Completion(f"{name}{end}", -len(before), name, what)
            return
        word = re.split(r"[\s\"'“”]", before)[-1]
        if word or before.startswith("/data "):
            yield from _paths(word)


def _paths(word: str) -> Iterable[Completion]:
    """Files and folders that begin so; hidden ones where a dot was typed."""
    folder, slash, stem = word.rpartition("/")
    place = Path(folder + slash or ".").expanduser()
    try:
        entries = sorted(place.iterdir())
    except OSError:
        return
    fitting = [
        e for e in entries if e.name.startswith(stem) and (stem or not e.name.startswith("."))
    ]
    for entry in fitting[:MOST]:
        end = "/" if entry.is_dir() else ""
        yield Completion(f"{entry.name}{end}", -len(stem), f"{entry.name}{end}")
