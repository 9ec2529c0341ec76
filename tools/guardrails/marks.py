"""Untrusted text on its way to a controller: made harmless to read, and marked as data.

Every text that a person, a dataset, a model or a file has written goes through here before it
stands in a message. The mark informs a model that heeds it; what protects is the gate, which
holds also where a model obeys everything it reads.
"""

from __future__ import annotations

import re

from .checks import neutralise

OPEN, CLOSE = "<data>", "</data>"
_MARK = re.compile(r"<(?=\s*/?\s*data\b)", re.IGNORECASE)


def as_data(text: str, limit: int) -> str:
    """Neutralise a text and put it between marks that it cannot close itself.

    Args:
        text: A tool's summary or error, with whatever it quotes.
        limit: Characters kept of it; the marks come on top.
    """
    return f"{OPEN}{_MARK.sub('< ', neutralise(text, limit))}{CLOSE}"
