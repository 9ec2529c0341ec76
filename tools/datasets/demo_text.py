"""Compose one support ticket from the phrase tables, the way people write them."""

from __future__ import annotations

import random
import re

from . import demo_phrases as phrases
from .demo_personal import KINDS, personal_value

# Odds that set how hard the task is; the figures they give stand in the tests.
ASIDES_PER_TICKET = (0, 1, 2)
ASIDE_ODDS = (78, 21, 1)
STYLES = ("plain", "rambling", "terse", "lower")
STYLE_ODDS = (45, 5, 30, 20)
LEAD_ODDS = 0.3
GREETING_ODDS, CLOSING_ODDS = 0.25, 0.2
PERSONAL_ODDS = 0.08
TYPO_ODDS = 0.12

_CHOICE = re.compile(r"\[([^\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_BEFORE_REQUEST = (". ", ". ", ". ", ", but ", " - ", "; ")
_AFTER_REQUEST = (". ", ". ", ". ", " - ", "; ")


def fill(rng: random.Random, line: str) -> str:
    """Pick one of each `[a|b]`, then a word for each `{slot}`."""
    line = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), line)
    return _SLOT.sub(lambda match: rng.choice(phrases.SLOTS[match[1]]), line)


def compose(rng: random.Random, intent: str, request: str) -> tuple[str, bool]:
    """Write one ticket.

    Args:
        rng: Source of every choice.
        intent: A key of REQUESTS.
        request: The line from REQUESTS[intent] that carries the wish.

    Returns:
        The text, and whether personal data was put in.
    """
    style = rng.choices(STYLES, STYLE_ODDS)[0]
    text = _body(rng, intent, request)
    if style == "rambling":
        text = _ramble(rng, text)
    if style != "terse":
        text = _dress(rng, text)
    if style == "lower":
        text = text.lower().replace(", ", " ").replace("'", rng.choice(("", "'")))
    if rng.random() < TYPO_ODDS:
        text = misspell(rng, text)
    # Last, so that no typo or lower-casing spoils a check digit.
    if rng.random() < PERSONAL_ODDS:
        return f"{text} {_contact(rng)}", True
    return text, False


def misspell(rng: random.Random, text: str) -> str:
    """Make one or two slips of the finger inside words of five letters or more."""
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if len(word) >= 5 and word.isalpha()]
    for i in rng.sample(long, min(len(long), rng.randint(1, 2))):
        word, at = words[i], rng.randint(1, len(words[i]) - 3)
        words[i] = rng.choice(
            (
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
            )
        )
    return " ".join(words)


def _body(rng: random.Random, intent: str, request: str) -> str:
    """Put the request among its asides."""
    count = rng.choices(ASIDES_PER_TICKET, ASIDE_ODDS)[0]
    others = [i for i in phrases.REQUESTS if i != intent and (intent, i) not in phrases.CLASHES]
    asides = [_aside(rng, other) for other in rng.sample(others, count)]
    before = rng.randint(0, count)
    text = _stop(fill(rng, request))
    if rng.random() < LEAD_ODDS:
        text = _join(_about(rng, phrases.LEADS, intent), ". ", text)
    for aside in asides[:before]:
        text = _join(aside, rng.choice(_BEFORE_REQUEST), text)
    for aside in asides[before:]:
        text = _join(text, rng.choice(_AFTER_REQUEST), aside) + "."
    return text


def _aside(rng: random.Random, intent: str) -> str:
    kind = rng.choices(("noun", "verb", "told"), (45, 35, 20))[0]
    if kind == "told":
        return fill(rng, rng.choice(phrases.ASIDES[intent]))
    if kind == "verb":
        verb = rng.choice(phrases.VERBS[intent])
        return fill(rng, rng.choice(phrases.VERB_FRAMES).replace("{verb}", verb))
    return _about(rng, phrases.NOUN_FRAMES, intent)


def _about(rng: random.Random, frames: tuple[str, ...], intent: str) -> str:
    """Name an intent's topic in one of the frames."""
    noun = fill(rng, rng.choice(phrases.NOUNS[intent]))
    capital = noun[0].upper() + noun[1:]
    return fill(rng, rng.choice(frames).replace("{noun}", noun).replace("{Noun}", capital))


def _ramble(rng: random.Random, text: str) -> str:
    first, last = (_stop(fill(rng, line)) for line in rng.sample(phrases.FILLERS, 2))
    return rng.choice((f"{first} {text}", f"{text} {last}", f"{first} {text} {last}"))


def _dress(rng: random.Random, text: str) -> str:
    if rng.random() < GREETING_ODDS:
        text = f"{fill(rng, rng.choice(phrases.GREETINGS))} {text}"
    if rng.random() < CLOSING_ODDS:
        text = f"{text} {_stop(fill(rng, rng.choice(phrases.CLOSINGS)))}"
    return text


def _contact(rng: random.Random) -> str:
    kind = rng.choice(KINDS)
    line = rng.choice(phrases.CONTACTS[kind])
    return line.replace("{value}", personal_value(rng, kind))


def _stop(sentence: str) -> str:
    return sentence if sentence[-1] in "?!." else sentence + "."


def _join(first: str, link: str, second: str) -> str:
    """Link two sentences; a capital stays after a full stop and in "I"."""
    if first[-1] in "?!":
        link = " "
    elif first[-1] == ".":
        first = first[:-1]
    keeps_capital = link[0] in ". " or _starts_with_name(second)
    return first + link + (second if keeps_capital else second[0].lower() + second[1:])


def _starts_with_name(sentence: str) -> bool:
    word = re.split(r"\W", sentence, maxsplit=1)[0]
    return word == "I" or any(name.startswith(word) for name in phrases.SLOTS["person"])
