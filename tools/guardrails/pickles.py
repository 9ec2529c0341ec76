"""Is a file a pickle, whatever it is called? Told from its first bytes; nothing is unpickled."""

from __future__ import annotations

import pickletools
import warnings
import zipfile
from pathlib import Path

# Suffixes of files that hold pickles by their format.
SUFFIXES = frozenset(
    {".bin", ".pt", ".pth", ".pkl", ".pickle", ".joblib", ".ckpt", ".dill", ".cloudpickle", ".mar"}
)
_PACKED = {  # what joblib and others wrap pickles in
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x5d\x00\x00": "lzma",
    b"\x28\xb5\x2f\xfd": "zstandard",
    b"\x04\x22\x4d\x18": "lz4",
}
_PROTOCOLS = range(2, 6)
LOOKED_AT = 1 << 20  # bytes
LONG = 10  # operations, of one that goes on beyond them
_MEND = "remove it: safetensors weights are enough"


def pickle_fault(path: Path) -> str | None:
    """Say why a file may run code when it is loaded; None: it is no pickle."""
    if path.suffix.lower() in SUFFIXES:
        return f"is of a kind that is unpickled, which can run code; {_MEND}"
    with path.open("rb") as file:
        start = file.read(LOOKED_AT)
    if is_pickle(start):
        return f"is a pickle under another name, which can run code; {_MEND}"
    packed = next((kind for magic, kind in _PACKED.items() if start.startswith(magic)), None)
    if packed is not None:
        return f"is packed ({packed}), so what it holds cannot be told; unpack or remove it"
    if start.startswith(b"\x93NUMPY"):
        return "holds Python objects, which can run code; " + _MEND if _objects(path) else None
    if start.startswith(b"PK"):
        return _zip_fault(path)
    return None


def is_pickle(start: bytes) -> bool:
    """Whether bytes begin as a pickle of protocol 2 or later does, or are one that imports."""
    if start[:1] == b"\x80" and len(start) > 1 and start[1] in _PROTOCOLS:
        return True
    # Protocols 0 and 1 have no mark of their own, and may look like text.
    imports, read = False, 0
    try:
        with warnings.catch_warnings():  # text may look like a string with odd escapes
            warnings.simplefilter("ignore", DeprecationWarning)
            for operation, argument, _ in pickletools.genops(start):
                read += 1
                if operation.name in {"GLOBAL", "INST"}:
                    parts = str(argument).replace(" ", ".").split(".")
                    if not all(part.isidentifier() for part in parts):
                        return False
                    imports = True
    except ValueError:
        return imports and read >= LONG and len(start) >= LOOKED_AT
    return imports


def _objects(path: Path) -> bool:
    """Whether a numpy file holds objects: its header says so, in text."""
    with path.open("rb") as file:
        head = file.read(4096)
    return b"'|O'" in head or b"'O'" in head or b"object" in head[:512]


def _zip_fault(path: Path) -> str | None:
    """torch and numpy keep theirs in a zip archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            for one in archive.infolist()[:1000]:
                if Path(one.filename).suffix.lower() in SUFFIXES:
                    return f"holds the pickle {one.filename[:60]!r}, which can run code; {_MEND}"
                with archive.open(one) as member:
                    start = member.read(LOOKED_AT)
                if is_pickle(start) or (start.startswith(b"\x93NUMPY") and b"'|O'" in start[:512]):
                    return f"holds Python objects ({one.filename[:60]!r}); {_MEND}"
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, ValueError):
        return "is a damaged archive; remove it"
    return None
