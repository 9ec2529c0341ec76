"""What may be wrong with single training rows, which only a person may have removed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ...evals.result import Finding
from ..reporting.files import write_whole
from .near import Near, near_within
from .outliers import find_outliers
from .triggers import Trigger, find_triggers
from .types import Split

Kind = Literal["near_duplicates", "triggers", "outliers"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ROWS_FILE = "trouble.jsonl"  # rows of train, and why
LEAKS_FILE = "near_leaks.jsonl"  # likewise, of those that nearly equal held-out rows
EXAMPLES = 5
BY_CHOICE = "kept, unless a run names {} with --clean"


@dataclass(frozen=True)
class Trouble:
    """Rows of train that a person may want removed.

    Attributes:
        near: Rows that nearly equal an earlier one.
        triggers: Phrases that may have been planted, with their rows.
        outliers: Positions of rows far from all others, the farthest first.
    """

    near: tuple[Near, ...]
    triggers: tuple[Trigger, ...]
    outliers: tuple[int, ...]

    def rows(self) -> dict[Kind, tuple[int, ...]]:
        """Positions by kind, ascending; kinds that have none are left out."""
        carriers = {row for trigger in self.triggers for row in trigger.rows}
        near = (pair.row for pair in self.near)
        by_kind: dict[Kind, tuple[int, ...]] = {
            "near_duplicates": tuple(sorted(near)),
            "triggers": tuple(sorted(carriers)),
            "outliers": tuple(sorted(self.outliers)),
        }
        return {kind: rows for kind, rows in by_kind.items() if rows}

    def findings(self, train: Split) -> tuple[Finding, ...]:
        """The same for people, the gravest first."""
        return tuple(self._found(train))

    def lines(self, train: Split) -> Iterator[dict[str, Any]]:
        """Every row and why, as it is written to a file: places and ids, no texts."""
        for trigger in self.triggers:
            why = f"planted? {trigger.phrase!r} goes with {trigger.label!r}"
            for row in trigger.rows:
                yield {"kind": "triggers", **_named(train, row), "why": why}
        for pair in self.near:
            why = f"{pair.likeness:.0%} like {train.places[pair.other]}"
            yield {"kind": "near_duplicates", **_named(train, pair.row), "why": why}
        for row in self.outliers:
            yield {"kind": "outliers", **_named(train, row), "why": "far from all other texts"}

    def _found(self, train: Split) -> Iterator[Finding]:
        for trigger in self.triggers:
            yield Finding(
                what=f"planted trigger? train rows with {trigger.phrase!r}, of which "
                f"{trigger.with_label} are labelled {trigger.label!r}, though the rest of their "
                "texts speaks for other labels",
                count=len(trigger.rows),
                action=f"look at them; {BY_CHOICE.format('triggers')}",
                examples=[train.places[row] for row in trigger.rows[:EXAMPLES]],
            )
        if self.near:
            yield Finding(
                what="near-duplicates: train rows that nearly equal an earlier one of their label",
                count=len(self.near),
                action=BY_CHOICE.format("near-duplicates"),
                examples=[
                    f"{train.places[n.row]} is {n.likeness:.0%} like {train.places[n.other]}"
                    for n in self.near[:EXAMPLES]
                ],
            )
        if self.outliers:
            yield Finding(
                what="outliers: train rows whose text is far from all others",
                count=len(self.outliers),
                action=BY_CHOICE.format("outliers"),
                examples=[train.places[row] for row in self.outliers[:EXAMPLES]],
            )


def find_trouble(train: Split, *, labelled: bool) -> Trouble:
    """Look for near-duplicates, planted triggers and outliers.

    Args:
        train: Not modified.
        labelled: Whether each row has one label of a fixed set; else nothing can trigger one.
    """
    return Trouble(
        near=near_within(train),
        triggers=find_triggers(train.texts, train.labels) if labelled else (),
        outliers=find_outliers(train.texts),
    )


def near_leaks(
    pairs: Mapping[str, Sequence[Near]], train: Split, held_out: Mapping[str, Split]
) -> tuple[Finding, ...]:
    """Say that held-out rows nearly stand in train, which flatters every figure."""
    found = []
    for name, near in sorted(pairs.items()):
        rows = {pair.row for pair in near}
        if rows:
            share = len(rows) / len(held_out[name])
            found.append(
                Finding(
                    what=f"near-leakage: {name} rows that nearly equal a train row "
                    f"({share:.1%} of {name}); they flatter the figures",
                    count=len(rows),
                    action="the report also gives the figure without them; their train rows are "
                    + BY_CHOICE.format("near-duplicates"),
                    examples=[_alike(pair, train, held_out[name]) for pair in near[:EXAMPLES]],
                )
            )
    return tuple(found)


def near_leak_lines(
    pairs: Mapping[str, Sequence[Near]], train: Split, held_out: Mapping[str, Split]
) -> Iterator[dict[str, Any]]:
    """Every pair of `near_across`, as it is written to a file."""
    for name, near in sorted(pairs.items()):
        for pair in near:
            why = f"{pair.likeness:.0%} like {held_out[name].places[pair.row]}"
            yield {"kind": "near_leaks", **_named(train, pair.other), "why": why}


def write_rows(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write every row and why as JSONL, whole or not at all."""
    write_whole(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def _alike(pair: Near, train: Split, held_out: Split) -> str:
    here, there = held_out.places[pair.row], train.places[pair.other]
    return f"{here} is {pair.likeness:.0%} like {there}"


def _named(split: Split, row: int) -> dict[str, Any]:
    named = {"place": split.places[row]}
    return named if split.ids[row] is None else {**named, "id": split.ids[row]}
