"""Domain knowledge that is given to one run: read once, and kept in the run's folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError

if TYPE_CHECKING:
    from rdflib import Graph

DOMAIN_FILE = "domain.nt"
FORMATS = {".ttl": "turtle", ".nt": "nt"}  # neither fetches anything when read


class KnowledgeError(UserError):
    """A file of knowledge that cannot be used."""


def read_files(paths: Iterable[Path]) -> Graph:
    """Read Turtle and N-Triples into one graph.

    Raises:
        KnowledgeError: A file is missing, of another kind, or wrong; the message says where.
    """
    from rdflib import Graph

    graph = Graph()
    for path in paths:
        kind = FORMATS.get(path.suffix.lower())
        if kind is None:
            raise KnowledgeError(
                f"--knowledge {path}: write Turtle (.ttl) or N-Triples (.nt); other kinds: "
                "tuneos kg load"
            )
        try:
            graph.parse(data=path.read_text(encoding="utf-8"), format=kind)
        except (OSError, UnicodeDecodeError) as error:
            raise KnowledgeError(f"--knowledge {path}: cannot be read: {error}") from error
        except Exception as error:  # rdflib's parsers raise whatever they stumble over
            said = " ".join(str(error).split())[:200]
            raise KnowledgeError(f"--knowledge {path}: is not {kind}: {said}") from error
    return graph


def write_domain(path: Path, graph: Graph) -> None:
    """Write a graph as N-Triples."""
    path.write_text(graph.serialize(format="nt"), encoding="utf-8")
