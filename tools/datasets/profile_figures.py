"""The few figures of a dataset that tell whether another one is like it."""

from __future__ import annotations

import math
from collections import Counter

from .types import Split


def figures(train: Split) -> dict[str, float]:
    """Measure the training rows as read.

    Returns:
        rows_train; words_mean; non_ascii, the share of letters beyond ASCII, a hint at the
        language; and where rows have labels classes and balance, the entropy of the labels
        over its maximum, 0 to 1. memory/recall.py compares them.
    """
    if not len(train):
        return {}
    letters = [c for text in train.texts for c in text[:1000] if c.isalpha()]
    found = {
        "rows_train": float(len(train)),
        "words_mean": sum(len(text.split()) for text in train.texts) / len(train),
        "non_ascii": sum(not c.isascii() for c in letters) / max(1, len(letters)),
    }
    counts = Counter(label for label in train.labels if label)
    if counts:
        shares = [n / counts.total() for n in counts.values()]
        entropy = -sum(s * math.log(s) for s in shares)
        found["classes"] = float(len(counts))
        found["balance"] = entropy / math.log(len(counts)) if len(counts) > 1 else 0.0
    return {name: round(value, 6) for name, value in found.items()}
