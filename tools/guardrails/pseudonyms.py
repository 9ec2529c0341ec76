"""Stand-ins for personal data: the same value gives the same one, of its shape and kind.

A stand-in is drawn by HMAC-SHA256 under a secret, so that whoever lacks the secret cannot try
values until one fits. It is made so that it is nobody's: e-mail at example.org, addresses in
10.0.0.0/8 and 2001:db8::/32, numbers of cards and accounts whose check digits are wrong, social
security numbers from 900 on. Phone numbers and names are drawn freely.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator

from .personal_data import SECRET

SECRET_BYTES = 32
_VOWELS, _CONSONANTS = "aeiou", "bcdfghjklmnprstvw"


class Pseudonyms:
    """Stand-ins under one secret."""

    def __init__(self, secret: bytes) -> None:
        """Take the secret of a data set: at least 32 random bytes."""
        if len(secret) < SECRET_BYTES:
            raise ValueError(f"a secret has at least {SECRET_BYTES} bytes")
        self._secret = secret

    def stand_in(self, kind: str, value: str) -> str:
        """Give the stand-in of a value; spelling and spaces count, case does not."""
        if kind == SECRET:
            return f"[{kind}]"  # one of the same shape would pass for another secret
        draws = self._draws(f"{kind}\0{value.casefold()}")
        if kind == "EMAIL":
            local, _, _ = value.partition("@")
            return f"{_redrawn(local, draws)}@example.org"
        if kind == "IP":
            if ":" in value:
                return f"2001:db8::{next(draws):x}{next(draws):02x}:{next(draws):x}"
            return ".".join(["10", *(str(next(draws)) for _ in range(3))])
        if kind == "SSN":
            return _with_first_digit(_redrawn(value, draws), "9")
        if kind == "CARD":
            return _unchecked(_redrawn(value, draws))
        if kind == "IBAN":
            # No account has the check digits 00.
            return f"{value[:2]}00{_redrawn(value[4:], draws)}"
        return _redrawn(value, draws)

    def _draws(self, seed: str) -> Iterator[int]:
        """Yield bytes without end."""
        block = 0
        while True:
            told = f"{block}\0{seed}".encode("utf-8", "surrogatepass")
            yield from hmac.new(self._secret, told, hashlib.sha256).digest()
            block += 1


def _redrawn(value: str, draws: Iterator[int]) -> str:
    return "".join(_like(character, draws) for character in value)


def _like(character: str, draws: Iterator[int]) -> str:
    """Draw another digit for a digit, a letter for a letter; anything else stays."""
    if character.isdigit():
        return str(next(draws) % 10)
    if not character.isalpha():
        return character
    pool = _VOWELS if character.lower() in _VOWELS else _CONSONANTS
    drawn = pool[next(draws) % len(pool)]
    return drawn.upper() if character.isupper() else drawn


def _with_first_digit(value: str, digit: str) -> str:
    first = next((i for i, c in enumerate(value) if c.isdigit()), None)
    return value if first is None else f"{value[:first]}{digit}{value[first + 1 :]}"


def _unchecked(value: str) -> str:
    """Give a number a last digit with which Luhn's check fails."""
    if not _luhn(value):
        return value
    return f"{value[:-1]}{(int(value[-1]) + 1) % 10}"


def _luhn(value: str) -> bool:
    digits = [int(c) for c in reversed(value) if c.isdigit()]
    doubled = [d if i % 2 == 0 else 2 * d - 9 * (d > 4) for i, d in enumerate(digits)]
    return sum(doubled) % 10 == 0
