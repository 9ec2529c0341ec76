"""What tells whether another dataset is like this one: a few figures, and what its words are."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from .splits import rows_looked_at
from .types import Split

EMBEDDED = 300  # rows
LONGEST = 1000  # characters of a row
THOUSAND = 1000  # coordinates are kept as whole thousandths


def figures(train: Split) -> dict[str, float]:
    """Measure the training rows as read.

    Returns:
        rows_train; words_mean; non_ascii, the share of letters beyond ASCII, a hint at the
        language; and where rows have labels classes and balance, the entropy of the labels
        over its maximum, 0 to 1. memory/recall.py compares them.
    """
    if not len(train):
        return {}
    letters = [c for text in train.texts for c in text[:LONGEST] if c.isalpha()]
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


def mean_embedding(train: Split) -> tuple[int, ...]:
    """Average what the words of the training rows mean: two sets on one subject are near.

    A row is the mean of the word vectors with which the built-in model begins, at unit length;
    no model is run. The same whatever base model is tuned, so that runs can be compared.

    Returns:
        (384,) thousandths; () without rows.

    Source: Wieting et al. 2016, "Towards Universal Paraphrastic Sentence Embeddings": averaged
    word vectors tell how near texts are.
    """
    from safetensors import safe_open
    from tokenizers import Tokenizer

    from ..training.base_model import builtin_folder

    folder = builtin_folder()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    looked_at = train.take(rows_looked_at(train, EMBEDDED, seed=0))
    texts = [text[:LONGEST] for text in looked_at.texts]
    encoded = tokenizer.encode_batch(texts, add_special_tokens=False)
    with safe_open(folder / "model.safetensors", "np") as weights:
        vectors = weights.get_tensor("embeddings.word_embeddings.weight")
    rows = [vectors[e.ids].mean(axis=0) for e in encoded if e.ids]
    if not rows:
        return ()
    mean = np.mean([row / np.linalg.norm(row) for row in rows], axis=0)
    return tuple(int(x) for x in np.rint(THOUSAND * mean))
