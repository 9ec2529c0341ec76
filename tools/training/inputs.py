"""How the rows of a task become token sequences, words and embeddings."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.types import Row, Split
from .markers import marked_tokens
from .tokens import Tokens, tokenize

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Sequences:
    """Token sequences of the rows of a split.

    Attributes:
        tokens: Of all sequences.
        starts: (n + 1,), int64; row i has the sequences starts[i]:starts[i + 1].
        marks: (n_sequences, k), int64: the tokens whose states are pooled, side by side;
            k is 0 where all tokens are averaged.
    """

    tokens: Tokens
    starts: NDArray[np.int64]
    marks: NDArray[np.int64]


class Inputs(ABC):
    """How a row is read: one sequence, or one for each choice."""

    @abstractmethod
    def sequences(self, tokenizer: Any, split: Split, max_length: int) -> Sequences:
        """Token ids of every row, cut at `max_length` tokens."""

    @abstractmethod
    def words(self, split: Split) -> list[str]:
        """For each sequence the words that the tf-idf rung counts, as one text."""

    def sizes(self, split: Split) -> NDArray[np.int64]:
        """(n,), sequences of each row."""
        return np.ones(len(split), np.int64)

    def sides(self, split: Split) -> tuple[list[str], list[str]] | None:
        """The two texts of each sequence, which the frozen rung embeds apart; None: it is one."""
        return None


class Texts(Inputs):
    """A text a row."""

    def sequences(self, tokenizer: Any, split: Split, max_length: int) -> Sequences:
        """The text's tokens, averaged."""
        return _averaged(tokenize(tokenizer, split.texts, max_length), self.sizes(split))

    def words(self, split: Split) -> list[str]:
        """The text itself."""
        return list(split.texts)


class MarkedSpans(Inputs):
    """A text with two spans, in rows with `text`, `head` and `tail`.

    Source: Baldini Soares et al. 2019, "Matching the Blanks": markers around the spans,
    and the states of the two start markers side by side.
    """

    def sequences(self, tokenizer: Any, split: Split, max_length: int) -> Sequences:
        """The text's tokens with four marker tokens; the two start markers are pooled."""
        tokens, marks = marked_tokens(tokenizer, split.rows, max_length)
        return Sequences(tokens, np.arange(len(split) + 1), marks)

    def words(self, split: Split) -> list[str]:
        """The words, and once more with where they stand: before, in, between, after the spans."""
        return [_placed_words(row) for row in split.rows]


class Pairs(Inputs):
    """Two texts a row, in `first` and `second`, read together."""

    def sequences(self, tokenizer: Any, split: Split, max_length: int) -> Sequences:
        """Both texts in one sequence; the longer one is cut first."""
        first, second = self.sides(split)
        return _averaged(tokenize(tokenizer, first, max_length, second), self.sizes(split))

    def sides(self, split: Split) -> tuple[list[str], list[str]]:
        """The two texts."""
        return [r["first"] for r in split.rows], [r["second"] for r in split.rows]

    def words(self, split: Split) -> list[str]:
        """Which words both texts have, and which only one has."""
        return [_shared_words(a, b) for a, b in zip(*self.sides(split), strict=True)]


class Questions(Inputs):
    """The question alone, in rows with `question`."""

    def sequences(self, tokenizer: Any, split: Split, max_length: int) -> Sequences:
        """The question's tokens, averaged."""
        return _averaged(tokenize(tokenizer, self.words(split), max_length), self.sizes(split))

    def words(self, split: Split) -> list[str]:
        """The question itself."""
        return [row["question"] for row in split.rows]


class QuestionChoices(Inputs):
    """A question with its choices, each read together with the question.

    Attributes:
        fixed: The choices, where all rows have the same.
    """

    def __init__(self, fixed: Sequence[str] = ()) -> None:
        self.fixed = tuple(fixed)

    def sequences(self, tokenizer: Any, split: Split, max_length: int) -> Sequences:
        """A sequence for each choice."""
        first, second = self.sides(split)
        tokens = tokenize(tokenizer, first, max_length, second)
        return _averaged(tokens, self.sizes(split))

    def sizes(self, split: Split) -> NDArray[np.int64]:
        """(n,), choices of each row."""
        return np.array([len(row["choices"]) for row in split.rows], np.int64)

    def sides(self, split: Split) -> tuple[list[str], list[str]]:
        """The question, again and again, and the choices."""
        pairs = [(row["question"], choice) for row in split.rows for choice in row["choices"]]
        return [question for question, _ in pairs], [choice for _, choice in pairs]

    def words(self, split: Split) -> list[str]:
        """The choice's place and words and what it shares with the question.

        Where the choices are always the same, the question's words for each of them.
        """
        found = []
        for row in split.rows:
            for place, choice in enumerate(row["choices"]):
                if choice in self.fixed:
                    own = [f"{place}_{w}" for w in _words(row["question"])]
                else:
                    own = [*_words(choice), _shared_words(row["question"], choice)]
                found.append(" ".join([f"at_{place}", *own]))
        return found


def _averaged(tokens: Tokens, counts: Any) -> Sequences:
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Sequences(tokens, starts, np.zeros((len(tokens), 0), np.int64))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _placed_words(row: Row) -> str:
    spans = sorted((row[name]["start"], row[name]["end"], name) for name in ("head", "tail"))
    (first, end, name), (second, last, other) = spans
    text = row["text"]
    parts = (
        ("before", text[:first]),
        (name, text[first:end]),
        ("between", text[end:second]),
        (other, text[second:last]),
        ("after", text[max(end, last) :]),
    )
    placed = [f"{where}_{word}" for where, part in parts for word in _words(part)]
    return " ".join([*_words(text), *placed, f"first_{name}"])


def _shared_words(first: str, second: str) -> str:
    left, right = _words(first), _words(second)
    both = set(left) & set(right)
    shared = [w for w in left if w in both]
    alone = [w for w in (*left, *right) if w not in both]
    marks = ["both_"] * len(shared) + ["alone_"] * len(alone)
    return " ".join([*(f"both_{w}" for w in shared), *(f"alone_{w}" for w in alone), *marks])
