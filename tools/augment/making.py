"""New rows out of old ones, by each way there is; a task says what of a row may change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..datasets.types import Split
from ..tasks.pieces import Changed, Piece
from ..tasks.task import Task
from ..training.base_model import BaseModel
from . import noise, translation, words
from .added import OVERSAMPLED, Added

LEAST_HOME = 0.3  # of a text's length, or what came back from abroad has lost too much
MOST_HOME = 3.0

Change = Callable[[Piece], Changed]


def make_rows(
    way: str,
    task: Task,
    train: Split,
    sources: Sequence[int],
    rng: np.random.Generator,
    base: BaseModel,
    translators: tuple[str, str] = ("", ""),
    progress: translation.Progress = lambda *_: None,
) -> list[Added]:
    """Make a new row out of each source; one that could not be changed makes none.

    Args:
        way: "noise", "replace_words", "oversample" or "back_translate".
        task: Says what of a row may be changed.
        train: What the sources are positions in.
        sources: A position may come several times.
        rng: What is drawn from.
        base: Fills in words.
        translators: There and back, for "back_translate".
        progress: Called with (done, all).
    """
    if way == "oversample":
        return [Added(train.texts[i], i, OVERSAMPLED) for i in sources]
    if way == "noise":
        return _each(task, train, sources, lambda piece: noise.noisy(piece, rng), noise.ORIGIN)
    if way == "replace_words":
        fill, origin = words.filler(base)
        return _each(task, train, sources, lambda piece: words.replaced(piece, fill, rng), origin)
    once = list(dict.fromkeys(sources))  # a text comes back the same every time
    whole = [p.text for i in once for p in task.pieces(train, i) if p.whole and p.text.strip()]
    home = dict(zip(whole, translation.back_translated(whole, *translators, progress), strict=True))

    def change(piece: Piece) -> Changed:
        found = home.get(piece.text, "") if piece.whole else ""
        kept = LEAST_HOME * len(piece.text) <= len(found) <= MOST_HOME * len(piece.text)
        return Changed.altogether(piece.text, found if found and kept else piece.text)

    return _each(task, train, once, change, translation.ORIGIN)


def _each(
    task: Task, train: Split, sources: Sequence[int], change: Change, origin: str
) -> list[Added]:
    made = []
    for i in sources:
        changed = [change(piece) for piece in task.pieces(train, i)]
        new = task.rewritten(train, i, changed) if any(c.edits for c in changed) else None
        if new is not None and new[0].strip():
            made.append(Added(new[0], i, origin, new[1]))
    return made
