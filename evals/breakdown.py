"""How well each label, entity type or relation is recognised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .measures import Stats, entities, labelsets, relations
from .measures.classes import confusion
from .metrics import FloatArray
from .result import Named


@dataclass(frozen=True)
class Breakdown:
    """Figures of each name.

    Attributes:
        what: What the names are of.
        names: (n,).
        figures: (n, 4): precision, recall, F1, and how often it is true.
    """

    what: Named
    names: tuple[str, ...]
    figures: FloatArray


def breakdown(stats: Stats, labels: Sequence[str]) -> Breakdown | None:
    """Take apart the statistics that know more than one label; None where none does.

    Args:
        stats: Of a split, see `measures`.
        labels: As the saved model lists them: classes, labels, BIO tags or directed
            relations.
    """
    found: Breakdown | None = None
    if "entities" in stats:
        types = sorted({t[2:] if t[:2] in ("B-", "I-") else t for t in labels} - {"O"})
        found = Breakdown("entity type", tuple(types), entities.by_type(stats["entities"]))
    elif "relations" in stats:
        names = relations.relations(labels)
        by = relations.by_relation(stats["relations"], len(names))
        found = Breakdown("relation", tuple(names), by)
    elif "labelsets" in stats:
        found = Breakdown("label", tuple(labels), labelsets.by_label(stats["labelsets"]))
    elif "classes" in stats:
        found = Breakdown("label", tuple(labels), _by_class(stats["classes"]))
    # A model that lists its labels otherwise is not guessed at.
    return found if found and len(found.names) == len(found.figures) else None


def _by_class(stats: FloatArray) -> FloatArray:
    true, predicted = stats[:, 0].astype(np.int64), stats[:, 1:].argmax(axis=1)
    counts = confusion(true, predicted, stats.shape[1] - 1)
    return labelsets.precision_recall(np.diag(counts), counts.sum(axis=0), counts.sum(axis=1))
