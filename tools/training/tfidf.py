"""The cheapest rung: words and word pairs, tf-idf, a linear classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .linear import LinearHead

TERMS = 200_000


def vectorizer(
    vocabulary: dict[str, int] | None = None, idf: NDArray[np.float32] | None = None
) -> Any:
    """Make the tf-idf features, ready to fit, or restored from a saved vocabulary."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    features = TfidfVectorizer(
        ngram_range=(1, 2),
        sublinear_tf=True,
        dtype=np.float32,
        max_features=TERMS if vocabulary is None else None,
        vocabulary=vocabulary,
        # Any run of word characters counts, so that languages with short words work too.
        token_pattern=r"(?u)\b\w+\b",
    )
    if idf is not None:
        features.idf_ = idf
    return features


def save_beside(
    folder: Path,
    features: Any,
    head: LinearHead,
    labels: Sequence[str],
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write a tf-idf classifier that serves another model, such as one that judges its texts.

    Args:
        folder: Of the classifier.
        features: Fitted, of n_terms.
        head: (n_labels, n_terms).
        labels: In the order of the head's rows.
        extra: What the model that it serves needs; JSON values.
    """
    from ..deployment.saved import SavedModel, write_card, write_tfidf

    write_tfidf(folder, features.vocabulary_, features.idf_)
    card = SavedModel(
        task="text-classification",
        strategy="tfidf_linear",
        encoder="none",
        labels=tuple(labels),
        base_model="",
        extra=dict(extra or {}),
    )
    write_card(folder, card, head)


def fit_features(texts: Sequence[str]) -> tuple[Any, Any] | None:
    """Fit on training texts: the vectorizer and (n, n_terms) sparse float32.

    Returns None when no text holds a word.
    """
    features = vectorizer()
    try:
        return features, features.fit_transform(texts)
    except ValueError:  # an empty vocabulary
        return None
