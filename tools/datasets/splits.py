"""Making the splits that are missing, and keeping splits as files."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import DatasetError
from ..tasks import find_task
from .types import SPLIT_NAMES, RawData, Row, Split

TEST_SHARE, TEST_ROWS = 0.2, 5000  # of the rows given, and at most
VALIDATION_SHARE, VALIDATION_ROWS = 0.1, 2000
ROWS_TO_SPLIT = 3  # a class with fewer rows stays in train whole


@dataclass(frozen=True)
class _Group:
    """Train rows that go to one side together, by the task's key: copies of a text, mostly."""

    key: str
    rows: tuple[int, ...]
    held: Mapping[str, int]  # rows by label: copies may disagree


def make_splits(raw: RawData, *, seed: int) -> dict[str, Split]:
    """Make the splits that are missing out of train; those given are never touched.

    Test takes 20% of the rows (at most 5,000) and validation 10% (at most 2,000), the same
    share of every class and at least one row of each class with 3 rows or more, which may
    exceed the totals by a few. Copies of a text stay on one side, and no text of a split that
    was given comes into one that is made. A row's side follows from its text and the seed,
    not from where it stands in the file; rows keep the file's order. Every class keeps rows
    in train.

    Args:
        raw: At least "train".
        seed: Another seed, another draw.

    Returns:
        "train", "validation" and "test", in this order.

    Raises:
        DatasetError: Train is too small to give a split any row.
    """
    train, key = raw.splits["train"], find_task(raw.task).group
    given = {
        key(split, row)
        for name, split in raw.splits.items()
        if name != "train"
        for row in range(len(split))
    }
    # What leaked from a given split stays in train, where cleaning finds it.
    groups = [group for group in _groups(train, key) if group.key not in given]
    sizes = Counter(train.labels)
    left = sizes.copy()
    share = {"test": TEST_SHARE, "validation": VALIDATION_SHARE}
    most = {"test": TEST_ROWS, "validation": VALIDATION_ROWS}
    taken: dict[str, set[int]] = {}
    for name in ("test", "validation"):
        if name in raw.splits:
            continue
        total = min(share[name] * len(train), most[name])
        chosen = _take(_in_order(groups, sizes, name, seed), _quotas(sizes, total), left)
        taken[name] = {row for group in chosen for row in group.rows}
        if not taken[name]:
            raise DatasetError(
                f"{raw.source} has too few rows to make a {name} split ({len(train)} train rows, "
                f"{len(left)} classes): add rows until each class has at least "
                f"{ROWS_TO_SPLIT} different texts, or give a {name} file"
            )
        gone = {group.key for group in chosen}
        groups = [group for group in groups if group.key not in gone]
    away = set().union(*taken.values())
    made = {name: train.take(sorted(rows)) for name, rows in taken.items()}
    made["train"] = train.take([i for i in range(len(train)) if i not in away]) if away else train
    return {name: made.get(name) or raw.splits[name] for name in SPLIT_NAMES}


def data_hash(splits: Mapping[str, Split]) -> str:
    """Hash names, texts and labels of the splits, in the rows' order; SHA-256 in hex."""
    digest = hashlib.sha256()
    for name in sorted(splits):
        split = splits[name]
        digest.update(json.dumps([name, len(split)]).encode())
        for row in zip(split.texts, split.labels, strict=True):
            digest.update(json.dumps(row).encode())
        for said in split.slices:
            digest.update(json.dumps(said, sort_keys=True).encode())
        for own in split.rows:
            digest.update(json.dumps(own, sort_keys=True).encode())
    return digest.hexdigest()


def split_bytes(split: Split) -> bytes:
    """Write a split as JSONL in memory: text, label, id, place and own fields of each row."""
    also = {"row": split.rows, "slices": split.slices}
    names = ("text", "label", "id", "place", *(name for name, said in also.items() if said))
    own = (said for said in also.values() if said)
    columns = (split.texts, split.labels, split.ids, split.places, *own)
    lines = (
        json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)
        for row in zip(*columns, strict=True)
    )
    return "".join(f"{line}\n" for line in lines).encode()


