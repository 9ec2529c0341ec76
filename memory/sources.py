"""What a named graph is loaded from: Turtle of the package, then what the user has loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import StoreError
from .user_files import UserFile, UserFiles

if TYPE_CHECKING:
    from pyoxigraph import Triple


@dataclass(frozen=True)
class Source:
    """Where a named graph comes from; `path` is a Turtle file or a folder of them."""

    path: Path | None = None
    user: UserFiles | None = None

    def files(self) -> tuple[UserFile, ...]:
        """Return what the user has loaded."""
        return self.user.all() if self.user is not None else ()

    def digest(self) -> str:
        """Return the checksum of all of it."""
        parts = [_read(self.path) if self.path else ""]
        parts += [self.user.digest()] if self.user is not None and self.files() else []
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def triples(self) -> list[Triple]:
        """Read the package's part.

        Raises:
            StoreError: A file cannot be read, or is not Turtle.
        """
        return parsed(self.path) if self.path else []


def turtles(path: Path) -> list[Path]:
    """The Turtle files of a folder, by name, or the one that is named."""
    return sorted(path.glob("*.ttl")) if path.is_dir() else [path]


def parsed(path: Path) -> list[Triple]:
    """Read Turtle, a file or a folder of files, natively: fifty times as fast as rdflib.

    Raises:
        StoreError: One cannot be read, or is not Turtle.
    """
    from pyoxigraph import RdfFormat, parse

    found: list[Triple] = []
    for file in turtles(path):
        try:
            quads = parse(file.read_bytes(), RdfFormat.TURTLE, rename_blank_nodes=True)
            found += [quad.triple for quad in quads]
        except SyntaxError as error:
            raise StoreError(f"{file} is not Turtle: {error}") from error
        except OSError as error:
            raise StoreError(f"{file} cannot be read: {error}.") from error
    return found


def as_rdflib(triples: Iterable[Triple]) -> list[tuple[Any, Any, Any]]:
    """Turn native triples into rdflib's."""
    from oxrdflib._converter import from_ox

    return [(from_ox(t.subject), from_ox(t.predicate), from_ox(t.object)) for t in triples]


def as_native(triples: Iterable[tuple[Any, Any, Any]]) -> list[Triple]:
    """Turn rdflib's triples into native ones."""
    from oxrdflib._converter import to_ox
    from pyoxigraph import Triple

    return [Triple(to_ox(s), to_ox(p), to_ox(o)) for s, p, o in triples]


def ntriples_of(triples: Iterable[Triple]) -> str:
    """Write native triples as N-Triples."""
    return "".join(f"{triple} .\n" for triple in triples)


def _read(path: Path) -> str:
    try:
        return "\n".join(f.read_text(encoding="utf-8") for f in turtles(path))
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} cannot be read: {error}. Install TuneOS anew.") from error
