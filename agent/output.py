"""Output files that are written whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ..tools.errors import UserError


@contextmanager
def whole_file(path: Path | None) -> Iterator[TextIO]:
    """Write beside and rename at the end; None writes to standard output.

    Raises:
        UserError: The folder isn't there or cannot be written.
    """
    if path is None:
        yield sys.stdout
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        stream = draft.open("w", encoding="utf-8")
    except OSError as error:
        raise UserError(f"output {path}: cannot be written: {error.strerror}") from error
    try:
        with stream:
            yield stream
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
