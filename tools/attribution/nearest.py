"""The training rows nearest to a text, as the model sees both.

The states of the training rows are computed once and kept beside the run, under the model's
checksum: no texts, only positions in the rows that the model was trained on. These lie in the
workspace as they were trained, masked where they were masked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from ...evals.metrics import FloatArray
from ...memory.artifacts import ArtifactStore
from ...memory.errors import StoreError
from ...memory.ledger import Ledger
from ...memory.workspace import Workspace
from ..datasets.splits import read_split
from ..datasets.types import Split
from ..deployment.saved import CARD, HEAD, SavedModel

MOST_ROWS = 20_000  # embedded; of more, rows at equal distances


class Neighbour(BaseModel):
    """A training row; `similarity` is the cosine of its state and the text's."""

    model_config = ConfigDict(frozen=True)

    text: str
    label: str
    similarity: float
    place: str


@dataclass(frozen=True)
class Trained:
    """The rows that a model was trained on, or why they are not known.

    Attributes:
        note: Why there are none, or what is to be known of them.
    """

    rows: Split | None
    folder: Path | None
    note: str = ""


def trained_rows(card: SavedModel, workspace: Workspace | None) -> Trained:
    """Find the rows that a model was trained on, by its run's trail."""
    if workspace is None:
        return Trained(None, None, "No workspace is here, so the training rows are not known.")
    ledger = Ledger(workspace.ledger)
    try:
        row = ledger.run(card.run)
        trail = ledger.trail(card.run)
    except StoreError:
        where = workspace.root
        return Trained(None, None, f"The run {card.run!r} is not in the workspace {where}.")
    chosen = (row.result or {}).get("chosen")
    makers = [
        e for e in trail if e.kind == "step" and any(m.strategy == card.strategy for m in e.made)
    ]
    exact = [e for e in makers if any(m.name == chosen for m in e.made)]
    step = next(reversed(exact or makers), None)
    if step is None or not step.data:
        return Trained(None, None, "Which rows it was trained on is not on record.")
    store = ArtifactStore(workspace.artifacts)
    path = store.path(step.data) / "train.jsonl"
    gone = f"The training rows ({step.data_name}, {step.data}) are not in the workspace any more."
    try:
        store.verify(step.data)
        rows = read_split(path)
    except (StoreError, OSError, ValueError):
        return Trained(None, None, gone)
    folder = workspace.run_folder(card.run)
    return Trained(rows, folder, f"Of the {len(rows):,} training rows, {step.data_name}.")


def nearest(
    query: Any,
    trained: Trained,
    card: SavedModel,
    model: Path,
    states: Callable[[Split], Any],
    gold: Callable[[Split, int], str],
    *,
    most: int = 5,
) -> tuple[list[Neighbour], str]:
    """Find the training rows nearest to a query.

    Args:
        query: (1, width), dense or sparse.
        states: Rows -> (n, width), as the query was made.
        gold: The right answer of a row.

    Returns:
        The nearest, best first, and a note on what they are of.
    """
    if trained.rows is None or trained.folder is None or not len(trained.rows):
        return [], trained.note
    n = len(trained.rows)
    chosen = np.unique(np.linspace(0, n - 1, min(n, MOST_ROWS)).astype(np.int64))
    note = trained.note
    if len(chosen) < n:
        note += f" {len(chosen):,} of them, at equal distances, were looked at."
    rows = trained.rows.take(chosen.tolist())
    found = _kept(trained.folder, _sum(model), rows, states)
    scores = cosines(found, query)
    order = np.argsort(-scores, kind="stable")[:most]
    return [
        Neighbour(
            text=rows.texts[i],
            label=gold(rows, int(i)),
            similarity=round(float(scores[i]), 6),
            place=rows.places[i],
        )
        for i in order
    ], note


def _sum(model: Path) -> str:
    """A checksum that tells models apart."""
    total = hashlib.sha256()
    names = (CARD, HEAD, "adapter_model.safetensors", "model.safetensors", "idf.safetensors")
    for name in names:
        if (model / name).is_file():
            with (model / name).open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:16]


def cosines(rows: Any, query: Any) -> FloatArray:
    """(n, width) and (1, width), dense or sparse -> (n,)."""
    from sklearn.metrics.pairwise import cosine_similarity

    return np.asarray(cosine_similarity(rows, query)[:, 0], np.float64)


def _kept(folder: Path, name: str, rows: Split, states: Callable[[Split], Any]) -> Any:
    """The states of the rows, computed once; a damaged file is made anew.

    Counts of words are not kept: they take no longer to make than to read.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file, save_file

    path = folder / f"nearest-{name}.safetensors"
    try:
        known = load_file(path)["states"]
        if len(known) == len(rows):
            return np.asarray(known, np.float64)
    except (OSError, SafetensorError, KeyError):
        pass
    found = states(rows)
    if not isinstance(found, np.ndarray):
        return found
    draft = path.with_suffix(".draft")
    try:
        save_file({"states": found.astype(np.float32)}, draft)
        draft.replace(path)
    except (OSError, SafetensorError):
        draft.unlink(missing_ok=True)  # it is only a saving of time
    return found
