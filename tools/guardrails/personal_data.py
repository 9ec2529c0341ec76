"""Find and mask what has a form: e-mail, phone, card, IBAN, IP address, SSN, and secrets.

Names, postal addresses and dates of birth are NOT found: they have no form and need a model.
What is found in English text by the words around it (a phone number after "call me on") may be
missed in other languages unless it is written with an international +.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from ...memory.redaction import find_secrets
from .context import SEVEN_DIGITS
from .folding import fold

SECRET = "SECRET"
KINDS = (SECRET, "EMAIL", "IBAN", "CARD", "IP", "SSN", "PHONE")  # the most specific first
_WINDOW, _OVERLAP = 2000, 300  # characters; some patterns take quadratic time on one long text
_CONTEXT = 100  # characters of a window's beginning that want the words before them
_ROWS_A_REPORT = 256
# Each kind that the recognizers find contains one of these; texts without are done.
_TRIGGER = re.compile(
    r"@[^\s@]+?\."  # e-mail
    r"|\d\.\d{1,3}\.\d|::|(?:[0-9A-Fa-f]{1,4}:){3}"  # IP, version 4 and 6
    r"|[A-Za-z]{2}\d\d(?:[ -]?[A-Za-z0-9]{4}){2}|"  # IBAN
    + SEVEN_DIGITS.pattern  # card, SSN, phone
)


@dataclass(frozen=True)
class Finding:
    """One piece of personal data: text[start:end] is of this kind, one of KINDS."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Masked:
    """Texts with personal data replaced.

    Attributes:
        texts: In the order given; untouched ones are the same objects.
        counts: How many pieces of each kind were masked; kinds not met are absent.
        touched: Which positions of `texts` changed.
    """

    texts: tuple[str, ...]
    counts: dict[str, int]
    touched: tuple[int, ...]


def find_personal_data(text: str) -> list[Finding]:
    """Find e-mail addresses, phone, card, IBAN and social security numbers, IP addresses, secrets.

    Names and addresses are not found. Where findings overlap the longest counts, of equally
    long ones the kind that stands first in KINDS.

    Returns:
        Findings in the order of the text, without overlap.
    """
    folded = fold(text)
    secrets = secrets_in(folded)
    formed = _may_hold_any(folded)
    if not secrets and not formed:
        return []
    return _without_overlap(chain(secrets, _scan(folded) if formed else ()), len(text))


def secrets_in(text: str) -> list[Finding]:
    """Find keys, tokens and passwords alone."""
    return [Finding(SECRET, start, end) for start, end in find_secrets(text)]


def mask_text(text: str) -> str:
    """Replace personal data by its kind: "call +1 212 555 0100" becomes "call [PHONE]"."""
    return _replace(text, find_personal_data(text))


def mask_texts(texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> Masked:
    """Mask many texts.

    Args:
        texts: Not modified.
        progress: Called with (done, total) now and then, and at the end.
    """
    masked: list[str] = []
    counts: Counter[str] = Counter()
    touched: list[int] = []
    for row, text in enumerate(texts):
        found = find_personal_data(text)
        masked.append(_replace(text, found))
        if found:
            touched.append(row)
            counts.update(finding.kind for finding in found)
        if progress is not None and row % _ROWS_A_REPORT == _ROWS_A_REPORT - 1:
            progress(row + 1, len(texts))
    if progress is not None and len(texts) % _ROWS_A_REPORT:
        progress(len(texts), len(texts))
    return Masked(tuple(masked), {k: counts[k] for k in KINDS if counts[k]}, tuple(touched))


def _may_hold_any(folded: str) -> bool:
    """Tell cheaply whether a text can hold a finding; False is certain."""
    return _TRIGGER.search(folded) is not None


def _scan(folded: str) -> Iterator[Finding]:
    from .recognizers import spans_of

    if len(folded) <= _WINDOW:
        yield from (Finding(*span) for span in spans_of(folded))
        return
    seen = 0
    for start, end in _windows(folded):
        part = folded[start:end]
        for kind, first, last in spans_of(part) if _may_hold_any(part) else ():
            cut = last == len(part) and end < len(folded) and first >= len(part) - _OVERLAP
            known = first < _CONTEXT and start + last < seen
            if not cut and not known:
                yield Finding(kind, start + first, start + last)
        seen = end


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Cut a long text into overlapping windows that begin at a space where there is one.

    What a window cuts off at its end, the next has whole; what stands at a window's beginning
    without the words before it, the last had with them.
    """
    start = 0
    while True:
        end = min(start + _WINDOW, len(text))
        yield start, end
        if end == len(text):
            return
        overlap = end - _OVERLAP
        space = text.rfind(" ", overlap - _OVERLAP, overlap)
        start = space if space > start else overlap


def _without_overlap(findings: Iterator[Finding], length: int) -> list[Finding]:
    """Keep the longest of overlapping findings, the more specific kind among equals."""
    kept: list[Finding] = []
    taken = bytearray(length)
    for finding in sorted(
        set(findings), key=lambda f: (f.start - f.end, KINDS.index(f.kind), f.start)
    ):
        if not any(taken[finding.start : finding.end]):
            taken[finding.start : finding.end] = b"\1" * (finding.end - finding.start)
            kept.append(finding)
    return sorted(kept, key=lambda finding: finding.start)


def _replace(text: str, findings: list[Finding]) -> str:
    if not findings:
        return text
    parts: list[str] = []
    done = 0
    for finding in findings:
        parts += [text[done : finding.start], f"[{finding.kind}]"]
        done = finding.end
    return "".join([*parts, text[done:]])
