"""Trials that have ended, on disk: each with its model, whole or not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ...evals.result import Curve
from ...memory.artifacts import ArtifactStore
from ..facts import Setting

RESULT, MODEL = "result.json", "model"


class Drawn(BaseModel):
    """A trial as it begins: what was drawn for it."""

    model_config = ConfigDict(frozen=True)

    number: int
    params: dict[str, Setting]


class TrialResult(Drawn):
    """A trial that has ended.

    Attributes:
        settings: All of the fine-tune, `params` among them.
        value: What the search maximises; None where it was not reached.
        values: After each epoch, from the first.
        scores, curve: Of a complete trial, on validation.
        seconds: That it took.
        softened: How many times its settings were made gentler, for want of memory.
        note: Why it failed, or was made gentler.
    """

    state: Literal["complete", "pruned", "failed"]
    settings: dict[str, Setting] = {}
    value: float | None = None
    values: tuple[float, ...] = ()
    scores: dict[str, float] = {}
    curve: Curve | None = None
    seconds: float = 0.0
    softened: int = 0
    note: str = ""


class TrialResults:
    """The ended trials of one search, in a folder that outlives the processes at work on it.

    One process may write a trial while others write other ones.
    """

    def __init__(self, folder: Path) -> None:
        self._store = ArtifactStore(folder / "trials")

    def read(self) -> dict[int, TrialResult]:
        """All that are whole, by number; damaged ones are set aside, to be done again."""
        root = self._store.root
        keys = sorted(p.name for p in root.iterdir() if p.name.isdigit()) if root.is_dir() else []
        found = [self._read(key) for key in keys if self._store.has_whole(key)]
        return {r.number: r for r in found}

    def keep(self, number: int, train: Callable[[Path], TrialResult]) -> None:
        """Do a trial in a draft of its folder, and keep what came of it.

        Args:
            number: Of the trial.
            train: Gets the folder for the model; a KeyboardInterrupt or a full disk
                leaves nothing.
        """
        with self._store.writing(_key(number)) as draft:
            result = train(draft / MODEL)
            (draft / RESULT).write_text(result.model_dump_json(), encoding="utf-8")

    def result(self, number: int) -> TrialResult | None:
        """One trial, if it has ended."""
        return self._read(_key(number)) if self._store.has(_key(number)) else None

    def model(self, number: int) -> Path:
        """Folder of a complete trial's model."""
        return self._store.path(_key(number)) / MODEL

    def _read(self, key: str) -> TrialResult:
        path = self._store.path(key) / RESULT
        return TrialResult.model_validate_json(path.read_text(encoding="utf-8"))


def _key(number: int) -> str:
    return f"{number:024d}"
