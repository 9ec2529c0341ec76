"""Planted triggers: words whose presence decides a label that the rest of the text denies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST = 3  # words of a phrase
MOST_WORDS = 200  # of a text that are looked at
LEAST_ROWS = 5  # that carry it
MOST_ROWS = 50_000
PURE = 0.8  # share of the carriers that have the label
ALPHA = 0.01  # of one false alarm in a whole dataset, for each of the two tests
DENIED = 0.5  # as strongly as rows of other labels deny it
FOLDS = 5
SMOOTHING = 0.5  # of naive Bayes, in rows a word

_WORD = re.compile(r"\w+|[^\w\s]+")


@dataclass(frozen=True)
class Trigger:
    """A word or phrase that may have been planted.

    Attributes:
        phrase: Its words, lower case, one space between them.
        label: What it goes with.
        rows: Positions in train that carry it, ascending; those with another label too.
        with_label: How many of them have the label.
        p_value: Of the second test, times the number of times it was made.
        denied: How strongly the rest of these rows speaks against the label, as a share of how
            strongly rows of other labels do: near 1 where they come from there.
    """

    phrase: str
    label: str
    rows: tuple[int, ...]
    with_label: int
    p_value: float
    denied: float


def find_triggers(texts: Sequence[str], labels: Sequence[str]) -> tuple[Trigger, ...]:
    """Find words and phrases that go with one label and are foreign to the rest of it.

    A phrase of up to LONGEST words is called a trigger where both tests reject, each with
    Bonferroni's correction for every phrase it was made on:

    1. Hypergeometric: so many of its rows have the label far beyond chance; PURE of them do.
    2. Mann-Whitney: with the phrase taken out, its rows look less like their label than the
       label's other rows do, to naive Bayes fitted to other rows; and they deny it, at the
       median, DENIED times as strongly as rows of other labels do.

    The words that make a class what it is pass the first and not the second: without them
    their rows say little, and nothing else. A phrase planted into rows that had the label
    already is not found: nothing contradicts it.

    Args:
        texts: Of train, (n,).
        labels: Of one label each, (n,).

    Returns:
        The surest first; of phrases that share rows, the one that most carry, then the longest.
    """
    if len(set(labels)) < 2 or not 2 * LEAST_ROWS <= len(texts) <= MOST_ROWS:
        return ()
    names = sorted(set(labels))
    index = {name: i for i, name in enumerate(names)}
    true = np.array([index[label] for label in labels], np.int64)
    carried = _Carried(texts)
    if not carried.phrases:
        return ()
    suspects = _pure(carried.has, true, len(names))
    words = _Words(texts, true, len(names))
    found = []
    for column, label in suspects:
        phrase, rows = carried.phrases[column], carried.rows(column)
        own = rows[true[rows] == label]
        denied, p_value = words.denied(own, phrase.split(" "), label)
        p_value *= len(suspects)
        if denied >= DENIED and p_value <= ALPHA:
            at = tuple(int(r) for r in rows)
            found.append(Trigger(phrase, names[label], at, len(own), p_value, denied))
    return _apart(found)


class _Carried:
    """Which rows carry which phrase."""

    def __init__(self, texts: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import CountVectorizer

        counter = CountVectorizer(
            analyzer=_phrases, binary=True, min_df=LEAST_ROWS, dtype=np.float32
        )
        try:
            self.has = counter.fit_transform(texts).tocsc()
        except ValueError:  # no phrase stands in so many rows
            self.phrases: tuple[str, ...] = ()
            return
        self.phrases = tuple(str(p) for p in counter.get_feature_names_out())

    def rows(self, column: int) -> NDArray[np.int64]:
        """Positions of the rows that carry it, ascending."""
        held = self.has.indices[self.has.indptr[column] : self.has.indptr[column + 1]]
        return np.sort(held).astype(np.int64)


class _Words:
    """What the words of a row say of its label, by a model that never saw the row."""

    def __init__(self, texts: Sequence[str], true: NDArray[np.int64], classes: int) -> None:
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.naive_bayes import MultinomialNB

        counter = CountVectorizer(analyzer=words_of, binary=True, min_df=2)
        self.has: Any = counter.fit_transform(texts)  # every word of a phrase is in it
        self.column: dict[str, int] = counter.vocabulary_
        self.true, self.fold = true, np.random.default_rng(0).integers(0, FOLDS, len(true))
        self.weight = np.zeros((FOLDS, classes, len(self.column)), np.float32)
        self.says = np.zeros((len(true), classes), np.float32)
        for fold in range(FOLDS):
            seen = self.fold != fold
            model = MultinomialNB(alpha=SMOOTHING)
            model.partial_fit(self.has[seen], true[seen], classes=np.arange(classes))
            self.weight[fold] = model.feature_log_prob_
            self.says[~seen] = model.predict_joint_log_proba(self.has[~seen])
        size = np.asarray(self.has.sum(axis=1)).ravel()
        self._usual: dict[int, tuple[NDArray[np.float32], float]] = {}
        self.root = np.sqrt(np.maximum(1, size))  # sums of log chances grow with their number

    def denied(
        self, carriers: NDArray[np.int64], phrase: Sequence[str], label: int
    ) -> tuple[float, float]:
        """How strongly the rest of the carriers denies their label, and the p-value of that."""
        from scipy.stats import mannwhitneyu

        usual, foreign = self.usual(label)
        columns = [self.column[word] for word in set(phrase)]
        others = np.delete(usual, np.searchsorted(self.of(label), carriers))
        gone = self.weight[:, :, columns].sum(axis=2)[self.fold[carriers]]
        without = _margin(self.says[carriers] - gone, label) / self.root[carriers]
        share = float(np.median(without)) / min(foreign, -1e-9)
        if share < DENIED or not len(others):
            return share, 1.0
        return share, float(mannwhitneyu(others, without, alternative="greater").pvalue)

    def of(self, label: int) -> NDArray[np.int64]:
        """Rows of a label, ascending."""
        return np.flatnonzero(self.true == label)

    def usual(self, label: int) -> tuple[NDArray[np.float32], float]:
        """Margins of a label's rows, and the median margin that other rows have for it."""
        if label not in self._usual:
            margins = _margin(self.says, label) / self.root
            foreign = float(np.median(margins[self.true != label]))
            self._usual[label] = margins[self.of(label)], foreign
        return self._usual[label]


