"""Which answers of a model are right, and stay right where rows are written otherwise."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...evals.measures import measure
from ...evals.measures.robust import NAMES, PERTURBATIONS
from ...evals.metrics import FloatArray
from ..datasets.splits import read_split, rows_looked_at, write_split
from ..datasets.types import Split, row_key
from ..deployment.model import Model
from ..tasks.task import Answer, Progress, Task
from ..training.base_model import BaseModel
from .likeness import likeness_of
from .perturbed import CHARACTERS, paraphrase, perturbed

(METRIC,) = NAMES
MOST_VALIDATION, MOST_TEST = 150, 300  # rows that are looked at, for time; see `estimate`
_MADE = 1  # raise when the same rows would be written otherwise


@dataclass(frozen=True)
class Rewritten:
    """Rows as they are, and under each of PERTURBATIONS: the same for every model."""

    original: Split
    ways: tuple[Split, ...]


def rewrite(
    task: Task, split: Split, most: int, base: BaseModel, seed: int, cache: Path | None = None
) -> Rewritten:
    """Write rows otherwise in every way.

    Args:
        task: Says what of a row may be changed.
        split: Rows with their gold.
        most: Rows that are taken at most.
        base: Fills in words for the paraphrase.
        seed: Of the draws.
        cache: Folder where they are kept, as every candidate is asked the same ones.
    """
    rows = rows_looked_at(split, most, seed)
    original = split.take(rows)
    content = "".join(row_key(original, i) for i in range(len(original)))
    said = f"{_MADE}:{task.name}:{base.digest}:{seed}:{rows}:{content}"
    key = hashlib.sha256(said.encode()).hexdigest()[:24]
    places = [cache / f"{key}-{name}.jsonl" for name in PERTURBATIONS] if cache else []
    if places and all(place.is_file() for place in places):
        return Rewritten(original, tuple(read_split(place) for place in places))
    known = {**CHARACTERS, "paraphrase": paraphrase(base, likeness_of(base))}
    ways = tuple(
        perturbed(task, split, rows, known[name], (seed, number))
        for number, name in enumerate(PERTURBATIONS)
    )
    for place, way in zip(places, ways, strict=False):
        place.parent.mkdir(parents=True, exist_ok=True)
        write_split(place, way)
    return Rewritten(original, ways)


def robust_rows(
    model: Model, rewritten: Rewritten, progress: Progress | None = None, *, prepared: bool = False
) -> FloatArray:
    """Answer rows as they are and under each perturbation.

    Args:
        model: Of the task that the rows are of.
        rewritten: Of n rows.
        progress: Called with (done, all) answers.
        prepared: The rows are masked already where the model wants that.

    Returns:
        (n, 1 + P), the statistics of `evals.measures.robust`.
    """
    splits = (rewritten.original, *rewritten.ways)
    columns, each = [], len(rewritten.original)
    for position, split in enumerate(splits):

        def tell(done: int, _: int, position: int = position) -> None:
            if progress:
                progress(position * each + done, len(splits) * each)

        columns.append(right(model.task, split, model.answers(split, tell, prepared=prepared)))
    return np.column_stack(columns)


def right(task: Task, split: Split, answers: Sequence[Answer]) -> FloatArray:
    """1 where an answer is right as a whole, else 0: (n,).

    One label: it is the gold's. Several: all of them and no more. Entities: all of the row,
    none too many. An answer out of a text: all words of one of the true ones, as SQuAD
    compares them.
    """
    kind, rows = next(iter(task.stats(split, list(answers)).items()))
    return np.asarray(measure(kind).wrong(rows) <= 0, np.float64)
