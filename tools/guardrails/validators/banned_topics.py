"""No word of a banned topic."""

from __future__ import annotations

import re
from typing import Any

from .base import FailResult, PassResult, Validator, register_validator


@register_validator(name="tuneos/banned-topics", data_type="string")
class BannedTopics(Validator):  # type: ignore[misc]
    """No word or phrase of a list, whatever its case, as whole words. Metadata: `words`.

    Fixed by a dash in its place. It knows words, not meanings.
    """

    required_metadata_keys = ["words"]  # noqa: RUF012  guardrails reads a list

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        words = "|".join(re.escape(w) for w in sorted(metadata["words"], key=len, reverse=True))
        pattern = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)
        fixed, found = pattern.subn("–", str(value))
        if not found:
            return PassResult()
        return FailResult(error_message="speaks of a banned topic", fix_value=fixed)
