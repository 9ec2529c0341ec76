"""Content-addressed folders, written whole or not at all.

The key of an artifact says what it is (the hash of its description), and its
manifest, written last, says that all of it is there.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import DiskFull, StoreError, disk_full
from .liveness import birth

MANIFEST = "MANIFEST.json"


class ArtifactStore:
    """Artifacts under one folder; any number of processes may read and write it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def key(self, description: Mapping[str, Any]) -> str:
        """Return the first 24 hex digits of the sha256 of the canonical JSON.

        Args:
            description: Everything that determines the content, JSON values only;
                the order of keys does not count, 1 and 1.0 differ.
        """
        text = json.dumps(
            description, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def path(self, key: str) -> Path:
        """Return the folder of an artifact, whether or not it is there.

        Raises:
            StoreError: This cannot be a key.
        """
        if not re.fullmatch(r"[0-9a-f]{24}", key):
            raise StoreError(f"{key!r} is no artifact key; a key has 24 hex digits.")
        return self.root / key

    def has(self, key: str) -> bool:
        """Say whether the artifact is there and complete (see `verify` for its bytes)."""
        return (self.path(key) / MANIFEST).is_file()

    def has_whole(self, key: str) -> bool:
        """Say whether every byte is there; a damaged artifact is set aside, to be made anew.

        Raises:
            StoreError: It is damaged and cannot be moved.
        """
        if not self.has(key):
            return False
        try:
            self.verify(key)
        except StoreError:
            aside = self.root / f".damaged-{key}-{os.getpid()}-{time.time_ns()}"
            with _explained(self.root):
                self.path(key).rename(aside)
            return False
        return True

    def key_of(self, folder: Path) -> str:
        """Return the key of the artifact that a folder lies in.

        Raises:
            StoreError: It lies in none.
        """
        try:
            return folder.relative_to(self.root).parts[0]
        except (ValueError, IndexError):
            raise StoreError(f"{folder} is no artifact of {self.root}.") from None

    @contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        """Yield a folder to fill; on a clean exit it becomes the artifact, else it is removed.

        When another process completed the same key meanwhile, its copy stays and
        this one is discarded.

        Raises:
            StoreError: The disk is full, or the folder cannot be written.
        """
        final = self.path(key)
        with _explained(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            self._sweep()
            draft = Path(tempfile.mkdtemp(prefix=f".writing-{os.getpid()}-", dir=self.root))
            try:
                yield draft
                if not self.has(key):
                    _seal_folder(draft)
                    self._publish(draft, final)
            finally:
                shutil.rmtree(draft, ignore_errors=True)

    def verify(self, key: str) -> None:
        """Compare every file with the manifest.

        Raises:
            StoreError: The artifact is missing, or a file is missing, changed or
                too many; the message names it.
        """
        folder = self.path(key)
        mend = f"Remove the folder {folder} and run again: it will be made anew."
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            expected: dict[str, dict[str, Any]] = manifest["files"]
            names = expected.keys() | _file_names(folder)
            damage = [f"{n} {why}" for n in sorted(names) if (why := _damage(folder, n, expected))]
        except FileNotFoundError:
            raise StoreError(f"{folder}: there is no complete artifact {key}. {mend}") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(f"{folder / MANIFEST} cannot be read: {error}. {mend}") from error
        if damage:
            raise StoreError(f"{folder}: {'; '.join(damage)}. {mend}")

    def fingerprint(self, key: str) -> str:
        """sha256 of the manifest, which holds those of all files.

        Raises:
            StoreError: There is none.
        """
        try:
            return file_sha256(self.path(key) / MANIFEST)
        except OSError as error:
            raise StoreError(f"{self.path(key)}: has no manifest: {error.strerror}.") from error

    def _publish(self, draft: Path, final: Path) -> None:
        """Rename the finished draft into place, unless another writer was first."""
        if final.exists() and not (final / MANIFEST).exists():
            shutil.rmtree(final, ignore_errors=True)  # somebody removed its manifest by hand
        try:
            draft.rename(final)
        except OSError as error:
            if error.errno in (errno.EEXIST, errno.ENOTEMPTY) and (final / MANIFEST).exists():
                return
            raise
        _sync_folder(self.root)

    def _sweep(self) -> None:
        """Remove the drafts of processes that were killed while writing."""
        for draft in self.root.glob(".writing-*-*"):
            pid = draft.name.split("-")[1]
            if pid.isdigit() and birth(int(pid)) is None:
                shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _explained(root: Path) -> Iterator[None]:
    """Turn a full disk, also one met while the caller fills the folder, into a StoreError."""
    try:
        yield
    except OSError as error:
        if not disk_full(error):
            raise
        raise DiskFull(
            f"The disk of {root} is full; nothing half-written was left behind. Free some "
            "space (old folders there may be removed), then go on with: tuneos resume RUN"
        ) from error


def _seal_folder(folder: Path) -> None:
    """Force every file to the disk and write the manifest last."""
    files = {}
    for name in sorted(_file_names(folder)):
        path = folder / name
        _sync_file(path)
        files[name] = {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
    for sub in sorted(p for p in folder.rglob("*") if p.is_dir()):
        _sync_folder(sub)
    manifest = folder / MANIFEST
    manifest.write_text(json.dumps({"files": files}, indent=1, sort_keys=True), encoding="utf-8")
    _sync_file(manifest)
    _sync_folder(folder)


def _file_names(folder: Path) -> set[str]:
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    return found - {MANIFEST}


def _damage(folder: Path, name: str, expected: Mapping[str, Mapping[str, Any]]) -> str:
    """Say what is wrong with one file, or nothing."""
    path = folder / name
    if name not in expected:
        return "is not in the manifest"
    if not path.is_file():
        return "is missing"
    if path.stat().st_size != expected[name]["bytes"]:
        return f"has {path.stat().st_size} bytes instead of {expected[name]['bytes']}"
    return "" if file_sha256(path) == expected[name]["sha256"] else "has been changed"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Force the folder's entries to the disk, where the system can (Windows cannot)."""
    if os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