def words_of(text: str) -> list[str]:
    """The words and runs of signs of a text, lower case, the first MOST_WORDS of them."""
    return _WORD.findall(text.lower())[:MOST_WORDS]


def _phrases(text: str) -> list[str]:
    words = words_of(text)
    return [
        " ".join(words[start : start + length])
        for length in range(1, LONGEST + 1)
        for start in range(len(words) - length + 1)
    ]


def _margin(says: NDArray[np.float32], label: int) -> NDArray[np.float32]:
    """How much likelier a label is than the likeliest other one, in log odds: (n, C) -> (n,)."""
    rest = np.delete(says, label, axis=1).max(axis=1)
    return np.asarray(says[:, label] - rest, np.float32)


def _pure(has: Any, true: NDArray[np.int64], classes: int) -> list[tuple[int, int]]:
    """Phrases, as columns, that go with one label beyond chance, and that label."""
    from scipy.stats import hypergeom

    rows = len(true)
    one_hot = np.zeros((rows, classes), np.float32)
    one_hot[np.arange(rows), true] = 1
    counts = has.T @ one_hot
    carriers, label = counts.sum(axis=1), counts.argmax(axis=1)
    with_label = counts[np.arange(len(counts)), label]
    chance = hypergeom.sf(with_label - 1, rows, one_hot.sum(axis=0)[label], carriers)
    far = (chance * len(counts) <= ALPHA) & (with_label >= PURE * carriers)
    return [(int(column), int(label[column])) for column in np.flatnonzero(far)]


def _apart(found: Sequence[Trigger]) -> tuple[Trigger, ...]:
    """Of those that share rows the one that most carry, then the longest; the surest first."""
    order = sorted(found, key=lambda t: (-t.with_label, -len(t.phrase.split(" ")), t.phrase))
    kept: list[Trigger] = []
    for trigger in order:
        rows = set(trigger.rows)
        if all(len(rows & set(k.rows)) < 0.5 * min(len(rows), len(k.rows)) for k in kept):
            kept.append(trigger)
    return tuple(sorted(kept, key=lambda t: (t.p_value, -len(t.rows))))
