"""Answers that need no language model: copied, cut out, most frequent, or the nearest row's."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import ModelError

Way = Literal["copy", "lead", "constant", "nearest"]
MEMORY = "answers.jsonl"
BATCH = 256
# The end of a sentence: a full stop of any script, its closing quotes, then a space or none
# where the script has none.
_SENTENCE = re.compile(r".+?(?:[.!?…](?:[\"'”’»)\]]*)(?=\s)|[。！？]|\n|$)", re.S)
_SHORT = re.compile(r"(?:\b[A-Z]|\b(?:e\.g|i\.e|al|vs|cf|Dr|Mr|Mrs|Fig|Eq|bzw|z\.B|ca))\.$")

Reply = Callable[[Sequence[str]], list[str]]


def remember(way: Way, folder: Path, texts: Sequence[str], answers: Sequence[str]) -> None:
    """Write what a way of answering has to know of the training rows.

    Args:
        way: How it answers.
        folder: Of the model; may not be there yet.
        texts: (n,) what is asked.
        answers: (n,) what to say.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept: list[dict[str, str]] = []
    if way == "nearest":
        kept = [{"text": t, "answer": a} for t, a in zip(texts, answers, strict=True)]
    elif way == "constant":
        # The first of those that are as frequent, so that a run can be repeated.
        kept = [{"text": "", "answer": Counter(answers).most_common(1)[0][0]}]
    lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in kept)
    (folder / MEMORY).write_bytes(lines.encode("utf-8", "replace"))


def recall(way: Way, folder: Path) -> Reply:
    """Load a way of answering.

    Raises:
        ModelError: What it has to know is missing or damaged.
    """
    path = folder / MEMORY
    try:
        lines = path.read_bytes().decode().split("\n")
        kept = [json.loads(line) for line in lines if line]
        texts = [str(row["text"]) for row in kept]
        answers = [str(row["answer"]) for row in kept]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"model {path}: cannot be read: {error}") from error
    if way == "copy":
        return list
    if way == "lead":
        return lambda asked: [first_sentence(text) for text in asked]
    if not answers:
        raise ModelError(f"model {path}: remembers nothing; save the model again")
    if way == "constant":
        return lambda asked: answers[:1] * len(asked)
    return _nearest(texts, answers)


def first_sentence(text: str) -> str:
    """Cut out the first sentence; an abbreviation's full stop does not end it."""
    said = ""
    for match in _SENTENCE.finditer(text.strip()):
        said += match.group()
        if said.strip() and not _SHORT.search(said.rstrip()):
            break
    return said.strip()


def _nearest(texts: Sequence[str], answers: Sequence[str]) -> Reply:
    """The answer of the row with the highest cosine of tf-idf; the first of equals."""
    features = _features(texts)
    if features is None:
        return lambda asked: [answers[0]] * len(asked)
    known = features.transform(texts).T.tocsc()

    def reply(asked: Sequence[str]) -> list[str]:
        found: list[str] = []
        for start in range(0, len(asked), BATCH):
            near = (features.transform(asked[start : start + BATCH]) @ known).toarray()
            found += [answers[int(i)] for i in np.argmax(near, axis=1)]
        return found

    return reply


def _features(texts: Sequence[str]) -> Any:
    """Words and word pairs; where words are not set apart by spaces, runs of characters."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = sum(len(text.split()) for text in texts)
    spaced = sum(map(len, texts)) <= 20 * words
    features = TfidfVectorizer(
        analyzer="word" if spaced else "char",
        ngram_range=(1, 2) if spaced else (1, 3),
        token_pattern=r"(?u)\b\w+\b" if spaced else None,
        sublinear_tf=True,
        dtype=np.float32,
    )
    try:
        return features.fit(texts)
    except ValueError:  # no word in any text
        return None
