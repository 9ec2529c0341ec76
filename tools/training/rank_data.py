"""What base models are ranked by: texts with targets, or prompts with their continuations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...evals.metrics import FloatArray
from ..datasets.types import Row, Split

TEXTS = 500  # more changes no order and costs minutes
CONTINUATIONS = 100


@dataclass(frozen=True)
class Labelled:
    """Texts and what is to be told from them.

    Attributes:
        texts: n of them.
        targets: (n, k): one-hot or 0/1, or one column of scores.
        classes: (n,), one of several for each row; None where a row has none, or many.
    """

    texts: list[str]
    targets: FloatArray
    classes: FloatArray | None


@dataclass(frozen=True)
class Continued:
    """Prompts, and what should follow each."""

    prompts: list[str]
    targets: list[str]


def rank_data(split: Split, *, seed: int) -> Labelled | Continued | None:
    """Draw some rows to rank by, the same for every model.

    Returns:
        None where rows have neither labels nor a text to be generated.
    """
    order = np.random.default_rng(seed).permutation(len(split))
    if split.rows and _continuation(split.rows[0]) is not None:
        chosen = split.take(sorted(order[:CONTINUATIONS].tolist()))
        targets = [_continuation(row) or "" for row in chosen.rows]
        return Continued([_prompt(chosen, i) for i in range(len(chosen))], targets)
    chosen = split.take(sorted(order[:TEXTS].tolist()))
    return _labelled(chosen)


def _continuation(row: Row) -> str | None:
    """The text that a generative model should write; None where the task is another."""
    if "references" in row:
        return str(row["references"][0])
    if "messages" in row:
        return str(row["messages"][-1]["content"])
    for name in ("solution", "target"):
        if name in row:
            return str(row[name])
    if "text" in row and "prompt" in row:
        return str(row["text"])
    return str(row["text"]) if set(row) == {"text"} else None


def _prompt(split: Split, row: int) -> str:
    own = split.rows[row]
    if "messages" in own:
        return "\n".join(str(m["content"]) for m in own["messages"][:-1])
    return "" if set(own) == {"text"} else split.texts[row]


def _labelled(split: Split) -> Labelled | None:
    first: dict[str, Any] = dict(split.rows[0]) if split.rows else {}
    texts = list(split.texts)
    if "choices" in first:
        pairs = [(r["question"], c, i == r["answer"]) for r in split.rows for i, c in _each(r)]
        right = np.array([float(p[2]) for p in pairs])
        return Labelled([f"{q}\n{c}" for q, c, _ in pairs][:TEXTS], _one_hot(right)[:TEXTS],
                        right[:TEXTS])  # fmt: skip
    if "score" in first:
        scores = np.array([float(r["score"]) for r in split.rows])
        return Labelled(texts, scores[:, None], None)
    if "tags" in first:
        return _several(texts, [{t[2:] for t in r["tags"] if t != "O"} for r in split.rows])
    if "labels" in first:
        return _several(texts, [set(r["labels"]) for r in split.rows])
    names = sorted(set(split.labels))
    if len(names) < 2:
        return None
    classes = np.array([names.index(label) for label in split.labels], np.float64)
    return Labelled(texts, _one_hot(classes), classes)


def _each(row: Row) -> list[tuple[int, Any]]:
    return list(enumerate(row["choices"]))


def _several(texts: list[str], labels: list[set[str]]) -> Labelled | None:
    names = sorted(set().union(*labels))
    if not names:
        return None
    found = np.array([[float(n in row) for n in names] for row in labels])
    return Labelled(texts, found, None)


def _one_hot(classes: FloatArray) -> FloatArray:
    found: FloatArray = (classes[:, None] == np.unique(classes)[None, :]).astype(np.float64)
    return found
