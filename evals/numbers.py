"""The number that an answer comes to: found in a text, and brought into one form."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

MARK = "####"  # before the final answer, as GSM8K writes it
_SAID = re.compile(
    r"(?:answer|result|antwort|respuesta|réponse)\W{0,3}(?:is|ist|es|est)?\W{0,4}", re.I
)
_NUMBER = re.compile(
    r"[-−–+]?\s?[$€£¥]?\s?(?:\d{1,3}(?:[,'\u00a0\u202f ]\d{3})+(?!\d)|\d+)"
    r"(?:[.,]\d+)?(?:\s?/\s?\d+)?|[-−–+]?[$€£¥]?\.\d+"
)  # fmt: skip
_GROUPED = re.compile(r"(\d)[,'\u00a0\u202f ](?=\d{3}(?:\D|$))")
_MINUS = str.maketrans({"−": "-", "–": "-"})


def final_answer(text: str) -> str:
    """Find the answer that a solution ends in, in one form; "" where there is none.

    What follows the last "####" counts, else the last "the answer is …", else the last
    number.
    """
    before, mark, after = text.rpartition(MARK)
    if mark:
        return normal(after.strip().split("\n")[0])
    said = [match.end() for match in _SAID.finditer(text)]
    if said and (found := _NUMBER.match(text, said[-1])):
        return normal(found.group())
    numbers = _NUMBER.findall(before or text)
    return normal(numbers[-1]) if numbers else ""


def normal(answer: str) -> str:
    """Bring an answer into one form, so that equal ones are equal strings.

    Thousands separators, currency signs, units, percent signs and zeros that say nothing
    are dropped: "$1,200.50 each" is "1200.5", "12.0" is "12", "−3" is "-3", "6/4" is "1.5".
    What holds no number, or several, is its words in lower case.
    """
    text = answer.strip().strip("*_`$").rstrip(".!").strip()
    found = [match.group() for match in _NUMBER.finditer(text)]
    if len(found) != 1:
        return " ".join(text.lower().split())
    number = _value(found[0])
    return " ".join(text.lower().split()) if number is None else _written(number)


def _value(text: str) -> Decimal | None:
    plain = re.sub(r"[$€£¥\s]", "", _GROUPED.sub(r"\1", text.translate(_MINUS)))
    above, _, below = plain.partition("/")
    if "," in above:  # no group of three behind it: a decimal comma
        above = above.replace(",", ".")
    try:
        value = Decimal(above)
        return value / Decimal(below) if below else value
    except (InvalidOperation, ZeroDivisionError):
        return None


def _written(number: Decimal) -> str:
    if not number.is_finite():
        return str(number)
    text = f"{number:.6f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
