"""Parallel files: `train.en` beside `train.de`, one sentence a line in each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetError
from .decode import decode, read_bytes
from .locate import SUFFIXES, split_of
from .tables import Table
from .types import SPLIT_NAMES, Oddity

SOURCE_ENDS = ("src", "source")
TARGET_ENDS = ("tgt", "trg", "target")
_ISO_639_1 = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy "
    "da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu "
    "hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb "
    "lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om "
    "or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw "
    "ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
LANGUAGES = frozenset(_ISO_639_1.split())


@dataclass(frozen=True)
class Parallel:
    """The two files of each split found, source first.

    Attributes:
        files: By split.
        ends: What the files' names end in, source first.
        known: Which of the two is the source was said, and need not be guessed.
    """

    files: dict[str, tuple[Path, Path]]
    ends: tuple[str, str]
    known: bool


def find_parallel(folder: Path) -> Parallel | None:
    """Find pairs of files such as `train.src` and `train.tgt`, or `train.en-de.en` and its twin.

    Returns:
        None where the folder holds no pair for train, or a file of another kind for it.

    Raises:
        DatasetError: A held-out split has but one of its two files, or other endings.
    """
    ends: dict[str, dict[str, Path]] = defaultdict(dict)
    tags: set[str] = set()
    for entry in sorted(folder.iterdir()):
        stem, _, end = entry.name.rpartition(".")
        name, _, tag = stem.partition(".")
        split = split_of(name)
        if split is None or not entry.is_file():
            continue
        if f".{end.lower()}" in SUFFIXES:
            return None
        if _is_end(end.lower()) and (not tag or _is_tag(tag)):
            ends[split][end.lower()] = entry
            tags.add(tag.lower())
    train = ends.get("train", {})
    if len(train) != 2:
        return None
    source, target, known = _direction(train, tags)
    files: dict[str, tuple[Path, Path]] = {}
    for split in SPLIT_NAMES:
        if split not in ends:
            continue
        if ends[split].keys() != train.keys():
            raise DatasetError(
                f"{folder} holds {' and '.join(sorted(p.name for p in ends[split].values()))} for "
                f"the {split} split, but train ends in .{source} and .{target}; give every split "
                "two files with the same endings"
            )
        files[split] = (ends[split][source], ends[split][target])
    return Parallel(files, (source, target), known)


def read_parallel(pair: tuple[Path, Path], found: Parallel) -> Table:
    """Read one split; lines that are blank in both files are skipped later.

    The columns are called source and target where that is known, else as the languages are.

    Raises:
        DatasetError: The files cannot be read, or one has more lines than the other.
    """
    lines: list[list[str]] = []
    oddities: list[Oddity] = []
    for path in pair:
        decoded = decode(read_bytes(path), path.name)
        oddities += decoded.oddities
        oddities += [
            Oddity("encoding", f"{path.name} line {number}", what)
            for number, what in decoded.mended.items()
        ]
        # Not splitlines(): U+2028 and its like may stand inside a sentence.
        text = decoded.text.replace("\r\n", "\n")
        lines.append(text.removesuffix("\n").split("\n") if text else [])
    (first, second), counts = pair, [len(side) for side in lines]
    if counts[0] != counts[1]:
        raise DatasetError(
            f"{first.name} has {counts[0]} lines and {second.name} has {counts[1]}: each line of "
            "one must be the translation of the same line of the other; mend the shorter one"
        )
    places = [f"{first.name} line {number}" for number in range(1, counts[0] + 1)]
    columns = ("source", "target") if found.known else found.ends
    cells: dict[str, list[object]] = {
        column: list(side) for column, side in zip(columns, lines, strict=True)
    }
    for column, end in zip(columns, found.ends, strict=True):
        if found.known and end in LANGUAGES:
            cells[f"{column}_lang"] = [end] * len(places)
    return Table(f"{first.name} and {second.name}", cells, places, oddities=tuple(oddities))


def _is_end(end: str) -> bool:
    return end in LANGUAGES or end in SOURCE_ENDS or end in TARGET_ENDS


def _is_tag(tag: str) -> bool:
    first, _, second = tag.lower().partition("-")
    return first in LANGUAGES and second in LANGUAGES


def _direction(train: dict[str, Path], tags: set[str]) -> tuple[str, str, bool]:
    """Which ending is the source; and whether its name says so, or a tag as "en-de"."""
    first, second = sorted(train)
    for source, target in ((first, second), (second, first)):
        if source in SOURCE_ENDS or target in TARGET_ENDS or f"{source}-{target}" in tags:
            return source, target, True
    return (*direction(first, second)[:2], False)


def direction(first: str, second: str) -> tuple[str, str, tuple[str, ...]]:
    """Guess which of two languages is translated: English, or the first; and say so."""
    source, target = (second, first) if second == "en" else (first, second)
    return (
        source,
        target,
        (f"translating {source} to {target}; for the other way: --text {target} --label {source}",),
    )
