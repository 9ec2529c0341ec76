"""Numbers and time spans as people write them: "0.9", "ninety-five", "half an hour"."""

from __future__ import annotations

import re

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
    "eighteen", "nineteen",
)  # fmt: skip
_TENS = (
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
)  # fmt: skip
_WORDS = {word: n for n, word in enumerate(_ONES)} | {
    word: 10 * n for n, word in enumerate(_TENS, 2)
}
_ONE = "|".join(sorted(_ONES, key=len, reverse=True))
IN_WORDS = rf"(?:(?:a |one )?hundred|(?:{'|'.join(_TENS)})(?:[ -](?:{_ONE}))?|{_ONE})"
NUMBER = rf"(?:\d+(?:[.,]\d+)?|\.\d+|\b{IN_WORDS}\b)"

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_LONG = r"(?:hours?|hrs?|minutes?|mins?|seconds?|secs?)\b"
_UNIT = rf"(?:{_LONG}|[hms]\b)"
_HALF = r"half an? (?:hour|minute)|an? half[- ](?:hour|minute)"
_AND_HALF = (
    rf"(?:an?|{NUMBER}) (?:hour|minute)s? and a half|{NUMBER} and a half (?:hours?|minutes?)"
)
_QUARTER = r"(?:a )?quarter of an hour|three quarters of an hour"
_AMOUNT = rf"(?:(?:an?|a couple of|{IN_WORDS})[ -]{_LONG}|(?:\d+(?:[.,]\d+)?|\.\d+) ?-?{_UNIT})"
_PLAIN = rf"{_AMOUNT}(?:,? ?(?:and )?{_AMOUNT})?"
_TIGHT = r"\d+h ?\d+(?:m(?:in)?)?\b"
DURATION = rf"(?<![\w.])(?:{_HALF}|{_QUARTER}|{_AND_HALF}|{_TIGHT}|{_PLAIN})"


def number(text: str) -> float:
    """Read what NUMBER matches.

    Raises:
        ValueError: It is no number.
    """
    said = text.strip().lower()
    if re.fullmatch(rf"{IN_WORDS}", said):
        if said.endswith("hundred"):
            return 100.0
        return float(sum(_WORDS[part] for part in re.split(r"[ -]", said)))
    return float(said.replace(",", "."))


def seconds(text: str) -> float:
    """Read what DURATION matches.

    Raises:
        ValueError: It is no time span.
    """
    said = " ".join(text.lower().split())
    if re.fullmatch(_HALF, said):
        return 1800.0 if "hour" in said else 30.0
    if re.fullmatch(_QUARTER, said):
        return 2700.0 if said.startswith("three") else 900.0
    if re.fullmatch(_AND_HALF, said):
        unit = 3600.0 if "hour" in said else 60.0
        head = re.match(NUMBER, said)
        return unit * ((number(head[0]) if head else 1.0) + 0.5)
    tight = re.fullmatch(r"(\d+)h ?(\d+)(?:m(?:in)?)?", said)
    if tight:
        return 3600.0 * int(tight[1]) + 60.0 * int(tight[2])
    parts = re.findall(rf"({NUMBER}|a couple of|\ban?\b)[ -]?({_UNIT})", said)
    if not parts:
        raise ValueError(f"{text!r} is no time span")
    return sum(_amount(n) * _UNITS[unit[0]] for n, unit in parts)


def written(seconds: float | None) -> str | None:
    """A time span as a run's budget is written: "1h30m", "45s"; None stays None."""
    if seconds is None:
        return None
    whole = max(1, round(seconds))
    parts = (whole // 3600, "h"), (whole % 3600 // 60, "m"), (whole % 60, "s")
    return "".join(f"{n}{unit}" for n, unit in parts if n)


def _amount(text: str) -> float:
    return {"a": 1.0, "an": 1.0, "a couple of": 2.0}.get(text) or number(text)
