"""Archives that unpack to far more than they are: told from their directory, nothing unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

MOST_UNPACKED = 4 << 30  # bytes
MOST_TIMES = 200  # of its own size; numbers and texts pack to a tenth or so
ALWAYS = 64 << 20  # bytes that may come of any archive
MOST_MEMBERS = 10_000


def archive_fault(path: Path) -> str | None:
    """Say why a zip archive (also npz, xlsx) may not be opened; None: it may, or is none."""
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            return None
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            unpacked = sum(member.file_size for member in members)
            names = [member.filename for member in members]
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
        return "is a damaged archive; remove it"
    outside = next((n for n in names if n.startswith(("/", "\\")) or ".." in n.split("/")), None)
    if outside is not None:
        return f"is an archive whose member {outside[:60]!r} leads out of it; remove it"
    if len(members) > MOST_MEMBERS:
        return f"is an archive of {len(members):,} members; remove it"
    size = path.stat().st_size
    if unpacked > MOST_UNPACKED or unpacked > max(ALWAYS, MOST_TIMES * size):
        return f"would unpack from {size:,} to {unpacked:,} bytes; remove it"
    return None
