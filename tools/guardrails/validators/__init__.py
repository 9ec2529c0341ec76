"""The project's own guardrails validators, one a file; thin, the rules are elsewhere.

Import this package only where a Guard is wanted: guardrails comes with it.
"""

from __future__ import annotations

from .banned_topics import BannedTopics
from .finite_score import FiniteScore
from .json_schema import JsonSchema
from .known_label import KnownLabel
from .length import Length
from .personal_data import PersonalData
from .safe_argument import SafeArgument
from .span_inside import SpanInside

__all__ = [
    "BannedTopics",
    "FiniteScore",
    "JsonSchema",
    "KnownLabel",
    "Length",
    "PersonalData",
    "SafeArgument",
    "SpanInside",
]
