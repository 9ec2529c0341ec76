"""Words of a text in any script, and spans of characters as BIO tags of words."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

OUTSIDE = "O"


class Span(NamedTuple):
    """A stretch of characters, or of words: from `start` up to `end`, which is left out."""

    start: int
    end: int
    label: str


@cache
def _word() -> Any:
    import regex

    # Scripts that write no spaces between words give a word a character, as Unicode (UAX 29)
    # and BERT do; marks that combine with a character stay with it.
    unspaced = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
    return regex.compile(
        rf"[{unspaced}]\p{{M}}*"
        rf"|[[\p{{L}}\p{{N}}]--[{unspaced}]][[\p{{L}}\p{{N}}\p{{M}}\u200c\u200d]--[{unspaced}]]*"
        r"|[^\s\p{Z}\p{C}]\p{M}*",
        regex.VERSION1,
    )


def split_words(text: str) -> list[tuple[int, int]]:
    """Find the words: runs of letters and digits, and every other visible character alone.

    Returns:
        (start, end) of each word in characters, in order; nothing but space lies between them.
    """
    return [match.span() for match in _word().finditer(text)]


def tags_of(words: Sequence[tuple[int, int]], spans: Sequence[Span]) -> list[str]:
    """Tag words by the spans that they touch: B- at a span's first word, I- at the others.

    A span that cuts a word takes all of it. Of two spans that touch one word, the first one
    gets it.

    Args:
        words: (start, end) in characters, ascending.
        spans: In characters, ascending, not overlapping.
    """
    starts, ends = [start for start, _ in words], [end for _, end in words]
    tags = [OUTSIDE] * len(words)
    for span in spans:
        touched = range(bisect_right(ends, span.start), bisect_left(starts, span.end))
        free = [i for i in touched if tags[i] == OUTSIDE]
        for i in free:
            tags[i] = f"{'B' if i == free[0] else 'I'}-{span.label}"
    return tags


def spans_of(tags: Sequence[str]) -> list[Span]:
    """Read the entities out of BIO tags: spans of word positions.

    An I- that does not continue an entity of its own type begins one.
    """
    found: list[Span] = []
    open_at: int | None = None
    label = ""
    for i, tag in enumerate([*tags, OUTSIDE]):
        goes_on = tag.startswith("I-") and open_at is not None and tag[2:] == label
        if goes_on:
            continue
        if open_at is not None:
            found.append(Span(open_at, i, label))
            open_at = None
        if tag != OUTSIDE:
            open_at, label = i, tag[2:]
    return found


def stray_inside(tags: Sequence[str]) -> int | None:
    """Position of the first I- that continues nothing of its own type, or None."""
    before = OUTSIDE
    for i, tag in enumerate(tags):
        if tag.startswith("I-") and (before == OUTSIDE or before[2:] != tag[2:]):
            return i
        before = tag
    return None


def repaired(tags: Sequence[str]) -> list[str]:
    """Turn every I- that continues nothing into the B- that it stands for."""
    out = list(tags)
    for span in spans_of(tags):
        out[span.start] = f"B-{span.label}"
    return out


def as_bio(tags: Sequence[str]) -> list[str]:
    """Write BIOES and BILOU tags as BIO: E- and L- are I-, S- and U- are B-; others as they are."""
    same = {"E-": "I-", "L-": "I-", "M-": "I-", "S-": "B-", "U-": "B-", "W-": "B-"}
    return [same.get(tag[:2], tag[:2]) + tag[2:] for tag in tags]
