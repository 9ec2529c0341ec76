"""What a person and the controller should know of a dataset before anything is trained."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median_low

import numpy as np

from .dataset_profile import LONG_WORDS, DatasetProfile, Lengths, Overlap
from .findings import find
from .types import Oddity, Split, row_key, text_key

EXAMPLES = 5  # places named for each finding


def profile_data(
    splits: Mapping[str, Split],
    oddities: Sequence[Oddity],
    *,
    token_lengths: Callable[[Sequence[str]], Sequence[int]] | None = None,
    max_tokens: int | None = None,
) -> DatasetProfile:
    """Measure a dataset; no text of any split is shown, only places in train.

    Args:
        splits: "train" and what else there is; not modified.
        oddities: What reading met.
        token_lengths: Counts the tokens of each text, in order; None leaves tokens out.
        max_tokens: What the model reads of a text, in tokens; None means all of it.
    """
    train = splits["train"]
    keys = {name: [text_key(text) for text in split.texts] for name, split in splits.items()}
    words = np.array([len(text.split()) for text in train.texts])
    tokens = None if token_lengths is None else np.array(token_lengths(train.texts))
    counts = Counter(train.labels)
    smallest = min(counts, key=lambda label: (counts[label], label))
    largest = counts.most_common(1)[0][1]
    copies = [row_key(train, row) for row in range(len(train))]
    repeated, disputed, texts_disputed = _repeats(copies, train.labels)
    kinds = Counter(oddity.kind for oddity in oddities)
    long_rows = np.flatnonzero(words > LONG_WORDS).tolist()
    profile = DatasetProfile(
        rows={name: len(split) for name, split in splits.items()},
        labels=_label_counts(splits),
        imbalance=largest / counts[smallest],
        majority_share=largest / len(train),
        smallest_label=smallest,
        smallest_count=counts[smallest],
        median_count=median_low(counts.values()),
        words=_lengths(words, None),
        tokens=None if tokens is None else _lengths(tokens, max_tokens),
        max_tokens=max_tokens,
        duplicates=len(repeated),
        conflicts=texts_disputed,
        conflicting_rows=len(disputed),
        overlaps={
            name: _overlap(train, keys["train"], keys[name]) for name in splits if name != "train"
        },
        shared_held_out=_shared(keys.get("test", []), keys.get("validation", [])),
        blank_texts=kinds["blank_text"],
        long_texts=len(long_rows),
        encoding=kinds["encoding"],
        oddities=dict(kinds),
        examples={
            "duplicates": _places(train, repeated),
            "conflicts": _places(train, disputed),
            "long_texts": _places(train, long_rows),
            **_odd_places(oddities),
        },
    )
    return with_findings(profile)


def with_findings(
    profile: DatasetProfile, *, pii: Mapping[str, int] | None = None
) -> DatasetProfile:
    """Return the profile with its findings written anew, with personal data if counted."""
    counted = profile if pii is None else profile.model_copy(update={"pii": dict(pii)})
    return counted.model_copy(update={"findings": find(counted)})


def _label_counts(splits: Mapping[str, Split]) -> dict[str, dict[str, int]]:
    counts = {name: Counter(_given(split)) for name, split in splits.items()}
    order = sorted(counts["train"], key=lambda label: (-counts["train"][label], label))
    return {label: {name: counts[name][label] for name in splits} for label in order if label}


def _given(split: Split) -> Iterator[str]:
    """Every label of every row, of which a row may have several."""
    for row, label in enumerate(split.labels):
        sets = split.rows[row].get("labels") if split.rows else None
        yield from (label,) if sets is None else sets


def _lengths(lengths: np.ndarray[tuple[int], np.dtype[np.int64]], limit: int | None) -> Lengths:
    return Lengths(
        mean=round(float(lengths.mean()), 1),
        p95=round(float(np.percentile(lengths, 95)), 1),
        max=int(lengths.max()),
        cut=0 if limit is None else int((lengths > limit).sum()),
    )


def _repeats(keys: Sequence[str], labels: Sequence[str]) -> tuple[list[int], list[int], int]:
    """Find rows repeating text and label, rows of disputed texts, and count those texts."""
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        rows_of[key].append(row)
    repeated: list[int] = []
    disputed: list[int] = []
    texts = 0
    for rows in rows_of.values():
        if len(rows) == 1:
            continue
        seen: set[str] = set()
        for row in rows:
            if labels[row] in seen:
                repeated.append(row)
            seen.add(labels[row])
        if len(seen) > 1:
            disputed.extend(rows)
            texts += 1
    return sorted(repeated), disputed, texts


def _overlap(train: Split, train_keys: Sequence[str], held_out: Sequence[str]) -> Overlap:
    there, here = frozenset(held_out), frozenset(train_keys)
    rows = [row for row, key in enumerate(train_keys) if key in there]
    return Overlap(
        train_rows=len(rows),
        held_out_rows=_shared(held_out, here),
        places=_places(train, rows),
    )


def _shared(keys: Sequence[str], others: Sequence[str] | frozenset[str]) -> int:
    known = frozenset(others)
    return sum(key in known for key in keys)


def _places(train: Split, rows: Sequence[int]) -> tuple[str, ...]:
    return tuple(train.places[row] for row in rows[:EXAMPLES])


def _odd_places(oddities: Sequence[Oddity]) -> dict[str, tuple[str, ...]]:
    places: dict[str, list[str]] = defaultdict(list)
    for oddity in oddities:
        if len(places[oddity.kind]) < EXAMPLES:
            places[oddity.kind].append(f"{oddity.place}: {oddity.detail}")
    return {kind: tuple(found) for kind, found in places.items()}
