"""Words swapped where the model's own gradients say that it hurts most, few in each row.

The gradient of the gold's margin tells which word, replaced by which near one, should lower it
most; the best few swaps are tried on the model itself, and the worst is kept, until the answer
is wrong or the row's words are used up. Opposites are no swaps, and the text has to stay alike.

Source: Ebrahimi et al. 2018, HotFlip, for the first-order choice; Jin et al. 2020, TextFooler,
for neighbours, likeness and the greedy walk.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...evals.metrics import FloatArray
from ..augment.words import Fill, as_cased, neighbour_filler
from ..datasets.types import Split, joined
from ..deployment.model import Model
from ..deployment.saved import PARTS, read_card
from ..tasks.pieces import Changed, Edit
from ..tasks.task import Progress
from ..training.base_model import BaseModel
from .likeness import LEAST, Likeness
from .measure import right
from .opposites import substitutes

TASKS = (
    "text-classification",
    "multi-label-classification",
    "sentence-pair",
    "relation-extraction",
)
MOST_ROWS = 50  # attacked, for time: a row takes some tenths of a second
SHARE = 0.15  # of a row's words, at least one
TRIED = 8  # swaps a step that the model is asked about
_WORD = re.compile(r"[^\W\d_]+")

Swap = tuple[int, Edit]  # text of the row, and its edit


@dataclass(frozen=True)
class Attacked:
    """What came of n rows.

    Attributes:
        before, after: (n,), 1 where the answer is right.
        words: (n,), share of the words that were swapped where the attack won, else NaN.
    """

    before: FloatArray
    after: FloatArray
    words: FloatArray


def attack(
    model: Model,
    split: Split,
    base: BaseModel,
    alike: Likeness,
    progress: Progress | None = None,
) -> Attacked | None:
    """Attack every row that is answered rightly; None where a model gives no gradients.

    Args:
        model: Of one of TASKS, with an encoder.
        split: n rows with their gold.
        base: Whose word embeddings say which words are near.
        alike: Whether a text still says the same.
        progress: Called with (done, all) rows.
    """
    guide = _guide(model) if model.task.name in TASKS else None
    if guide is None:
        return None
    before = right(model.task, split, model.answers(split))
    attacker = _Attacker(model, guide, neighbour_filler(base), alike)
    after, words = before.copy(), np.full(len(split), np.nan)
    for i in np.flatnonzero(before):
        share = attacker.wins(split.take([int(i)]))
        if share is not None:
            after[i], words[i] = 0.0, share
        if progress:
            progress(int(i) + 1, len(split))
    return Attacked(before, after, words)


def _guide(model: Model) -> Any | None:
    """Scores with gradients: of the model's encoder, or of the heaviest one in a blend."""
    from ..attribution.encoders import HeadedScores
    from ..attribution.heads import inputs_of, outputs_of

    card, folder = model.card, model.folder
    if card.encoder == "parts":
        own = [(p.weight, folder / PARTS / p.name) for p in card.parts]
        own = [(w, f) for w, f in own if read_card(f).encoder != "none"]
        if not own:
            return None
        folder = max(own)[1]
        card = read_card(folder)
    if card.encoder == "none":
        return None
    return HeadedScores(card, folder, inputs_of(model), outputs_of(model))


