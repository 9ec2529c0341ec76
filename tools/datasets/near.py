"""Near-duplicates: rows whose text is another's but for a few characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .types import Split, copy_keys

if TYPE_CHECKING:
    from datasketch import MinHash

ALIKE = 0.75  # Jaccard likeness of shingles that makes texts near: one slip in 40 characters
SHINGLE = 5  # characters
HASHES = 64
MISS_LESS = (0.1, 0.9)  # a false candidate costs a look, a missed one is lost
MOST_ROWS = 50_000
MOST_LOOKS = 50  # candidates of a row that are compared
# A shared context makes no copies: where rows have these fields, they must be near too.
_APART = ("question", "reply", "head", "tail")

_Texts = tuple[tuple[str, ...], ...]  # of each row

_ODD = np.uint64(0x9E3779B97F4A7C15)
_LOW = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True)
class Near:
    """A row and the one that it nearly copies."""

    row: int
    other: int
    likeness: float


@dataclass(frozen=True)
class _Sketch:
    """What is kept of a row to compare it: shingles of each of its texts, and their MinHash."""

    key: str
    shingles: tuple[NDArray[np.uint64], ...]
    minhash: MinHash


def near_within(split: Split) -> tuple[Near, ...]:
    """Find rows that nearly equal an earlier one of the same label, which is no such row itself.

    Exact copies are no near-duplicates.

    Args:
        split: Not modified; of more than MOST_ROWS rows nothing is said.

    Source: Broder 1997; candidates by MinHash and LSH, each compared by its true likeness.
    """
    if len(split) > MOST_ROWS:
        return ()
    index, sketches, found = _lsh(), _kept(_texts(split)), []
    _kept.cache_clear()
    for row, sketch in enumerate(sketches):
        near = None
        for other in sorted(index.query(sketch.minhash))[:MOST_LOOKS]:
            if split.labels[other] != split.labels[row]:
                continue
            if sketches[other].key == sketch.key:
                break  # a copy is reported as one
            near = _near(row, sketch, other, sketches[other])
            if near is not None:
                found.append(near)
                break
        if near is None:
            index.insert(row, sketch.minhash)
    return tuple(found)


def near_across(train: Split, held_out: Mapping[str, Split]) -> dict[str, tuple[Near, ...]]:
    """Find rows of the held-out splits and the train rows that they nearly equal.

    Args:
        train: Not modified.
        held_out: Splits by name; not modified.

    Returns:
        Split name -> pairs, `row` in the held-out split and `other` in train. Exact copies
        are left out. Nothing where the rows are more than MOST_ROWS.
    """
    if len(train) + sum(map(len, held_out.values())) > MOST_ROWS:
        return dict.fromkeys(held_out, ())
    index, sketches = _lsh(), _kept(_texts(train))
    for row, sketch in enumerate(sketches):
        index.insert(row, sketch.minhash)
    found = {}
    for name, split in held_out.items():
        pairs = []
        for row, sketch in enumerate(_sketches(_texts(split))):
            for other in sorted(index.query(sketch.minhash))[:MOST_LOOKS]:
                near = _near(row, sketch, other, sketches[other])
                if near is not None and sketches[other].key != sketch.key:
                    pairs.append(near)
        found[name] = tuple(pairs)
    return found


def _lsh() -> Any:
    from datasketch import MinHashLSH

    return MinHashLSH(threshold=ALIKE, num_perm=HASHES, weights=MISS_LESS)


def _texts(split: Split) -> _Texts:
    """The text of each row, and its fields that must be near for themselves."""
    found = []
    for row, text in enumerate(split.texts):
        own = split.rows[row] if split.rows else {}
        found.append((text, *(_words(own[name]) for name in _APART if name in own)))
    return tuple(found)


def _sketches(texts: _Texts) -> list[_Sketch]:
    from datasketch import MinHash

    empty, found = MinHash(num_perm=HASHES, seed=1, hashfunc=int), []
    for parts in texts:
        shingles = tuple(shingles_of(part) for part in parts)
        minhash = empty.copy()
        minhash.update_batch((shingles[0] & _LOW).tolist())
        found.append(_Sketch("\n".join(copy_keys(part)[1] for part in parts), shingles, minhash))
    return found


@lru_cache(maxsize=1)
def _kept(texts: _Texts) -> list[_Sketch]:
    """Of train: compared with the held-out rows, then within itself, and forgotten."""
    return _sketches(texts)


def _words(value: object) -> str:
    """The text of a field; of a marked span, its words."""
    return str(value.get("text", "")) if isinstance(value, dict) else str(value)


def shingles_of(text: str) -> NDArray[np.uint64]:
    """Hash every run of SHINGLE characters, case and spacing apart: sorted, each once."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    codes = np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), np.uint32)
    codes = np.pad(codes, (0, max(0, SHINGLE - len(codes)))).astype(np.uint64)
    runs = np.lib.stride_tricks.sliding_window_view(codes, SHINGLE)
    hashed = np.zeros(len(runs), np.uint64)
    for place in range(SHINGLE):
        hashed = hashed * _ODD + runs[:, place]  # wraps round
        hashed ^= hashed >> np.uint64(29)
    return np.unique(hashed)


def likeness(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> float:
    """Jaccard likeness of two sets of shingles: 0..1."""
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / (len(first) + len(second) - shared)


def _near(row: int, sketch: _Sketch, other: int, against: _Sketch) -> Near | None:
    """The pair, where every text of the one is near that of the other."""
    alike = min(likeness(a, b) for a, b in zip(sketch.shingles, against.shingles, strict=True))
    return Near(row, other, alike) if alike >= ALIKE else None
