"""How well counts foresee tokens: single ones, and pairs smoothed by single ones.

Source: MacKay & Peto 1995, "A Hierarchical Dirichlet Language Model".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....evals.metrics import FloatArray
from ...errors import ModelError
from .codec import IGNORED
from .windows import Windows

COUNTS = "counts.safetensors"
STRENGTHS = (3.0, 30.0, 300.0, 3000.0)  # how many pairs the single tokens outweigh


@dataclass(frozen=True)
class Counts:
    """Counts of tokens and of pairs in the training text.

    Attributes:
        single: (vocabulary,), int64.
        pairs: (n,), int64, ascending: first token times vocabulary plus second.
        times: (n,), int64, how often each pair came.
        strength: Weight of the single tokens in a pair's smoothing; 0 for no pairs.
    """

    single: NDArray[np.int64]
    pairs: NDArray[np.int64]
    times: NDArray[np.int64]
    strength: float

    def nats(self, before: NDArray[np.int64], token: NDArray[np.int64]) -> FloatArray:
        """Minus the log probability of tokens (n,), each behind another (n,)."""
        words = len(self.single)
        alone = (self.single[token] + 1) / (self.single.sum() + words)
        if not self.strength:
            return np.asarray(-np.log(alone))
        keys = before.astype(np.int64) * words + token
        place = np.minimum(np.searchsorted(self.pairs, keys), max(0, len(self.pairs) - 1))
        times = np.where(self.pairs[place] == keys, self.times[place], 0) if len(self.pairs) else 0
        total = self._totals[before]
        return np.asarray(-np.log((times + self.strength * alone) / (total + self.strength)))

    @property
    def _totals(self) -> NDArray[np.int64]:
        firsts = self.pairs // len(self.single)
        return np.bincount(firsts, self.times, minlength=len(self.single)).astype(np.int64)


def count(windows: Windows, words: int) -> Counts:
    """Count the training text; pairs are counted, and not yet given any weight."""
    single = np.zeros(words, np.int64)
    pairs: list[NDArray[np.int64]] = []
    for number in range(len(windows.lengths)):
        ids = windows.window(number).astype(np.int64)
        single += np.bincount(ids[1:], minlength=words)
        pairs.append(ids[:-1] * words + ids[1:])
    found, times = np.unique(np.concatenate(pairs), return_counts=True)
    return Counts(single, found, times.astype(np.int64), 0.0)


def smoothed(counts: Counts, validation: Windows) -> Counts:
    """Give the pairs the weight that foresees validation best."""
    tried = [Counts(counts.single, counts.pairs, counts.times, s) for s in STRENGTHS]
    losses = [float(foreseen(found, validation)[:, 0].sum()) for found in tried]
    return tried[int(np.argmin(losses))]


def foreseen(counts: Counts, windows: Windows) -> FloatArray:
    """(windows, 2): nats of what a model of the same kind foresees, and how many tokens."""
    befores, tokens, owners = (np.concatenate(part) for part in zip(*_asked(windows), strict=True))
    nats = counts.nats(befores, tokens)
    n = len(windows.lengths)
    return np.column_stack(
        [np.bincount(owners, nats, minlength=n), np.bincount(owners, minlength=n)]
    ).astype(np.float64)


def _asked(windows: Windows) -> Iterator[Sequence[NDArray[np.int64]]]:
    for number in range(len(windows.lengths)):
        labels, ids = windows.hidden(number), windows.window(number).astype(np.int64)
        places = np.flatnonzero(labels != IGNORED)
        yield ids[places - 1], labels[places].astype(np.int64), np.full(len(places), number)


def save_counts(counts: Counts, folder: Path) -> None:
    """Write them beside a model's tokenizer."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        "single": counts.single,
        "pairs": counts.pairs if counts.strength else counts.pairs[:0],
        "times": counts.times if counts.strength else counts.times[:0],
        "strength": np.array([counts.strength]),
    }
    save_file(arrays, folder / COUNTS)


def load_counts(folder: Path) -> Counts:
    """Read them.

    Raises:
        ModelError: They are missing or damaged.
    """
    from ...deployment.saved import read_tensors

    found: dict[str, Any] = dict(read_tensors(folder / COUNTS))
    shapes = {name: value.ndim for name, value in found.items()}
    if shapes != {"single": 1, "pairs": 1, "times": 1, "strength": 1}:
        raise ModelError(f"model {folder / COUNTS}: is damaged; save the model again")
    return Counts(found["single"], found["pairs"], found["times"], float(found["strength"][0]))
