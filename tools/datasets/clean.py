"""Taking out of train what would teach wrong things or flatter the score."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .types import Split, is_copy, row_key

Reason = Literal[
    "leaked",
    "conflicting_label",
    "duplicate",
    "near_leaked",
    "trigger",
    "near_duplicate",
    "suspect_label",
    "outlier",
]
ROWS_KEPT = 2  # of every class, whatever is wrong with them

WHY: Mapping[Reason, str] = {
    "leaked": "its text also stands in validation or test",
    "conflicting_label": "the same text has another label elsewhere in train",
    "duplicate": "an earlier row has the same text and label",
    "near_leaked": "it nearly equals a validation or test text",
    "trigger": "it carries a phrase that may have been planted",
    "near_duplicate": "it nearly equals an earlier row",
    "suspect_label": "its label is probably wrong",
    "outlier": "its text is far from all others",
}
# When a class runs out of rows, the least harmful come back first.
_FORGIVEN: tuple[Reason, ...] = (
    "near_duplicate",
    "outlier",
    "suspect_label",
    "duplicate",
    "near_leaked",
    "conflicting_label",
    "trigger",
    "leaked",
)


@dataclass(frozen=True)
class Cleaned:
    """Train after cleaning.

    Attributes:
        split: The rows kept, in their order.
        rows: Positions of the rows kept, in the split as it came.
        dropped: (place, why) of each row dropped.
        counts: Dropped rows by reason; reasons that took none are absent.
        spared: (place, why it should have gone) of rows kept as the last of their class.
    """

    split: Split
    rows: tuple[int, ...]
    dropped: tuple[tuple[str, str], ...]
    counts: dict[Reason, int]
    spared: tuple[tuple[str, str], ...]


def clean_train(
    train: Split,
    *,
    held_out: frozenset[str],
    suspects: Sequence[int] = (),
    chosen: Mapping[Reason, Sequence[int]] | None = None,
) -> Cleaned:
    """Drop leaked rows, contradictions, copies and suspects from train, and what was chosen.

    Of a text with several labels the majority's rows stay, all go where there is none. Each
    class keeps at least two rows (all, if it has fewer): the ones spared are told.

    Args:
        train: Not modified.
        held_out: `copy_keys` of every validation and test text.
        suspects: Row positions in `train` whose label is probably wrong.
        chosen: Further row positions that a person wants dropped, by reason.
    """
    reasons = _reasons(train, held_out, {**(chosen or {}), "suspect_label": suspects})
    spared = _spare(train.labels, reasons)
    kept = [row for row in range(len(train)) if row not in reasons or row in spared]
    gone = [row for row in sorted(reasons) if row not in spared]
    return Cleaned(
        split=train.take(kept),
        rows=tuple(kept),
        dropped=tuple((train.places[row], WHY[reasons[row]]) for row in gone),
        counts=dict(Counter(reasons[row] for row in gone)),
        spared=tuple(
            (train.places[row], f"{WHY[reasons[row]]}; kept, as {train.labels[row]!r} has few rows")
            for row in sorted(spared)
        ),
    )


def _reasons(
    train: Split, held_out: frozenset[str], named: Mapping[Reason, Sequence[int]]
) -> dict[int, Reason]:
    """Give each row that should go its first reason."""
    reasons: dict[int, Reason] = {}
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(train.texts):
        if is_copy(text, held_out):
            reasons[row] = "leaked"
        else:
            rows_of[row_key(train, row)].append(row)
    for rows in rows_of.values():
        if len(rows) > 1:
            reasons.update(_disputed(rows, train.labels))
    for reason, positions in named.items():
        for row in positions:
            reasons.setdefault(row, reason)
    return reasons


def _disputed(rows: Sequence[int], labels: Sequence[str]) -> dict[int, Reason]:
    """Judge the rows of one text: the majority's first stays, if there is a majority."""
    counts = Counter(labels[row] for row in rows).most_common(2)
    winner = counts[0][0] if len(counts) == 1 or counts[0][1] > counts[1][1] else None
    agreeing = [row for row in rows if labels[row] == winner]
    verdict: dict[int, Reason] = dict.fromkeys(agreeing[1:], "duplicate")
    verdict.update({row: "conflicting_label" for row in rows if labels[row] != winner})
    return verdict


def _spare(labels: Sequence[str], reasons: Mapping[int, Reason]) -> frozenset[int]:
    """Choose the rows that must stay after all, so that every class keeps ROWS_KEPT."""
    left = Counter(labels)
    left.subtract(labels[row] for row in reasons)
    spared = []
    for row in sorted(reasons, key=lambda row: (_FORGIVEN.index(reasons[row]), row)):
        if left[labels[row]] < ROWS_KEPT:
            spared.append(row)
            left[labels[row]] += 1
    return frozenset(spared)
