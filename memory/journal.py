"""What was written into the knowledge graph, once more as plain lines: what it is rebuilt from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

_SUM_DIGITS = 32


class Journal:
    """SPARQL updates, one a line, each behind its checksum; lines are only ever added."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self) -> tuple[list[str], int]:
        """Return the updates that are whole, oldest first, and how many lines are not."""
        if not self.path.is_file():
            return [], 0
        whole, damaged = [], 0
        for line in self.path.read_bytes().splitlines():
            said, _, body = line.partition(b" ")
            if said == _sum(body):
                whole.append(str(json.loads(body)))
            else:
                damaged += 1
        return whole, damaged

    def append(self, update: str) -> None:
        """Add an update and force it to the disk."""
        body = _line(update)
        with self.path.open("ab") as file:
            file.write(b"\n" * self._is_torn() + body)
            file.flush()
            os.fsync(file.fileno())

    def _is_torn(self) -> bool:
        """Whether the last line was cut off."""
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            return size > 0 and file.read(1) != b"\n"

    def replace(self, updates: Sequence[str]) -> None:
        """Write all anew, in one move."""
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        draft.write_bytes(b"".join(_line(update) for update in updates))
        draft.replace(self.path)


def _line(update: str) -> bytes:
    body = json.dumps(update).encode()
    return _sum(body) + b" " + body + b"\n"


def _sum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:_SUM_DIGITS].encode()
