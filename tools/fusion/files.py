"""Domain knowledge that is given to one run: read once, and kept in the run's folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...memory.redaction import redact_rdf
from ...memory.validation import check_file

DOMAIN_FILE = "domain.nt"


def read_files(paths: Iterable[Path]) -> bytes:
    """Read and check files as `tuneos kg load` does; N-Triples of all of them.

    Raises:
        StoreError: A file is missing, broken, hostile or against the shapes of a domain.
    """
    return b"".join(check_file(path).triples for path in paths)


def write_domain(path: Path, triples: bytes) -> None:
    """Write them, without secrets, where the run finds them again."""
    path.write_text(redact_rdf(triples.decode()), encoding="utf-8")
