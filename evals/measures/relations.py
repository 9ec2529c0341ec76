"""Relations with a direction, scored as SemEval-2010 Task 8 does.

Statistics: (n, 3), the true relation without its direction and the one given, -1 for
none, and whether relation and direction are both right.

Precision and recall of a relation take both directions together, an answer with the
wrong direction counting as wrong; `macro_f1` is the mean over the relations that the
true answers hold, `micro_f1` counts those together, and neither counts "Other".

Source: Hendrickx et al. 2010, the "(9+1)-way evaluation taking directionality into account".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from ..metrics import FloatArray, IntArray
from .labelsets import precision_recall
from .sums import additive, f1

NAMES = ("macro_f1", "micro_f1", "accuracy")
NONE = ("other", "no_relation", "norelation", "none", "na", "n/a", "false", "no relation")
_DIRECTION = re.compile(r"\(e[12],\s*e[12]\)$")


def relation(label: str) -> str:
    """Give the relation of a label without its direction; "" where it says there is none."""
    return "" if label.strip().lower() in NONE else _DIRECTION.sub("", label)


def relations(labels: Sequence[str]) -> list[str]:
    """Name the relations of directed labels, sorted."""
    return sorted({relation(label) for label in labels} - {""})


def rows(true: Sequence[str], given: Sequence[str], labels: Sequence[str]) -> FloatArray:
    """Make the statistics of n rows.

    Args:
        true, given: Labels, of `labels`.
        labels: All there are, the same for every model.
    """
    index = {name: i for i, name in enumerate(relations(labels))}
    columns = [
        [index.get(relation(label), -1) for label in true],
        [index.get(relation(label), -1) for label in given],
        [a == b for a, b in zip(true, given, strict=True)],
    ]
    return np.array(columns, dtype=np.float64).T


def over(metric: str, stats: FloatArray) -> Callable[[IntArray], float]:
    """Prepare a metric for many selections of rows."""
    if metric == "accuracy":
        return additive(
            np.column_stack([stats[:, 2], np.ones(len(stats))]), lambda s: float(s[0] / s[1])
        )
    n_relations = int(stats[:, :2].max(initial=0)) + 1
    of = _macro if metric == "macro_f1" else _micro

    def value(rows: IntArray) -> float:
        return of(*_counts(stats[rows], n_relations))

    return value


def wrong(stats: FloatArray) -> FloatArray:
    """1 where relation or direction is wrong."""
    return np.asarray(1 - stats[:, 2])


def by_relation(stats: FloatArray, n_relations: int) -> FloatArray:
    """Give precision, recall, F1 and the number of true rows by relation: (R, 4)."""
    return precision_recall(*_counts(stats, n_relations))


def _counts(stats: FloatArray, n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Right, given and true by relation, (R,) each."""
    true, given = stats[:, 0].astype(np.int64) + 1, stats[:, 1].astype(np.int64) + 1
    right, one = stats[:, 2], np.ones(len(stats))
    pairs = ((true, right), (given, one), (true, one))
    hits, proposed, actual = (
        np.bincount(i, w, minlength=n + 1)[1:].astype(np.float64) for i, w in pairs
    )
    return hits, proposed, actual


def _macro(hits: FloatArray, given: FloatArray, true: FloatArray) -> float:
    held = true > 0
    return float(f1(hits, given, true)[held].mean()) if held.any() else float("nan")


def _micro(hits: FloatArray, given: FloatArray, true: FloatArray) -> float:
    held = true > 0
    return float(f1(hits[held].sum(), given[held].sum(), true[held].sum()))
