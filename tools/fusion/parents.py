"""How well families of labels are recognised: the figures of labels, one level up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...evals.metrics import FloatArray
from ...evals.result import LabelResult
from .facts import DomainFacts


def by_parent(facts: DomainFacts, labels: Sequence[str], stats: FloatArray) -> list[LabelResult]:
    """Precision, recall and F1 of each node that stands above several labels, but not above all.

    Args:
        facts: With ancestors.
        labels: Of the columns.
        stats: (n, 1 + L): the true label's position, then the scores of all.
    """
    names = {n.iri: n.name for nodes in facts.ancestors.values() for n in nodes}
    true, given = stats[:, 0].astype(np.int64), stats[:, 1:].argmax(axis=1)
    found = []
    for iri, members in facts.inner.items():
        columns = [i for i, label in enumerate(labels) if label in members]
        wanted, said = np.isin(true, columns), np.isin(given, columns)
        hits = int((wanted & said).sum())
        precision, recall = hits / max(1, int(said.sum())), hits / max(1, int(wanted.sum()))
        f1 = 2 * hits / max(1, int(wanted.sum()) + int(said.sum()))
        found.append(
            LabelResult(
                name=names[iri],
                precision=precision,
                recall=recall,
                f1=f1,
                support=int(wanted.sum()),
            )
        )
    return found
