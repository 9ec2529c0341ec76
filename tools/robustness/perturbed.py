"""Rows written otherwise, their gold unchanged: one perturbation at a time, drawn by a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..augment.noise import misspelt, mistyped, noisy
from ..augment.words import filler, replaced
from ..datasets.types import Row, Split
from ..tasks.pieces import Changed, Edit, Piece
from ..tasks.task import Task
from ..training.base_model import BaseModel
from .characters import cased, disguised, punctuated
from .likeness import LEAST, Likeness
from .opposites import substitutes


@dataclass(frozen=True)
class Perturbation:
    """One way to write a text otherwise.

    Attributes:
        change: What becomes of a text.
        alike: Where changes have to keep the sense: those that do not are taken back.
    """

    change: Callable[[Piece, np.random.Generator], Changed]
    alike: Likeness | None = None


CHARACTERS: dict[str, Perturbation] = {
    "typos": Perturbation(lambda piece, rng: noisy(piece, rng, how=misspelt)),
    "keyboard": Perturbation(lambda piece, rng: noisy(piece, rng, how=mistyped)),
    "case": Perturbation(cased),
    "punctuation": Perturbation(punctuated),
    "homoglyphs": Perturbation(disguised),
}


def paraphrase(base: BaseModel, alike: Likeness) -> Perturbation:
    """Some words filled in anew by the base model, as long as the text stays alike.

    A base model with a masked-LM head says what is likely in a word's place. For one without,
    as the built-in, the nearest of its word embeddings stand in.
    """
    fill, _ = filler(base)

    def kept(text: str, span: tuple[int, int]) -> list[str]:
        return substitutes(fill, text, span)

    return Perturbation(lambda piece, rng: replaced(piece, kept, rng), alike)


def perturbed(
    task: Task, split: Split, rows: Sequence[int], way: Perturbation, seed: Sequence[int]
) -> Split:
    """The rows under one perturbation; one that cannot be changed comes as it is.

    Args:
        task: Says what of a row may be changed.
        split: Rows with their gold; not modified.
        rows: Which of them.
        way: What is done to each text of a row.
        seed: Each row's draw depends on it and on the row's position alone.
    """
    rngs = [np.random.default_rng([*seed, i]) for i in rows]
    changed = [
        [way.change(p, rng) for p in task.pieces(split, i)]
        for i, rng in zip(rows, rngs, strict=True)
    ]
    if way.alike is not None:
        changed = _kept_alike(changed, way.alike)
    found = [_row(task, split, i, c) for i, c in zip(rows, changed, strict=True)]
    return replace(
        split.take(rows),
        texts=tuple(text for text, _ in found),
        rows=tuple(row or {} for _, row in found) if split.rows else (),
    )


def _kept_alike(changed: list[list[Changed]], alike: Likeness) -> list[list[Changed]]:
    """Take edits back, the last first, until every text is like the one before."""
    flat = [c for row in changed for c in row]
    open_ = [i for i, c in enumerate(flat) if c.edits]
    while open_:
        near = alike([flat[i].before for i in open_], [flat[i].text for i in open_])
        open_ = [i for i, likeness in zip(open_, near, strict=True) if likeness < LEAST]
        for i in open_:
            flat[i] = Changed(flat[i].before, flat[i].edits[:-1])
        open_ = [i for i in open_ if flat[i].edits]
    left = iter(flat)
    return [[next(left) for _ in row] for row in changed]


def _row(task: Task, split: Split, row: int, changed: Sequence[Changed]) -> tuple[str, Row | None]:
    before = split.texts[row], split.rows[row] if split.rows else None
    if not any(c.edits for c in changed):
        return before
    new = task.rewritten(split, row, changed) or task.rewritten(
        split, row, _possible(task, split, row, changed)
    )
    return before if new is None or not new[0].strip() else new


def _possible(task: Task, split: Split, row: int, changed: Sequence[Changed]) -> list[Changed]:
    """The edits that the gold bears one by one: no word with a tag may vanish, say."""

    def bears(piece: int, edit: Edit) -> bool:
        alone = [Changed(c.before, (edit,) if i == piece else ()) for i, c in enumerate(changed)]
        return task.rewritten(split, row, alone) is not None

    return [
        Changed(c.before, tuple(e for e in c.edits if bears(i, e))) for i, c in enumerate(changed)
    ]
