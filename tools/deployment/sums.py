"""SHA256SUMS of a model folder, as `sha256sum -c` reads it: a flipped bit is no answer."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ...memory.artifacts import file_sha256
from ..errors import ModelError

SUMS = "SHA256SUMS"


def write_sums(folder: Path) -> None:
    """Note the checksum of every file there is."""
    (folder / SUMS).write_text("".join(_lines(folder)), encoding="utf-8")


def digest_of(folder: Path) -> str:
    """Hash all files of a model folder together; SHA-256 in hex."""
    return hashlib.sha256("".join(_lines(folder)).encode()).hexdigest()


def _lines(folder: Path) -> list[str]:
    return [
        f"{file_sha256(path)}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != SUMS
    ]


def check_sums(folder: Path) -> None:
    """Compare the files with their checksums; a folder without any was made elsewhere.

    Raises:
        ModelError: A file is missing or has changed.
    """
    path = folder / SUMS
    if not path.is_file():
        return
    mend = "copy the model again, or let a run make it anew"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"model {path}: cannot be read; {mend}") from error
    if not lines:
        raise ModelError(f"model {path}: is empty; {mend}")
    for line in lines:
        said, _, name = line.partition("  ")
        file = folder / name
        if not name or not file.resolve().is_relative_to(folder.resolve()):
            raise ModelError(f"model {path}: is damaged; {mend}")
        if not file.is_file():
            raise ModelError(f"model {file}: is missing; {mend}")
        if file_sha256(file) != said:
            raise ModelError(f"model {file}: was changed since it was saved; {mend}")
