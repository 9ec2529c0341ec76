"""How what tools find adds up."""

from __future__ import annotations

import pytest
from tuneos.evals.result import Finding
from tuneos.tools.facts import Candidate, DataVersion, Facts, JobProgress, best_candidate, merge


def candidate(name: str, accuracy: float = 0.5) -> Candidate:
    return Candidate(
        name=name, strategy="lora", validation={"accuracy": accuracy}, seconds=1, folder=name
    )


VERSION = DataVersion(key="k", name="as read", folder="f", train_rows=2, validation_rows=1)
FULL = Facts(
    data=VERSION,
    labels=("a", "b"),
    inspected=True,
    personal_data=3,
    candidates=(candidate("one"),),
    constants={"x": 1.0, "y": 2.0},
    notes=("first",),
    frozen_seconds=4.0,
)


def test_nothing_new_changes_nothing() -> None:
    assert merge(FULL, Facts()) == FULL


def test_only_what_was_set_is_replaced() -> None:
    merged = merge(FULL, Facts(personal_data=0, suspect_labels=(1, 2)))
    assert merged.personal_data == 0  # set to nothing is set
    assert merged.suspect_labels == (1, 2)
    assert (merged.labels, merged.frozen_seconds, merged.data) == (("a", "b"), 4.0, VERSION)


def test_a_field_set_after_making_counts_too() -> None:
    new = Facts()
    new.frozen_seconds = 9.0
    assert merge(FULL, new).frozen_seconds == 9.0


@pytest.mark.parametrize(
    ("field", "old", "new", "both"),
    [
        ("notes", ("a",), ("b", "a"), ("a", "b")),
        ("searched", ("lora",), ("lora",), ("lora",)),
        ("candidates", (candidate("a"),), (candidate("b"),), (candidate("a"), candidate("b"))),
        (
            "findings",
            (Finding(what="x", count=1, action="none"),),
            (Finding(what="x", count=1, action="none"), Finding(what="x", count=2, action="none")),
            (Finding(what="x", count=1, action="none"), Finding(what="x", count=2, action="none")),
        ),
    ],
)
def test_lists_grow_without_repeats_in_order(
    field: str, old: tuple[object], new: tuple[object], both: tuple[object]
) -> None:
    merged = merge(Facts.model_validate({field: old}), Facts.model_validate({field: new}))
    assert getattr(merged, field) == both


def test_constants_are_added_and_the_later_wins() -> None:
    assert merge(FULL, Facts(constants={"y": 3.0, "z": 4.0})).constants == {
        "x": 1.0, "y": 3.0, "z": 4.0,
    }  # fmt: skip


def test_merging_leaves_both_sides_as_they_were() -> None:
    new = Facts(notes=("second",), constants={"x": 0.0})
    before = (FULL.model_copy(deep=True), new.model_copy(deep=True))
    merge(FULL, new)
    assert (FULL, new) == before


def test_best_candidate_is_the_least_bad_and_the_earlier_on_a_tie() -> None:
    tried = [candidate("a", 0.5), candidate("b", 0.9), candidate("c", 0.9)]
    best = best_candidate(tried, lambda scores: (-scores["accuracy"],))
    assert best is tried[1]
    assert best_candidate([], lambda _: (0.0,)) is None


def test_progress_needs_a_share_and_a_text() -> None:
    with pytest.raises(ValueError, match="text"):
        JobProgress.model_validate({"share": 0.5})