def split_from_bytes(data: bytes) -> Split:
    """Read what `split_bytes` made.

    Raises:
        DatasetError: The bytes are damaged; the message names the line.
    """
    rows: list[tuple[str, str, str | None, str]] = []
    own: list[Row] = []
    slices: list[dict[str, str]] = []
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        try:
            row = json.loads(line)
            rows.append((row["text"], row["label"], row["id"], row["place"]))
            own += [row["row"]] if "row" in row else []
            slices += [row["slices"]] if "slices" in row else []
        except (ValueError, KeyError, TypeError):
            raise DatasetError(
                f"line {number} of a stored split is damaged; prepare the data again"
            ) from None
    if data and not data.endswith(b"\n"):
        raise DatasetError("a stored split is cut short; prepare the data again")
    return replace(_from_rows(rows, own), slices=tuple(slices))


def rows_looked_at(split: Split, most: int, seed: int) -> list[int]:
    """Positions of the rows that something costly looks at: all, or so many, drawn by the seed."""
    import numpy as np

    if len(split) <= most:
        return list(range(len(split)))
    drawn = np.random.default_rng(seed).choice(len(split), most, replace=False)
    return sorted(int(i) for i in drawn)


def write_split(path: Path, split: Split) -> None:
    """Write a split as JSONL, whole or not at all; the folder must exist."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(split_bytes(split))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_split(path: Path) -> Split:
    """Read what `write_split` wrote.

    Raises:
        DatasetError: The file is damaged.
    """
    try:
        return split_from_bytes(path.read_bytes())
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from None


def _from_rows(rows: Sequence[tuple[str, str, str | None, str]], own: Sequence[Row]) -> Split:
    if not rows:
        return Split((), (), (), ())
    texts, labels, ids, places = zip(*rows, strict=True)
    return Split(texts, labels, ids, places, tuple(own))


def _groups(train: Split, key_of: Callable[[Split, int], str]) -> list[_Group]:
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row in range(len(train)):
        rows_of[key_of(train, row)].append(row)
    return [
        _Group(key, tuple(rows), Counter(train.labels[row] for row in rows))
        for key, rows in rows_of.items()
    ]


def _quotas(counts: Mapping[str, int], total: float) -> dict[str, int]:
    """Share out `total` rows in proportion, by largest remainder, then at least one each."""
    rows = sum(counts.values())
    exact = {label: total * count / rows for label, count in counts.items()}
    quotas = {label: int(share) for label, share in exact.items()}
    spare = int(total) - sum(quotas.values())
    by_remainder = sorted(exact, key=lambda label: (quotas[label] - exact[label], label))
    for label in by_remainder[: max(spare, 0)]:
        quotas[label] += 1
    return {
        label: max(quota, 1) if counts[label] >= ROWS_TO_SPLIT else 0
        for label, quota in quotas.items()
    }


def _take(order: Sequence[_Group], quotas: Mapping[str, int], left: Counter[str]) -> list[_Group]:
    """Take groups up to each class's quota, lowering `left`, the rows that stay in train.

    A group larger than what is missing is passed over, so that a text with many copies
    does not fill a split, and so is one that would take the last row of any class.
    """
    got: Counter[str] = Counter()
    chosen: list[_Group] = []

    def take(group: _Group) -> None:
        if all(left[label] > count for label, count in group.held.items()):
            chosen.append(group)
            got.update(group.held)
            left.subtract(group.held)

    for group in order:
        if all(got[label] + count <= quotas[label] for label, count in group.held.items()):
            take(group)
    # A class of which every text has copies got none so far: now one that is a third at most.
    for group in order:
        bare = any(quotas[label] > 0 == got[label] for label in group.held)
        if bare and all(3 * count <= left[label] for label, count in group.held.items()):
            take(group)
    return chosen


def _in_order(
    groups: Sequence[_Group], sizes: Mapping[str, int], name: str, seed: int
) -> list[_Group]:
    """Order by rarest class, as rare classes have no row to spare, then by content and seed."""

    def rank(group: _Group) -> tuple[int, bytes]:
        draw = hashlib.sha256(f"{seed}:{name}:{group.key}".encode()).digest()
        return min(sizes[label] for label in group.held), draw

    return sorted(groups, key=rank)
