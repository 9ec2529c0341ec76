"""Invented personal data that passes the usual checks: Luhn, IBAN, address ranges.

Nothing here can belong to anyone: domains, phone numbers and IP addresses come
from ranges set aside for examples, bank codes and card numbers are made up.
"""

from __future__ import annotations

import random

KINDS = ("email", "phone", "card", "iban", "ip")

_MAILBOXES = ("anna.berg", "j.doyle", "mira_k", "tom.ashby", "lena.novak", "p.sharma", "owen.reid")
# Prefixes that payment providers use in their published test numbers.
_CARD_PREFIXES = ("411111111111", "400000", "555555555555", "510510510510", "222300")
_AREA_CODES = ("202", "303", "415", "617", "718")


def personal_value(rng: random.Random, kind: str) -> str:
    """Draw one value of a kind in KINDS, written as people write it."""
    return {"email": _email, "phone": _phone, "card": _card, "iban": _iban, "ip": _ip}[kind](rng)


def luhn_digit(digits: str) -> str:
    """Return the digit that completes a number under the Luhn check (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def iban_check(country: str, account: str) -> str:
    """Return the two check digits of an IBAN (ISO 13616, mod 97)."""
    number = "".join(str(int(symbol, 36)) for symbol in account + country + "00")
    return f"{98 - int(number) % 97:02d}"


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))


def _email(rng: random.Random) -> str:
    number = rng.choice(("", str(rng.randint(2, 99))))
    return f"{rng.choice(_MAILBOXES)}{number}@example.{rng.choice(('org', 'com', 'net'))}"


def _phone(rng: random.Random) -> str:
    """Source: ranges reserved for fiction, NANP 555-01xx and Ofcom's drama numbers."""
    tail = _digits(rng, 3)
    area = rng.choice(_AREA_CODES)
    return rng.choice(
        (
            f"+1 {area}-555-01{tail[:2]}",
            f"({area}) 555-01{tail[:2]}",
            f"+44 7700 900{tail}",
            f"020 7946 0{tail}",
        )
    )


def _card(rng: random.Random) -> str:
    prefix = rng.choice(_CARD_PREFIXES)
    body = prefix + _digits(rng, 15 - len(prefix))
    number = body + luhn_digit(body)
    gap = rng.choice((" ", "-", ""))
    return gap.join(number[i : i + 4] for i in range(0, 16, 4))


def _iban(rng: random.Random) -> str:
    """No bank is called TEST, and no German bank code begins with 0."""
    country, account = rng.choice(
        (
            ("GB", "TEST" + _digits(rng, 14)),
            ("NL", "TEST" + _digits(rng, 10)),
            ("DE", "00" + _digits(rng, 16)),
        )
    )
    number = country + iban_check(country, account) + account
    gap = rng.choice((" ", ""))
    return gap.join(number[i : i + 4] for i in range(0, len(number), 4))


def _ip(rng: random.Random) -> str:
    """Source: RFC 5737 and RFC 3849, addresses for documentation."""
    network = rng.choice(("192.0.2", "198.51.100", "203.0.113", "2001:db8:"))
    host = rng.randint(1, 254)
    return f"{network}:{host:x}" if ":" in network else f"{network}.{host}"
