"""Answers that are quoted: training texts of the control that is asked for, in turn."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..errors import ModelError

MEMORY = "texts.jsonl"
Control = Mapping[str, str]
Quote = Callable[[Sequence[Control]], list[str]]


def remember_texts(texts: Sequence[str], controls: Sequence[Control], folder: Path) -> None:
    """Write texts with what they are; the folder may not be there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = ({"text": t, "control": dict(c)} for t, c in zip(texts, controls, strict=True))
    lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    (folder / MEMORY).write_bytes(lines.encode("utf-8", "replace"))


def recall_texts(folder: Path, *, heeding: bool) -> Quote:
    """Load texts to quote from: the n-th time a control is asked for, its n-th text.

    Args:
        folder: Where they were written.
        heeding: Heed the control; else any text in turn.

    Raises:
        ModelError: They are missing or damaged.
    """
    path = folder / MEMORY
    by_control: dict[str, list[str]] = defaultdict(list)
    every: list[str] = []
    try:
        for line in path.read_bytes().decode().split("\n"):
            if line:
                row = json.loads(line)
                by_control[_key(row["control"])].append(str(row["text"]))
                every.append(str(row["text"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"model {path}: cannot be read: {error}") from error
    if not every:
        raise ModelError(f"model {path}: remembers nothing; save the model again")

    def quote(asked: Sequence[Control]) -> list[str]:
        before: Counter[str] = Counter()
        said = []
        for control in asked:
            key = _key(control) if heeding else ""
            known = by_control.get(key) or every
            said.append(known[before[key] % len(known)])
            before[key] += 1
        return said

    return quote


def _key(control: Control) -> str:
    return json.dumps(dict(sorted(control.items())), ensure_ascii=False)
