"""Words that no perturbation may put in each other's place: they turn what is said round.

Embeddings put opposites near each other ("good" is nearest to "bad" but for "excellent"). The
list is short, English and ours; what it lacks is left to the likeness of the whole text.

Source: Mrkšić et al. 2016, Counter-fitting Word Vectors to Linguistic Constraints, for the trouble.
"""

from __future__ import annotations

from functools import cache

from ..augment.words import Fill

# Words of one line are alike; those on the two sides of "/" are opposites.
_PAIRS = """
good great best better well excellent nice fine / bad worst worse terrible awful horrible poor evil
love like enjoy adore / hate dislike detest disliked hated
happy glad / sad unhappy angry
funny hilarious amusing humorous comical / serious unfunny humorless sad
exciting entertaining interesting engaging fascinating fun / boring dull tedious bored boredom
smart clever intelligent / stupid dumb silly
beautiful pretty / ugly
strong powerful / weak feeble
fresh original new novel / stale old clichéd unoriginal
high top upper more most above increase up / low bottom lower less least below decrease down
right correct true / wrong incorrect false
always ever often usually / never rarely seldom hardly
all every everything everyone everybody / no none nothing nobody few
first begin start beginning open opened opening / last end stop finish closed close closing ending
in inside into / out outside
before early earlier / after late later
win won winner success successful succeed / lose lost loser failure failed fail
yesterday / tomorrow
previous past / next future
credit / debit
buy bought / sell sold
send sent give gave lend / receive received take took borrow
add added / remove removed delete
enable allow accept accepted approve / disable deny refuse reject rejected decline declined
with / without
easy simple / hard difficult complex
fast quick quickly rapid / slow slowly
hot warm / cold cool
big large huge great / small little tiny
light bright / dark
rich / poor
young / old
male man men boy father husband / female woman women girl mother wife
many much / few little
positive / negative
agree / disagree
possible / impossible
safe / dangerous unsafe
same similar alike / different
present / absent past
"""
# Beside the words of grammar, those whose change changes what is said.
_HELD = """
zero one two three four five six seven eight nine ten hundred thousand million half double first
second third monday tuesday wednesday thursday friday saturday sunday january february march april
may june july august september october november december north south east west
"""


def _read() -> frozenset[frozenset[str]]:
    sides = [line.split("/") for line in _PAIRS.strip().splitlines()]
    return frozenset(frozenset((a, b)) for x, y in sides for a in x.split() for b in y.split())


_OPPOSITES = _read()


@cache
def held() -> frozenset[str]:
    """Words that are neither replaced nor put in the place of others."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS) | frozenset(_HELD.split())


def may_replace(word: str, other: str) -> bool:
    """Whether one word may stand for another, as far as the lists know."""
    word, other = word.lower(), other.lower()
    if {word, other} & held() or frozenset((word, other)) in _OPPOSITES:
        return False
    return not any(
        a.startswith(p) and a[len(p) :] == b
        for a, b in ((word, other), (other, word))
        for p in ("un", "in", "im", "dis", "non", "ir", "il")
    )


def substitutes(fill: Fill, text: str, span: tuple[int, int]) -> list[str]:
    """What of the words that could stand in a place may stand there."""
    start, end = span
    if text[end : end + 1] in {"'", "’"} or text[:start].endswith(("'", "’")):
        return []  # half of "isn't"
    word = text[start:end]
    if word.lower() in held():
        return []
    return [other for other in fill(text, span) if may_replace(word, other)]
