"""Which matches are personal data: rules on the match's shape and on the words around it.

The recognizers find what could be a phone or a number; whether it is one is often said only by
its neighbours ("call me on 9472 7916", "order 94727916"). Everything here is pure and works on
folded text (folding.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_BEFORE, _AFTER, _NEAR = 60, 20, 16  # characters looked at on either side of a match

_INTERNATIONAL = 9  # digits after a + that no amount is likely to have ("+25000000 users")


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


PHONE_WORDS = _words(
    "phone phones telephone tel cell cellphone mobile mobil call calls called calling caller"
    " ring dial reach contact whatsapp sms text texted messages message fax answering hotline"
    " landline handset"
)
PHONE_WORDS_AFTER = _words("number phone mobile cell fax office home work landline tel")
OTHER_NUMBER_WORDS = _words(
    "card cards cc visa mastercard amex account acct order orders invoice ticket tracking"
    " reference ref case policy id serial isbn issn doi ssn social security iban passport license"
    " licence transaction payment amount balance sum total price cost version zip postcode"
    " population"
)
CARD_WORDS = _words("card cards cc credit debit visa mastercard amex maestro jcb")
SSN_WORDS = _words("ssn ssns social")
VERSION_WORDS = _words("version versions v release build section chapter clause oid")

_WORD = re.compile(r"[^\W\d_]+")
_DATE = re.compile(
    r"\(?(?:"
    r"(?:19|20)\d\d([-./ ]?)(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])(?!\d)"  # 2024-05-17
    r"|\d{1,2}([-./ ])\d{1,2}\2(?:19|20)\d\d(?!\d)"  # 17.05.2024
    r"|(?:19|20)\d\d ?[-/] ?(?:19|20)\d\d(?!\d)"  # 2019-2020
    r")"
)
_DECIMAL = re.compile(r"\d{1,3}\.\d{4,}$")
_AMERICAN = re.compile(r"(?:1[-. ])?(?:\(\d{3}\) ?|\d{3}[-.])\d{3}[-.]\d{4}(?!\d)")
_TRUNK = re.compile(r"\(?0\d{2,4}\)?[- ]\d{3,4}[- ]?\d{3,4}(?!\d)")  # 020 7946 0123: no amount
# What phone numbers are punctuated with, at most four in a row; card and social security
# numbers use a part of it.
_PUNCTUATION = r"[-xX ()./\[\]~\u2212\u30fc\u00ad\u200b\u2060\u2053\u223c]{0,4}"
SEVEN_DIGITS = re.compile(rf"(?:\d{_PUNCTUATION}){{6}}\d")


def is_phone(text: str, start: int, end: int) -> bool:
    """Tell whether a possible phone number is one, by its shape and the words near it.

    Accepted are an international +, the shapes 555-123-4567 and 020 7946 0123, and any other
    number of at least seven digits that a word such as "call" or "mobile" announces, unless a
    word such as "order" stands nearer. Dates, decimals, amounts and parts of longer words
    never are.
    """
    match = text[start:end]
    if not SEVEN_DIGITS.search(match) or _DATE.match(match) or _DECIMAL.match(match):
        return False
    before, after = text[start - 1 : start], text[end : end + 1]
    if (
        before.isalnum()
        or before in tuple("_/=#@$€£¥")
        or after.isalnum()
        or after in tuple("_@%€£¥")
    ):
        return False
    if match.startswith("+") or before == "+":
        return sum(map(str.isdigit, match)) >= _INTERNATIONAL or _announced(text, start, end)
    if _AMERICAN.fullmatch(match) or _TRUNK.fullmatch(match):
        return _telling_word(text, start) not in OTHER_NUMBER_WORDS
    return _announced(text, start, end)


def _announced(text: str, start: int, end: int) -> bool:
    """Tell whether the nearest telling word around a number speaks of a phone."""
    telling = _telling_word(text, start)
    if telling:
        return telling in PHONE_WORDS
    after = _words_after(text, end)
    if after & OTHER_NUMBER_WORDS:
        return False
    near = text[max(0, start - _NEAR) : start].lower()
    return bool(after & PHONE_WORDS_AFTER) or "number" in near


def _telling_word(text: str, start: int) -> str | None:
    """Return the word nearest before a number that says what it is, if any does."""
    telling = PHONE_WORDS | OTHER_NUMBER_WORDS
    return next((word for word in _words_before(text, start) if word in telling), None)


def is_announced_card(text: str, start: int, end: int) -> bool:
    """Tell whether a number with a right check digit is a card, by the words near it.

    One number in ten has a right check digit, so 12 to 19 digits that no usual card number has
    need such a word.
    """
    return not CARD_WORDS.isdisjoint([*_words_before(text, start), *_words_after(text, end)])


def is_ssn(text: str, start: int, end: int) -> bool:
    """Tell whether nine digits are a social security number: 460-89-9847, or one announced."""
    match = text[start:end]
    if match.count("-") == 2:
        return text[start - 1 : start] not in tuple("-/=#_") and text[end : end + 1] != "-"
    return not SSN_WORDS.isdisjoint(_words_before(text, start))


def is_ip(text: str, start: int, end: int) -> bool:
    """Tell an address from a version or section number (1.2.3.4.5) and from code (`std::`)."""
    match = text[start:end]
    if not any(character.isdigit() for character in match):
        return False
    if ":" in match:
        return True
    if re.match(r"\.\d", text[end : end + 2]) or re.match(r"\d\.", text[max(0, start - 2) : start]):
        return False
    return next(_words_before(text, start), "") not in VERSION_WORDS


def _words_before(text: str, start: int) -> Iterator[str]:
    """Yield the lower-case words before a match, nearest first."""
    words: list[str] = _WORD.findall(text[max(0, start - _BEFORE) : start].lower())
    return reversed(words)


def _words_after(text: str, end: int) -> frozenset[str]:
    return frozenset(_WORD.findall(text[end : end + _AFTER].lower()))
