"""The audit log of a run: every decision of the gate, a line each, chained by hashes.

A line is added and never changed. Each holds the hash of the one before, and the ledger knows
the last, so that a line edited, taken out, moved or cut off at the end is found.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .errors import StoreError
from .ledger import Ledger
from .redaction import redacted

FILE = "audit.jsonl"
START = "0" * 64  # what the first line follows
HEAD = "audit"  # under which the ledger keeps the last line's number and hash


@dataclass(frozen=True)
class Entry:
    """A decision as it was written down.

    Attributes:
        number: From 1.
        when: ISO 8601, UTC.
        what: "allowed", "refused", "asked", "opened", "changed" or "stopped".
        said: The tool, its arguments, why, who.
    """

    number: int
    when: str
    what: str
    said: dict[str, Any]


class AuditLog:
    """The log in a run's folder.

    Args:
        folder: The run's own.
        ledger: Keeps the hash of the last line.
        run: Its name.
    """

    def __init__(self, folder: Path, ledger: Ledger, run: str) -> None:
        self.path, self._ledger, self._run = folder / FILE, ledger, run

    def add(self, what: str, said: Mapping[str, Any]) -> None:
        """Append a decision; on the disk before this returns.

        Raises:
            StoreError: The file cannot be written, or its last line is not as it was left.
        """
        from filelock import FileLock

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.path}.lock"):
                self._add(what, said)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error.strerror}.") from error

    def _add(self, what: str, said: Mapping[str, Any]) -> None:
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            number, before = self._last(handle)
            line = {
                "number": number + 1,
                "when": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "what": what,
                "said": redacted(json.loads(json.dumps(dict(said), default=str))),
                "before": before,
            }
            line["hash"] = _hash(line)
            os.write(handle, (json.dumps(line) + "\n").encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        self._ledger.keep(self._run, HEAD, f"{number + 1} {line['hash']}")

    def _last(self, handle: int) -> tuple[int, str]:
        """Number and hash of the last whole line; one that a crash has torn is taken off."""
        size = os.fstat(handle).st_size
        data = os.pread(handle, size, 0)
        if not data.endswith(b"\n"):
            data = data[: data.rfind(b"\n") + 1]
            os.ftruncate(handle, len(data))
        if not data:
            return 0, START
        said = _parsed(data[:-1].rsplit(b"\n", 1)[-1])
        if said is None:
            raise StoreError(f"{self.path}: its last line was tampered with; {TRUST}")
        return int(said["number"]), str(said["hash"])

    def read(self) -> list[Entry]:
        """Every decision, once the chain is found whole.

        Raises:
            StoreError: A line was changed, taken out or added by another hand.
        """
        entries, hashes = [], [START]
        for number, line in enumerate(self._lines(), 1):
            said = _parsed(line)
            if said is None or said["hash"] != _hash(said):
                raise StoreError(f"{self.path} line {number}: was tampered with; {TRUST}")
            if (said["number"], said["before"]) != (number, hashes[-1]):
                raise StoreError(f"{self.path} line {number}: lines are missing before it; {TRUST}")
            hashes.append(said["hash"])
            entries.append(Entry(number, said["when"], said["what"], said["said"]))
        number, last = self._head()
        if number >= len(hashes) or hashes[number] != last:
            raise StoreError(f"{self.path}: lines are missing at its end; {TRUST}")
        # A crash may have kept the ledger from hearing of one line, a restored copy of several.
        if len(hashes) - 1 - number > 1 and not self._restored():
            raise StoreError(f"{self.path}: lines were added by another hand; {TRUST}")
        return entries

    def _head(self) -> tuple[int, str]:
        """What the ledger knows of the last line."""
        number, _, last = (self._ledger.kept(self._run, HEAD) or f"0 {START}").partition(" ")
        return int(number), last

    def _restored(self) -> bool:
        return any("restored from its copy" in note for note in self._ledger.notes(self._run))

    def _lines(self) -> list[bytes]:
        try:
            return self.path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"{self.path} cannot be read: {error.strerror}.") from error


TRUST = "what it says can't be relied on. The run's figures follow from the ledger and its models."


def _parsed(line: bytes) -> dict[str, Any] | None:
    """A line that has all its parts; None: it hasn't."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    parts = {"number", "when", "what", "said", "before", "hash"}
    return said if isinstance(said, dict) and said.keys() == parts else None


def _hash(line: Mapping[str, Any]) -> str:
    """sha256 of the line without its own hash, as canonical JSON."""
    said = {k: v for k, v in line.items() if k != "hash"}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
