"""Who says what a generated text is: a classifier of its own for each control, tuned on train.

It knows nothing of the model that writes. It is tuned on four training rows of five; the
fifth is what the cheapest rungs answer with, so that no text is judged by who knows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import ModelError

FOLDER = "judge"
EVERY = 5  # one training row of so many is kept from the judge
MOST_VALUES = 100  # of a control that is judged
LEAST_ROWS = 2  # of a value
Judge = Callable[[Sequence[str]], list[dict[str, str]]]


def kept_from_judge(row: int) -> bool:
    """Whether the judge is not tuned on a training row."""
    return row % EVERY == 0


def fit_judge(
    texts: Sequence[str], controls: Sequence[Mapping[str, str]], folder: Path
) -> dict[str, tuple[str, ...]]:
    """Tune a judge for every control that has several values, and save it.

    Args:
        texts: (n,) training texts.
        controls: (n,) what each is; a row may lack some.
        folder: Of the model that will be judged.

    Returns:
        The values of each control that is judged.
    """
    from .linear import fit_margin
    from .tfidf import fit_features, save_beside

    judged: dict[str, tuple[str, ...]] = {}
    for number, name in enumerate(control_names(controls)):
        rows = [i for i, c in enumerate(controls) if name in c and not kept_from_judge(i)]
        counts = Counter(controls[i][name] for i in rows)
        values = sorted(value for value, count in counts.items() if count >= LEAST_ROWS)
        fitted = fit_features([texts[i] for i in rows]) if rows else None
        if fitted is None or not 2 <= len(values) <= MOST_VALUES:
            continue
        features, matrix = fitted
        chosen = [p for p, i in enumerate(rows) if controls[i][name] in values]
        labels = np.array([values.index(controls[rows[p]][name]) for p in chosen], np.int64)
        known = matrix[chosen]
        head = fit_margin(known, labels, known, labels, len(values))
        save_beside(folder / FOLDER / str(number), features, head, values, {"control": name})
        judged[name] = tuple(values)
    return judged


def load_judge(folder: Path) -> Judge:
    """Load what `fit_judge` saved; one that judges nothing where it saved none.

    Raises:
        ModelError: It is damaged.
    """
    from ..deployment.load import load_classifier

    found = sorted((folder / FOLDER).iterdir()) if (folder / FOLDER).is_dir() else []
    classifiers = [load_classifier(path) for path in found]
    names = [str(c.card.extra.get("control", "")) for c in classifiers]
    if not all(names):
        raise ModelError(f"model {folder / FOLDER}: does not name its control; save it again")

    def judge(texts: Sequence[str]) -> list[dict[str, str]]:
        said: list[dict[str, str]] = [{} for _ in texts]
        for name, classifier in zip(names, classifiers, strict=True):
            best = classifier.probabilities(texts, prepared=True).argmax(axis=1)
            for answer, value in zip(said, best, strict=True):
                answer[name] = classifier.card.labels[value]
        return said

    return judge


def agreement(
    judged: Sequence[Mapping[str, str]], wanted: Sequence[Mapping[str, str]]
) -> tuple[list[int], list[int]]:
    """For each row: controls that the judge finds as wanted, and controls it judges."""
    hits, of = [], []
    for said, asked in zip(judged, wanted, strict=True):
        names = said.keys() & asked.keys()
        hits.append(sum(said[name] == asked[name] for name in names))
        of.append(len(names))
    return hits, of


def control_names(controls: Sequence[Mapping[str, str]]) -> list[str]:
    """Every control that some row has, sorted."""
    return sorted({name for control in controls for name in control})
