"""The cheapest tagger: each word gets the tags that it had in training, the others none."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ...evals.metrics import FloatArray
from ..datasets.types import Row
from ..errors import ModelError

LEXICON = "lexicon.json"
Lexicon = Mapping[str, Mapping[str, int]]


def fit_lexicon(rows: Iterable[Row]) -> Lexicon:
    """Count the tags of each word, as it is written."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for word, tag in zip(row["tokens"], row["tags"], strict=True):
            counts[word][tag] += 1
    return counts


def look_up(lexicon: Lexicon, words: Sequence[str], tags: Sequence[str]) -> FloatArray:
    """Give each word the tags it most often had: (n, len(tags)), rows sum to 1.

    Only the most frequent tag of a word counts, the first in order of `tags` on a tie; its share
    is its probability, and the rest is spread evenly.
    """
    unknown = {tags[0]: 1}
    out = np.zeros((len(words), len(tags)))
    for row, word in zip(out, words, strict=True):
        found = lexicon.get(word, unknown)
        counts = np.array([found.get(tag, 0) for tag in tags], np.float64)
        best, share = counts.argmax(), counts.max() / counts.sum()
        row[:] = (1 - share) / max(1, len(tags) - 1)
        row[best] = share
    return out


def write_lexicon(folder: Path, lexicon: Lexicon) -> None:
    """Write `lexicon.json` into a model folder."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(lexicon, ensure_ascii=False, sort_keys=True)
    (folder / LEXICON).write_text(text, encoding="utf-8")


def read_lexicon(folder: Path, tags: Sequence[str]) -> Lexicon:
    """Read what `write_lexicon` wrote.

    Raises:
        ModelError: It is missing, damaged, or has other tags than the model.
    """
    path = folder / LEXICON
    try:
        lexicon = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"model {path}: cannot be read: {error}") from error
    known = set(tags)
    whole = isinstance(lexicon, dict) and all(
        isinstance(counts, dict)
        and counts
        and counts.keys() <= known
        and all(type(n) is int and n > 0 for n in counts.values())
        for counts in lexicon.values()
    )
    if not whole:
        raise ModelError(f"model {path}: is damaged; save the model again")
    return lexicon  # type: ignore[no-any-return]
