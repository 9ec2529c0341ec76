"""The engine: presidio's predefined pattern recognizers, used one by one without a spaCy model.

Importing presidio costs seconds, since its package imports spaCy and transformers whether they
are used or not. It is imported when the first text asks for it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .context import is_announced_card, is_ip, is_phone, is_ssn

Span = tuple[str, int, int]

_REGIONS = ("US", "GB", "DE", "FR", "IL", "IN", "CA", "BR")
_POSSIBLE = 0  # phonenumbers' leniency; the words around decide, not one region's numbering plan
_UNUSUAL_CARD = r"\b(?:\d{12,19}|\d{4}([- ])\d{4}\1\d{4}(?:\1\d{1,7})?)\b"
# Mastercard's second range, 2221 to 2720, which presidio's own pattern leaves out.
_MASTERCARD_2 = r"\b2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)([- ]?)\d{4}\1\d{4}\1\d{4}\b"
_IBAN_WORD = re.compile(r"\b[A-Za-z]{2}\d{2}[A-Za-z0-9]{11,30}\b")


@dataclass(frozen=True)
class _Rule:
    """What one recognizer finds, and which of its matches count."""

    kind: str
    entity: str
    recognizer: Any  # presidio's EntityRecognizer
    accepts: Callable[[str, int, int], bool]


def _always(text: str, start: int, end: int) -> bool:
    return True


def spans_of(text: str) -> Iterator[Span]:
    """Yield (kind, start, end) of what the recognizers find and the context rules accept.

    Args:
        text: Folded (folding.py). Spans of it may overlap.
    """
    for rule in _rules():
        for found in rule.recognizer.analyze(text, [rule.entity], nlp_artifacts=None):
            if rule.accepts(text, found.start, found.end):
                yield rule.kind, found.start, found.end
    yield from _iban_words(text)


def _iban_words(text: str) -> Iterator[Span]:
    """Find IBANs the recognizer misses: in small letters, or with a word right behind them."""
    rule = next(rule for rule in _rules() if rule.kind == "IBAN")
    for word in _IBAN_WORD.finditer(text):
        upper = word.group().upper()
        for _ in rule.recognizer.analyze(upper, [rule.entity], nlp_artifacts=None):
            yield rule.kind, word.start(), word.end()


@lru_cache(maxsize=1)
def _rules() -> tuple[_Rule, ...]:
    """Import presidio and build its recognizers, once."""
    with warnings.catch_warnings():
        # Its imports meet deprecations of other libraries that nobody here can mend.
        warnings.simplefilter("ignore", DeprecationWarning)
        from presidio_analyzer import Pattern
        from presidio_analyzer.predefined_recognizers import (
            CreditCardRecognizer,
            IbanRecognizer,
            IpRecognizer,
            PhoneRecognizer,
            UsSsnRecognizer,
        )
    usual = [*CreditCardRecognizer.PATTERNS, Pattern("Mastercard 2", _MASTERCARD_2, 0.3)]
    unusual = [Pattern("unusual card", _UNUSUAL_CARD, 0.1)]
    phones = PhoneRecognizer(supported_regions=_REGIONS, leniency=_POSSIBLE)
    return (
        _Rule("EMAIL", "EMAIL_ADDRESS", _email_recognizer(), _always),
        _Rule("IBAN", "IBAN_CODE", IbanRecognizer(), _always),
        _Rule("CARD", "CREDIT_CARD", CreditCardRecognizer(usual), _always),
        _Rule("CARD", "CREDIT_CARD", CreditCardRecognizer(unusual), is_announced_card),
        _Rule("IP", "IP_ADDRESS", IpRecognizer(), is_ip),
        _Rule("SSN", "US_SSN", UsSsnRecognizer(), is_ssn),
        _Rule("PHONE", "PHONE_NUMBER", phones, is_phone),
    )


def _email_recognizer() -> Any:
    """Build presidio's e-mail recognizer with the public suffixes that ship with tldextract.

    tldextract by itself fetches them from the network and leaves a cache in the home folder,
    decided when it is imported by whoever imports it first: so no environment variable here.
    """
    from presidio_analyzer.predefined_recognizers import EmailRecognizer
    from tldextract import TLDExtract

    suffixes = TLDExtract(suffix_list_urls=(), cache_dir=None, fallback_to_snapshot=True)

    class OfflineEmailRecognizer(EmailRecognizer):  # type: ignore[misc]
        def validate_result(self, pattern_text: str) -> bool:
            # The whole would be read as a URL, and "home/anna@example.org" as a host named home.
            return bool(suffixes(pattern_text.rpartition("@")[2]).fqdn)

    return OfflineEmailRecognizer()
