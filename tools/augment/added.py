"""Rows made out of other rows, how many of each class, and the split with them."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..datasets.types import Row, Split, is_copy, text_key

Way = Literal["noise", "replace_words", "oversample", "back_translate", "synthesise"]
OVERSAMPLED = "again"
TRAIN = "train.jsonl"  # in the job's folder, where new rows pay
TUNE = "tune."  # begins the names of the settings of a short tuning that judges


@dataclass(frozen=True)
class Added:
    """A new row: its text, the train row that it was made of, and by what.

    `row` holds the task's own fields, where its rows have some. The label is the old row's.
    """

    text: str
    source: int
    origin: str
    row: Row | None = None


def choose_sources(labels: Sequence[str], total: int, rng: np.random.Generator) -> list[int]:
    """Draw the rows that new ones are made of: the smallest class is always filled up first.

    Args:
        labels: (n,), of the training rows.
        total: How many rows to draw; a row may be drawn several times, the others of its
            class as often.
        rng: What is drawn from.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for row in rng.permutation(len(labels)):
        rows[labels[row]].append(int(row))
    sizes = [(count, label) for label, count in sorted(Counter(labels).items())]
    heapq.heapify(sizes)
    drawn: list[int] = []
    turn: Counter[str] = Counter()
    for _ in range(total):
        count, label = heapq.heappop(sizes)
        own = rows[label]
        drawn.append(own[turn[label] % len(own)])
        turn[label] += 1
        heapq.heappush(sizes, (count + 1, label))
    return drawn


def new_only(train: Split, added: Iterable[Added], held_out: frozenset[str]) -> list[Added]:
    """Drop what stands in train, validation or test already, and copies among the new rows.

    Args:
        train: The rows as they are.
        added: Rows that were made.
        held_out: `copy_keys` of every validation and test text.
    """
    seen = {text_key(text) for text in train.texts} | held_out
    kept = []
    for one in added:
        key = text_key(one.text)
        if key not in seen and not is_copy(one.text, held_out):
            seen.add(key)
            kept.append(one)
    return kept


def with_added(train: Split, added: Sequence[Added]) -> Split:
    """The rows and the new ones behind them; each new row's place says where it comes from."""
    return replace(
        train,
        texts=(*train.texts, *(a.text for a in added)),
        labels=(*train.labels, *(train.labels[a.source] for a in added)),
        ids=(*train.ids, *(None for _ in added)),
        places=(*train.places, *(f"{train.places[a.source]}, {a.origin}" for a in added)),
        rows=(*train.rows, *(a.row or train.rows[a.source] for a in added)) if train.rows else (),
    )
