"""How values of the graph are written in explanations."""

from __future__ import annotations

import json
from typing import Any

from ..guardrails.checks import neutralise

REASON, OUTCOME = 300, 300  # characters kept of what a controller or a tool said
_SAME = 1e-9


def said_of(text: object, limit: int) -> str:
    """Text that came from elsewhere, made plain and cut."""
    return neutralise(str(text), limit).rstrip(".")


def last_part(iri: object) -> str:
    """What stands behind the # of an IRI."""
    return str(iri or "").rpartition("#")[2]


def when_of(value: object) -> str:
    """A time as ISO 8601; "" where none is noted."""
    if value is None:
        return ""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def arguments_of(text: object) -> dict[str, Any]:
    """Arguments that were kept as JSON; none where they cannot be read."""
    try:
        found = json.loads(str(text)) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def listed_of(text: object) -> str:
    """Arguments in a line."""
    return ", ".join(f"{k}={v}" for k, v in arguments_of(text).items())


def figures_of(text: object) -> str:
    """Figures in a line."""
    return ", ".join(f"{k.replace('_', ' ')} {v:g}" for k, v in arguments_of(text).items())


def plainly(value: object) -> str:
    """A value as a person writes it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def equal(one: object, other: object) -> bool:
    """Whether two values are the same, numbers up to rounding."""
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return abs(float(one) - float(other)) <= _SAME * max(1.0, abs(float(one)))
    return one == other
