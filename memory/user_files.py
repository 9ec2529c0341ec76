"""What a user has loaded into a named graph, one file of N-Triples for each name.

A file's name holds the checksum of its content, so it appears whole or not at all, and
what a graph should hold can be told from the names alone.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from .errors import StoreError
from .redaction import redact_rdf

_SUM_DIGITS = 32
_NAME_LENGTH = 120  # percent-encoded


@dataclass(frozen=True)
class UserFile:
    """One loaded file; `name` is what its user calls it."""

    name: str
    path: Path

    @property
    def is_whole(self) -> bool:
        """Whether the content is what was written; reads it all."""
        try:
            with self.path.open("rb") as file:
                said = hashlib.file_digest(file, "sha256").hexdigest()[:_SUM_DIGITS]
        except OSError:
            return False
        return said == _sum_of(self.path)


class UserFiles:
    """The files that one named graph is loaded from; making one touches nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> tuple[UserFile, ...]:
        """Return the files by name."""
        found = sorted(self.folder.glob("*.nt")) if self.folder.is_dir() else []
        return tuple(UserFile(unquote(p.name.rsplit(".", 2)[0]), p) for p in found)

    def put(self, name: str, triples: bytes) -> None:
        """Keep a file under a name, in place of one that has it.

        Args:
            triples: N-Triples, UTF-8; secrets in them are replaced.

        Raises:
            StoreError: It cannot be written.
        """
        triples = redact_rdf(triples.decode()).encode()
        plain = _plain(name)
        digest = hashlib.sha256(triples).hexdigest()[:_SUM_DIGITS]
        target = self.folder / f"{plain}.{digest}.nt"
        draft = self.folder / f".{digest}.{os.getpid()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                file.write(triples)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
            for old in self.all():
                if old.path.name.rsplit(".", 2)[0] == plain and old.path != target:
                    old.path.unlink()
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise StoreError(f"{self.folder} cannot be written: {error}.") from error

    def remove(self, name: str) -> bool:
        """Forget a file; False when there is none of this name."""
        known = [f for f in self.all() if f.path.name.rsplit(".", 2)[0] == _plain(name)]
        for file in known:
            file.path.unlink()
        return bool(known)

    def digest(self) -> str:
        """Return one checksum for the content of all."""
        names = "\n".join(file.path.name for file in self.all())
        return hashlib.sha256(names.encode()).hexdigest()


def _plain(name: str) -> str:
    """Make a name safe as part of a file name; ordinary names stay as they are."""
    return quote(name.encode("utf-8", "replace"), safe="")[:_NAME_LENGTH] or "_"


def _sum_of(path: Path) -> str:
    return path.name.rsplit(".", 2)[1]
