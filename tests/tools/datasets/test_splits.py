"""Made splits: stratified, copies together, the same for any order of the file."""

import random
from collections import Counter
from pathlib import Path

import pytest
from tuneos.tools.datasets.splits import (
    data_hash,
    make_splits,
    read_split,
    split_bytes,
    split_from_bytes,
    write_split,
)
from tuneos.tools.datasets.types import RawData, Split, text_key
from tuneos.tools.errors import DatasetError


def build(rows: list[tuple[str, str]]) -> Split:
    return Split(
        tuple(text for text, _ in rows),
        tuple(label for _, label in rows),
        (None,) * len(rows),
        tuple(f"data.csv row {number}" for number in range(2, len(rows) + 2)),
    )


def raw(**splits: Split) -> RawData:
    return RawData("data.csv", "text-classification", (), splits, ())


def random_rows(seed: int, count: int = 400) -> list[tuple[str, str]]:
    """Return skewed rows with copies (in another case) and some contradictions."""
    rng = random.Random(seed)
    labels = rng.choices("abcdef", weights=[50, 25, 12, 8, 4, 1], k=count)
    rows = [(f"text number {rng.randrange(3 * count)}", label) for label in labels]
    copies = [(text.upper() + " ", label) for text, label in rng.sample(rows, count // 10)]
    return rows + copies


def sides(splits: dict[str, Split]) -> dict[str, list[tuple[str, str]]]:
    return {
        name: sorted(zip(map(text_key, split.texts), split.labels, strict=True))
        for name, split in splits.items()
    }


@pytest.mark.parametrize("seed", range(8))
def test_every_row_goes_to_one_side_with_its_copies(seed: int) -> None:
    rows = random_rows(seed)
    splits = make_splits(raw(train=build(rows)), seed=seed)

    assert list(splits) == ["train", "validation", "test"]
    places = [place for split in splits.values() for place in split.places]
    assert sorted(places) == sorted(build(rows).places)
    keys = [{text_key(text) for text in split.texts} for split in splits.values()]
    assert len(set().union(*keys)) == sum(map(len, keys))
    for split in splits.values():
        numbers = [int(place.split()[-1]) for place in split.places]
        assert numbers == sorted(numbers)


@pytest.mark.parametrize("seed", range(8))
def test_shares_are_kept_in_every_class(seed: int) -> None:
    rows = random_rows(seed)
    splits = make_splits(raw(train=build(rows)), seed=seed)
    whole = Counter(label for _, label in rows)
    counts = {name: Counter(split.labels) for name, split in splits.items()}

    for label, count in whole.items():
        assert counts["train"][label] >= 1
        assert abs(counts["test"][label] - 0.2 * count) <= 2.5
        assert abs(counts["validation"][label] - 0.1 * count) <= 2.5
        if len({text_key(text) for text, its in rows if its == label}) >= 4:
            assert counts["test"][label] >= 1
            assert counts["validation"][label] >= 1
    assert abs(len(splits["test"]) - 0.2 * len(rows)) <= 4
    assert abs(len(splits["validation"]) - 0.1 * len(rows)) <= 4


def test_order_of_the_file_does_not_matter_and_the_seed_does() -> None:
    rows = random_rows(1)
    first = sides(make_splits(raw(train=build(rows)), seed=3))
    random.Random(9).shuffle(rows)

    assert sides(make_splits(raw(train=build(rows)), seed=3)) == first
    assert sides(make_splits(raw(train=build(rows)), seed=4)) != first


def test_splits_given_are_never_touched() -> None:
    train, test = build(random_rows(1)), build(random_rows(2, 50))
    splits = make_splits(raw(train=train, test=test), seed=0)
    assert splits["test"] is test
    assert abs(len(splits["validation"]) - 0.1 * len(train)) <= 4
    assert len(splits["train"]) + len(splits["validation"]) == len(train)

    everything = {"train": train, "validation": test, "test": test}
    assert make_splits(raw(**everything), seed=0) == everything
    assert make_splits(raw(**everything), seed=0)["train"] is train


def test_text_of_a_given_split_does_not_come_into_a_made_one() -> None:
    rows = random_rows(1)
    test = build(rows[::7])
    splits = make_splits(raw(train=build(rows), test=test), seed=0)
    assert len(splits["validation"]) > 0
    assert not set(map(text_key, splits["validation"].texts)) & set(map(text_key, test.texts))


def test_large_data_gives_no_more_than_the_caps() -> None:
    rows = [(f"text {i}", "abcde"[i % 5]) for i in range(40_000)]
    splits = make_splits(raw(train=build(rows)), seed=0)
    assert {name: len(split) for name, split in splits.items()} == {
        "train": 33_000,
        "validation": 2_000,
        "test": 5_000,
    }


SMALL = [
    # rows of the class beside a large one, rows left in train at least, elsewhere at most
    ([("x1", "b"), ("x2", "b")], 2, 0),
    ([("x1", "b"), ("x2", "b"), ("x3", "b")], 1, 2),
    ([("x", "b"), ("x", "b"), ("X ", "b")], 3, 0),
    ([("x", "b")] * 20 + [("y", "b")], 1, 20),
    ([("x", "b")] * 2 + [("y", "b")] * 2 + [("z", "b")] * 2, 2, 4),
    ([("x", "b"), ("x", "a"), ("y", "b"), ("y", "a")], 1, 1),
]


@pytest.mark.parametrize(("rows", "left", "away"), SMALL)
def test_small_classes_keep_rows_in_train(
    rows: list[tuple[str, str]], left: int, away: int
) -> None:
    for seed in range(10):
        large = [(f"text {i}", "a") for i in range(50)]
        splits = make_splits(raw(train=build(large + rows)), seed=seed)
        counts = {name: Counter(split.labels)["b"] for name, split in splits.items()}
        assert counts["train"] >= left
        assert counts["test"] + counts["validation"] <= away


def test_too_few_rows_for_a_split_are_told() -> None:
    rows = [("x1", "a"), ("x2", "a"), ("y1", "b"), ("y2", "b")]
    with pytest.raises(DatasetError, match=r"data\.csv has too few rows to make a test split.*add"):
        make_splits(raw(train=build(rows)), seed=0)


def test_hash_sees_names_texts_labels_and_their_borders() -> None:
    split = build([("ab", "c"), ("d", "e")])
    same = Split(split.texts, split.labels, ("1", "2"), ("elsewhere 1", "elsewhere 2"))
    assert data_hash({"train": split}) == data_hash({"train": same})
    assert data_hash({"train": split, "test": same}) == data_hash({"test": same, "train": split})

    different = [
        {"test": split},
        {"train": build([("a", "bc"), ("d", "e")])},
        {"train": build([("ab", "c"), ("d", "x")])},
        {"train": build([("d", "e"), ("ab", "c")])},
        {"train": split, "test": split},
    ]
    hashes = {data_hash(splits) for splits in [{"train": split}, *different]}
    assert len(hashes) == 6
    assert all(len(digest) == 64 for digest in hashes)


ODD = Split(
    ("line\nbreak", "\u2028 sep \x85", 'quo"te', ""),
    ("a", "b ü", "c", "d"),
    (None, "7", "", "x"),
    ("p row 1", "p row 2", "p row 3", "p row 4"),
)


def test_split_comes_back_as_it_was(tmp_path: Path) -> None:
    for split in (ODD, ODD.take([])):
        assert split_from_bytes(split_bytes(split)) == split
        write_split(tmp_path / "s.jsonl", split)
        assert read_split(tmp_path / "s.jsonl") == split
    assert [path.name for path in tmp_path.iterdir()] == ["s.jsonl"]


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.jsonl"
    write_split(path, ODD)

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_split(path, ODD.take([0]))
    assert read_split(path) == ODD
    assert list(tmp_path.iterdir()) == [path]


def test_damaged_split_is_told(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    data = split_bytes(ODD)
    for damaged, words in ((data[:-5], "cut short"), (data.replace(b'"label"', b"", 1), "line 1")):
        path.write_bytes(damaged)
        with pytest.raises(DatasetError, match=words) as caught:
            read_split(path)
        assert str(path) in str(caught.value)
