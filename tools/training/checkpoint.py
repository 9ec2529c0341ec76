"""Training checkpoints: the last two states of a training, each whole on disk or not there."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...memory.artifacts import ArtifactStore
from ...memory.errors import DiskFull

if TYPE_CHECKING:
    from torch import Tensor

KEPT = 2  # a damaged one leaves the one before it
EVERY = 30.0  # seconds between checkpoints within an epoch
SHARE = 0.02  # of a training's time may go into saving
TENSORS, STATE = "tensors.safetensors", "state.json"


@dataclass(frozen=True)
class Snapshot:
    """A training between two steps, as tensors and JSON; the newer has the larger number."""

    number: int
    tensors: dict[str, Tensor]
    state: dict[str, Any]


class Checkpoints:
    """The checkpoints of one training, in a folder of their own.

    Each is an artifact whose key is its number: written into a draft, forced to the
    disk, its hashes last, then renamed. One process at a time may use the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._store = ArtifactStore(folder)
        self._saved = time.monotonic()
        self._cost = 0.0

    def due(self, *, epoch_ended: bool) -> bool:
        """Tell whether to save now: after each epoch and from time to time within long ones.

        Never so often that saving takes more than SHARE of the time.
        """
        since = time.monotonic() - self._saved
        return since >= self._cost / SHARE and (epoch_ended or since >= EVERY)

    def save(self, snapshot: Snapshot) -> bool:
        """Write a checkpoint and drop all but the last two.

        A full disk costs the checkpoint and not the training: then the ones there
        are stay, and False is returned.
        """
        from safetensors.torch import save

        start = time.monotonic()
        try:
            with self._store.writing(_key(snapshot.number)) as draft:
                (draft / TENSORS).write_bytes(save(snapshot.tensors))
                (draft / STATE).write_text(json.dumps(snapshot.state), encoding="utf-8")
            saved = True
        except DiskFull:
            saved = False
        if saved:
            gone = [self._store.path(key) for key in self._keys()[KEPT:]]
            for folder in (*gone, *self._store.root.glob(".damaged-*")):
                shutil.rmtree(folder, ignore_errors=True)
        self._saved = time.monotonic()
        self._cost = self._saved - start
        return saved

    def latest(self) -> Snapshot | None:
        """Read the newest checkpoint that is whole; damaged ones are set aside."""
        from safetensors.torch import load

        for key in self._keys():
            if self._store.has_whole(key):
                folder = self._store.path(key)
                state = json.loads((folder / STATE).read_text(encoding="utf-8"))
                return Snapshot(int(key), load((folder / TENSORS).read_bytes()), state)
        return None

    def forget(self) -> None:
        """Remove them all."""
        shutil.rmtree(self._store.root, ignore_errors=True)

    def _keys(self) -> list[str]:
        """Newest first, damaged ones among them."""
        if not self._store.root.is_dir():
            return []
        return sorted(
            (p.name for p in self._store.root.iterdir() if p.name.isdigit()), reverse=True
        )


def _key(number: int) -> str:
    return f"{number:024d}"
