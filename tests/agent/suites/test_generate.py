"""Data made for scenarios is as it was asked for, and the same again."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

from tuneos.agent.suites.generate import TOPICS, write_data
from tuneos.agent.suites.scenario import Generated


def read(folder: Path, split: str) -> list[dict[str, str]]:
    with (folder / f"{split}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def whole(folder: Path) -> list[dict[str, str]]:
    return [row for split in ("train", "validation", "test") for row in read(folder, split)]


def test_same_seed_gives_the_same_rows(tmp_path: Path) -> None:
    first, again, other = (
        write_data(Generated(rows=60), tmp_path / name, seed)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert whole(first) == whole(again) != whole(other)


def test_splits_hold_every_class(tmp_path: Path) -> None:
    folder = write_data(Generated(rows=40, classes=4, imbalance=20), tmp_path / "d", 0)
    for split in ("train", "validation", "test"):
        assert {row["label"] for row in read(folder, split)} == set(list(TOPICS)[:4])
    assert len(whole(folder)) == 40


def test_first_class_is_larger_than_the_last(tmp_path: Path) -> None:
    folder = write_data(Generated(rows=2000, classes=3, imbalance=10), tmp_path / "d", 0)
    counts = Counter(row["label"] for row in whole(folder))
    assert counts["billing"] > 5 * counts["account"]


def test_leaked_rows_are_in_train_and_test(tmp_path: Path) -> None:
    folder = write_data(Generated(rows=100, leaked=7), tmp_path / "d", 0)
    train = {row["text"] for row in read(folder, "train")}
    assert sum(row["text"] in train for row in read(folder, "test")) == 7


def test_noise_makes_labels_wrong(tmp_path: Path) -> None:
    clean, noisy = (
        whole(write_data(Generated(rows=1000, noise=noise), tmp_path / str(noise), 3))
        for noise in (0.0, 0.4)
    )
    own = [
        max(TOPICS, key=lambda t: sum(w in TOPICS[t].split() for w in row["text"].split()))
        for row in noisy
    ]
    wrong = sum(row["label"] != topic for row, topic in zip(noisy, own, strict=True)) / len(own)
    assert 0.3 < wrong < 0.55
    assert len(clean) == len(noisy)


def test_personal_data_is_put_in(tmp_path: Path) -> None:
    folder = write_data(Generated(rows=500, personal=0.2), tmp_path / "d", 0)
    assert 0.1 < sum("@example.com" in row["text"] for row in whole(folder)) / 500 < 0.3
