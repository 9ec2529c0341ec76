"""On which line of a file a node stands: parsers forget it, and people need it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_NAME = r"[\w%.-]"


@dataclass(frozen=True)
class Text:
    """The text of a file; lines count from 1."""

    path: Path
    content: str

    def at(self, iri: str, prefixes: Mapping[str, str] | None = None) -> str:
        """Return file and, where it can be found, line of a node."""
        line = self.line_of(iri, prefixes or {})
        return f"{self.path}:{line}" if line else str(self.path)

    def line_of(self, iri: str, prefixes: Mapping[str, str], after: int = 1) -> int | None:
        """Return the line where a node is described, or else first named.

        A line that begins with the node describes it; in RDF/XML and JSON-LD the first
        `about`, `ID` or `@id` does.
        """
        named: int | None = None
        for pattern in _written(iri, prefixes):
            described = rf"(?:^[ \t]*|\b(?:about|ID)\s*=\s*[\"']|\"@id\"\s*:\s*\"){pattern}"
            for shape, is_described in ((described, True), (pattern, False)):
                found = self._search(shape, after)
                if found and is_described:
                    return found
                if found and (named is None or found < named):
                    named = found
        return named

    def line_of_text(self, words: str, after: int = 1) -> int | None:
        """Return the first line, from `after` on, that holds these words."""
        return self._search(re.escape(words), after) if words else None

    def line_of_value(
        self, predicate: str, value: str, prefixes: Mapping[str, str], after: int
    ) -> int | None:
        """Return the line on which a property is given this value, from a line on."""
        name = re.escape(re.split(r"[/#]", predicate)[-1])
        for pattern in (re.escape(value), *(_written(value, prefixes) if "://" in value else ())):
            found = self._search(
                rf"\b{name}\b(?:(?!\.\s*\n)[^;]){{0,400}}?(?P<here>{pattern})", after
            )
            if found:
                return found
        return None

    def _search(self, pattern: str, after: int) -> int | None:
        start = 0
        for _ in range(after - 1):
            start = self.content.find("\n", start) + 1
        found = re.compile(pattern, re.MULTILINE).search(self.content, start)
        if found is None:
            return None
        place = found.start("here") if "here" in found.groupdict() else found.start()
        return self.content.count("\n", 0, place) + 1


def _written(iri: str, prefixes: Mapping[str, str]) -> Iterator[str]:
    """How a node may be written, as patterns that match no longer name."""
    yield rf"<?{re.escape(iri)}(?!{_NAME})"
    for prefix, base in prefixes.items():
        if base and iri.startswith(base):
            local = re.escape(iri[len(base) :])
            yield rf"(?<!{_NAME})(?:{re.escape(prefix)}:|&{re.escape(prefix)};){local}(?!{_NAME})"
    tail = re.split(r"[/#]", iri)[-1]
    if tail:
        yield rf"(?<![\w%.-])#?{re.escape(tail)}(?!{_NAME})"
