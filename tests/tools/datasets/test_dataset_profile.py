"""The profile's figures and findings; held-out texts never show."""

import time
from collections.abc import Callable

import pytest
from pydantic import ValidationError
from tuneos.tools.datasets.profile import profile_data, with_findings
from tuneos.tools.datasets.types import Oddity, Split

MakeSplit = Callable[..., Split]

TRAIN = [
    ("one two three", "a"),
    ("One  two three", "a"),
    ("disputed text here", "a"),
    ("disputed text here", "b"),
    ("leaked secret alpha", "a"),
    ("also leaked beta", "b"),
    ("a b c d e f g h i j", "a"),
]
TEST = [("leaked secret alpha", "a"), ("Leaked secret ALPHA", "a"), ("secret gamma", "b")]
VALIDATION = [("also leaked beta", "b"), ("secret gamma", "b")]


@pytest.fixture
def splits(make_split: MakeSplit) -> dict[str, Split]:
    return {
        "train": make_split(*TRAIN),
        "validation": make_split(*VALIDATION, name="validation.csv"),
        "test": make_split(*TEST, name="test.csv"),
    }


def test_figures(splits: dict[str, Split]) -> None:
    profile = profile_data(
        splits, (), token_lengths=lambda texts: [len(t) for t in texts], max_tokens=18
    )

    assert profile.rows == {"train": 7, "validation": 2, "test": 3}
    assert profile.labels == {
        "a": {"train": 5, "validation": 0, "test": 2},
        "b": {"train": 2, "validation": 2, "test": 1},
    }
    assert profile.imbalance == 2.5
    assert profile.majority_share == pytest.approx(5 / 7)
    assert (profile.smallest_label, profile.smallest_count) == ("b", 2)
    assert profile.median_count == 2
    assert (profile.words.mean, profile.words.max) == (4.0, 10)
    assert profile.tokens is not None
    assert (profile.tokens.max, profile.tokens.cut) == (19, 2)
    assert (profile.duplicates, profile.conflicts, profile.conflicting_rows) == (1, 1, 2)
    assert profile.shared_held_out == 1
    assert profile.pii == {}


def test_leakage_is_counted_and_placed_in_train(splits: dict[str, Split]) -> None:
    overlaps = profile_data(splits, ()).overlaps
    assert overlaps["test"].model_dump() == {
        "train_rows": 1,
        "held_out_rows": 2,
        "places": ("train.csv row 6",),
    }
    assert overlaps["validation"].places == ("train.csv row 7",)


def test_findings_come_gravest_first(splits: dict[str, Split]) -> None:
    oddities = [
        Oddity("blank_text", "test.csv row 9", "no text, label 'a'; kept"),
        Oddity("encoding", "train.csv row 3", "not UTF-8, read as Windows-1252"),
    ]
    profile = profile_data(splits, oddities)
    what = [finding.what for finding in profile.findings]

    order = ["in test", "in validation", "in validation", "conflicting", "small", "duplicates"]
    assert len(what) == 8
    assert all(word in text for word, text in zip(order, what, strict=False))
    assert profile.blank_texts == 1
    assert profile.encoding == 1
    assert profile.findings[-1].examples == ["train.csv row 3: not UTF-8, read as Windows-1252"]


def test_no_text_of_any_split_is_shown(splits: dict[str, Split]) -> None:
    shown = profile_data(splits, ()).model_dump_json().lower()
    for split in splits.values():
        for text in split.texts:
            assert text.lower() not in shown


def test_clean_data_has_no_findings(make_split: MakeSplit) -> None:
    rows = [(f"text number {i}", "ab"[i % 2]) for i in range(60)]
    assert profile_data({"train": make_split(*rows)}, ()).findings == ()


LONG = " ".join(["word"] * 1001)
FURTHER = [
    ([("x y", "A ")] * 1, "differ only in spelling: 'a', 'A '"),
    ([(LONG, "a")], "very long texts"),
    ([(f"w{i}", "a") for i in range(600)], "imbalance"),
    ([("rare", "c")], "small classes"),
]


@pytest.mark.parametrize(("rows", "words"), FURTHER)
def test_what_is_unusual_is_found(
    rows: list[tuple[str, str]], words: str, make_split: MakeSplit
) -> None:
    base = [(f"text number {i}", "ab"[i % 2]) for i in range(60)]
    findings = profile_data({"train": make_split(*base, *rows)}, ()).findings
    assert any(words in finding.what for finding in findings)


def test_personal_data_is_added_by_the_caller(splits: dict[str, Split]) -> None:
    before = profile_data(splits, ())
    after = with_findings(before, pii={"EMAIL": 3, "CARD": 1})

    assert after.pii == {"EMAIL": 3, "CARD": 1}
    assert before.pii == {}
    added = [f for f in after.findings if f not in before.findings]
    assert [f.what for f in added] == ["texts with personal data (CARD 1, EMAIL 3)"]


def test_profile_is_frozen_and_survives_json(splits: dict[str, Split]) -> None:
    profile = profile_data(splits, ())
    assert type(profile).model_validate_json(profile.model_dump_json()) == profile
    with pytest.raises(ValidationError):
        setattr(profile, "duplicates", 0)  # noqa: B010


def test_profile_of_many_rows_takes_seconds_at_most(make_split: MakeSplit) -> None:
    rows = [(f"some words of text number {i % 90_000}", "abcde"[i % 5]) for i in range(100_000)]
    split = make_split(*rows)
    start = time.process_time()
    profile = profile_data({"train": split}, ())
    assert time.process_time() - start < 10
    assert profile.duplicates == 10_000
