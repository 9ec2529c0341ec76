"""The folder that holds everything a run leaves, and the names of runs in it."""

from __future__ import annotations

import difflib
import errno
import hashlib
import os
import re
import tempfile
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .errors import StoreError
from .redaction import redact

_SUFFIX_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # no 0/o, 1/i/l: names are typed by hand
_SLUG_LENGTH = 24


@dataclass(frozen=True)
class Workspace:
    """Where things lie under `root`; making one touches nothing (see `open_workspace`)."""

    root: Path

    @property
    def checkpoints(self) -> Path:
        """LangGraph checkpoints, SQLite."""
        return self.root / "checkpoints.sqlite"

    @property
    def studies(self) -> Path:
        """Optuna studies, SQLite."""
        return self.root / "studies.sqlite"

    @property
    def ledger(self) -> Path:
        """Runs, budgets, jobs and seals, SQLite."""
        return self.root / "ledger.sqlite"

    @property
    def knowledge(self) -> Path:
        """Folder of the RDF store."""
        return self.root / "knowledge"

    @property
    def artifacts(self) -> Path:
        """Folder of content-addressed artifacts."""
        return self.root / "artifacts"

    @property
    def runs(self) -> Path:
        """Folder with one readable folder per run."""
        return self.root / "runs"

    def run_folder(self, run: str) -> Path:
        """Return the folder of a run, whether or not it is there.

        Raises:
            StoreError: `run` is not a plain name.
        """
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", run):
            raise StoreError(f"{run!r} cannot name a run; use letters, digits, '-', '_' and '.'.")
        return self.runs / run

    def new_run_name(self, slug: str, when: datetime, entropy: str) -> str:
        """Reserve a name such as banking77-1123-1852-k3f9 by making its folder.

        Args:
            slug: What the run is about, any text; letters and digits of it are kept.
            when: Local time; month, day, hour and minute enter the name.
            entropy: Anything that differs between runs; the last four letters derive from it.

        Raises:
            StoreError: The folder cannot be made.
        """
        stem = f"{_sanitised(redact(slug))}-{when:%m%d-%H%M}"
        for attempt in range(1000):
            name = f"{stem}-{_suffix(f'{entropy}/{attempt}')}"
            try:
                self.run_folder(name).mkdir(parents=True)
            except FileExistsError:
                continue
            except OSError as error:
                raise StoreError(_unusable(self.runs, error)) from error
            return name
        raise StoreError(f"{self.runs}: no free name like {stem}-… is left; tidy this folder.")

    def find_run(self, name: str) -> Path:
        """Return the folder of the run with this name or unique beginning of a name.

        Raises:
            StoreError: No run fits, or several do; the message lists near names.
        """
        names = _newest_first(self.runs)
        if name in names:
            return self.runs / name
        fitting = [known for known in names if name and known.startswith(name)]
        if len(fitting) == 1:
            return self.runs / fitting[0]
        if fitting:
            listed = ", ".join(fitting[:8])
            raise StoreError(f"{len(fitting)} runs begin with {name!r}: {listed}. Type more of it.")
        if not names:
            raise StoreError(f"There is no run {name!r}: {self.runs} holds no runs yet.")
        near = difflib.get_close_matches(name, names, n=5, cutoff=0.4)
        hint = f"Near names: {', '.join(near)}" if near else f"Newest runs: {', '.join(names[:5])}"
        raise StoreError(f"There is no run {name!r} in {self.runs}. {hint}.")


def open_workspace(root: str | Path) -> Workspace:
    """Make the workspace if it is not there, and check that it can be written.

    A new one is kept out of git by a `.gitignore` of its own; a folder that was
    there before gets none.

    Raises:
        StoreError: `root` is a file, or cannot be made or written.
    """
    folder = Path(root).expanduser().absolute()
    workspace = Workspace(folder)
    try:
        is_new = not folder.exists()
        for part in (folder, workspace.runs, workspace.artifacts, workspace.knowledge):
            part.mkdir(parents=True, exist_ok=True)
        if is_new:
            (folder / ".gitignore").write_text("*\n", encoding="utf-8")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StoreError(_unusable(folder, error)) from error
    return workspace


def _unusable(folder: Path, error: OSError) -> str:
    """Say why the workspace cannot be used, and what to do."""
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        reason = "a file stands where a folder is needed"
    elif error.errno == errno.ENOSPC:
        reason = "the disk is full"
    else:
        reason = error.strerror or str(error)
    return f"The workspace {folder} cannot be used: {reason}. Mend that or choose --workspace DIR."


def _sanitised(slug: str) -> str:
    plain = unicodedata.normalize("NFKD", slug).encode("ascii", "ignore").decode().lower()
    kept = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG_LENGTH].strip("-")
    return kept or "run"


def _suffix(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    return "".join(_SUFFIX_LETTERS[byte % len(_SUFFIX_LETTERS)] for byte in digest[:4])


def _newest_first(runs: Path) -> list[str]:
    try:
        folders = [entry for entry in os.scandir(runs) if entry.is_dir()]
    except FileNotFoundError:
        return []
    folders.sort(key=lambda entry: entry.stat().st_mtime, reverse=True)
    return [entry.name for entry in folders]
