"""A score is a score."""

from __future__ import annotations

import math
from typing import Any

from .base import FailResult, PassResult, Validator, register_validator


@register_validator(name="tuneos/finite-score", data_type="string")
class FiniteScore(Validator):  # type: ignore[misc]
    """A score, written as a number, is finite and from 0 to 1."""

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        try:
            score = float(value)
        except (TypeError, ValueError):
            return FailResult(error_message="is not a number")
        if math.isfinite(score) and 0.0 <= score <= 1.0:
            return PassResult()
        return FailResult(error_message="is not a finite score from 0 to 1")
