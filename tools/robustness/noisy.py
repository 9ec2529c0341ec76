"""Training rows written otherwise beside those as they are: typo augmentation while tuning.

Only characters change. The paraphrase and the swaps of the attack are kept for measuring.

Source: Belinkov & Bisk 2018, Synthetic and Natural Noise Both Break NMT: a model that learned
from a kind of noise bears it, and other kinds hardly better.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ..augment.noise import noisy
from ..datasets.types import Split, is_copy, joined
from ..tasks.task import Task
from .perturbed import CHARACTERS, Perturbation, perturbed

WAYS: dict[str, tuple[Perturbation, ...]] = {
    "typos": (Perturbation(noisy),),
    "characters": tuple(CHARACTERS.values()),
}
_STREAM = 7_001  # keeps these draws apart from those of the rows that are measured


def with_noise(
    task: Task, train: Split, noise: str, copies: int, seed: int, held_out: Collection[str] = ()
) -> Split:
    """Add so many copies of every row, each in one of the ways; what cannot change adds none.

    Args:
        task: Says what of a row may be changed.
        train: Rows with their gold; not modified.
        noise: One of WAYS, or "none".
        copies: Of each row.
        seed: Of the draws.
        held_out: `copy_keys` of the rows that train must not get.
    """
    if noise == "none" or "noise" not in task.augments:
        return train
    parts = [train]
    for copy in range(copies):
        of = np.random.default_rng([seed, _STREAM, copy]).integers(
            len(WAYS[noise]), size=len(train)
        )
        for number, way in enumerate(WAYS[noise]):
            rows = [int(i) for i in np.flatnonzero(of == number)]
            made = perturbed(task, train, rows, way, (seed, _STREAM, copy, number))
            fresh = [
                j
                for j, i in enumerate(rows)
                if made.texts[j] != train.texts[i] and not is_copy(made.texts[j], held_out)
            ]
            parts.append(made.take(fresh))
    return joined(parts)
