"""Labels that a classifier can be trained on, or a clear word why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ..errors import DatasetError
from .columns import multi_label_error
from .tables import shown
from .types import Split


def check_labels(splits: Mapping[str, Split], column: str) -> None:
    """Refuse labels that no classifier can be trained on."""
    train = splits["train"]
    in_train = Counter(train.labels)
    counts = Counter(label for split in splits.values() for label in split.labels)
    if len(in_train) == 1:
        raise DatasetError(
            f"column {column!r} holds one class only in train, {train.labels[0]!r} "
            f"({len(train)} rows); classification needs rows of at least two classes"
        )
    _refuse_joined(train, column, counts)
    alone = [label for label, count in counts.items() if count == 1]
    if len(alone) > 0.5 * len(counts) and len(counts) > 10:
        raise DatasetError(
            f"column {column!r} has {len(counts)} different values in "
            f"{sum(counts.values())} rows, most of them once: these are not classes; "
            "name the label column with --label COLUMN"
        )
    # A label only held-out rows have is told first: a misspelt one is often alone, too.
    for name, split in splits.items():
        for label, place in zip(split.labels, split.places, strict=True):
            if label not in in_train:
                raise DatasetError(
                    f"{place} has the label {label!r} in column {column!r}, which no train row "
                    f"has; correct its spelling, add such rows to train, or delete it from {name} "
                    f"(train has {shown(map(repr, sorted(in_train)))})"
                )
    if alone:
        row = train.labels.index(alone[0])
        others = f" (so have {shown(map(repr, alone[1:]))})" if len(alone) > 1 else ""
        raise DatasetError(
            f"class {alone[0]!r} has one row only, {train.places[row]}{others}; "
            "add rows of that class, merge it into another, or delete the row"
        )


def _refuse_joined(train: Split, column: str, counts: Mapping[str, int]) -> None:
    """Refuse labels such as "a,b" beside "a" and "b": several labels in one cell."""
    for label in counts:
        for separator in ",;|":
            parts = [part.strip() for part in label.split(separator)]
            if len(parts) > 1 and len(set(parts)) == len(parts) and set(parts) <= counts.keys():
                where = next(
                    (p for got, p in zip(train.labels, train.places, strict=True) if got == label),
                    column,
                )
                raise multi_label_error(f"{where} ({label!r})", column)