class _Attacker:
    def __init__(self, model: Model, guide: Any, fill: Fill, alike: Likeness) -> None:
        self.model, self.guide, self.fill, self.alike = model, guide, fill, alike
        self._vectors: dict[str, FloatArray] = {}

    def wins(self, row: Split) -> float | None:
        """The share of words that had to be swapped for a wrong answer; None: it stays right."""
        texts = [p.text for p in self.model.task.pieces(row, 0)]
        count = sum(len(_WORD.findall(text)) for text in texts)
        now, done = row, set[tuple[int, int]]()
        for step in range(max(1, round(SHARE * count))):
            swaps = self._swaps(now, done)
            found = self._tried(row, now, texts, swaps)
            if not found:
                return None
            rows = joined([split for _, split in found])
            answers = self.model.answers(rows)
            if not right(self.model.task, rows, answers).all():
                return (step + 1) / count
            (piece, edit), now = found[int(np.argmin(self._margins(rows, answers)))]
            moved = len(edit.new) - (edit.end - edit.start)
            done = {(p, at + moved if p == piece and at > edit.start else at) for p, at in done}
            done.add((piece, edit.start))
        return None

    def _swaps(self, row: Split, done: set[tuple[int, int]]) -> list[Swap]:
        """The swaps that should hurt most, by the gradients, the worst first."""
        direction = self._direction(row)
        places, gradients, vectors = self.guide.gradients(row, 0, direction)
        names = self.model.task.changeable or ("text",)
        found: list[tuple[float, Swap]] = []
        for number, piece in enumerate(self.model.task.pieces(row, 0)):
            for match in _WORD.finditer(piece.text):
                start, end = match.span()
                if (number, start) in done or not piece.free(start, end):
                    continue
                at = [
                    k
                    for k, p in enumerate(places)
                    if p is not None and p[0] == names[number] and start <= p[1] < end
                ]
                if not at:
                    continue
                word = match.group()
                for other in substitutes(self.fill, piece.text, (start, end)):
                    step = self._vector(other) - vectors[at]
                    change = float((gradients[at] * step).sum() / len(at))
                    found.append((change, (number, Edit(start, end, as_cased(other, word)))))
        return [swap for _, swap in sorted(found, key=lambda f: f[0])[:TRIED]]

    def _tried(
        self, row: Split, now: Split, texts: Sequence[str], swaps: Sequence[Swap]
    ) -> list[tuple[Swap, Split]]:
        """The rows that swaps make, where each text stays like the first one."""
        task = self.model.task
        found, olds, news = [], [], []
        for piece, edit in swaps:
            own = [p.text for p in task.pieces(now, 0)]
            changed = [Changed(t, (edit,) if i == piece else ()) for i, t in enumerate(own)]
            new = task.rewritten(now, 0, changed)
            if new is None:
                continue
            split = replace(now, texts=(new[0],), rows=(new[1] or {},) if now.rows else ())
            found.append(((piece, edit), split))
            olds.append(texts[piece])
            news.append(changed[piece].text)
        near = self.alike(olds, news)
        return [f for f, likeness in zip(found, near, strict=True) if likeness >= LEAST]

    def _direction(self, row: Split) -> FloatArray:
        """Of the logits, what keeps the gold: its margin, or that of the least sure label."""
        logits, labels = self.guide.logits(row)[0], list(self.model.card.labels)
        mix = np.zeros(len(logits))
        if self.model.task.name == "multi-label-classification":
            gold = set(row.rows[0]["labels"])
            signs = np.array([1.0 if label in gold else -1.0 for label in labels])
            least = int(np.argmin(signs * logits))
            mix[least] = signs[least]
            return mix
        own = labels.index(row.labels[0])
        others = logits.copy()
        others[own] = -np.inf
        mix[own], mix[int(others.argmax())] = 1.0, -1.0
        return mix

    def _margins(self, rows: Split, answers: Sequence[dict[str, Any]]) -> FloatArray:
        """How safely each row is answered; the gradients' order where answers do not tell."""
        kind, stats = next(iter(self.model.task.stats(rows, list(answers)).items()))
        if kind == "classes":
            true, chances = stats[:, 0].astype(int), stats[:, 1:]
            return np.asarray(chances[np.arange(len(rows)), true])
        if kind == "labelsets":
            gold, _, scores = np.split(stats, 3, axis=1)
            return np.asarray(((2 * gold - 1) * (scores - 0.5)).min(axis=1))
        return np.arange(len(rows), dtype=np.float64)

    def _vector(self, word: str) -> FloatArray:
        if word not in self._vectors:
            encoder = self.guide.encoder
            ids = encoder.tokenizer(word, add_special_tokens=False)["input_ids"]
            table = encoder.embedding.weight.detach()
            self._vectors[word] = table[ids].double().mean(0).numpy()
        return self._vectors[word]
