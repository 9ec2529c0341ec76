"""A span lies inside its text."""

from __future__ import annotations

import json
from typing import Any

from .base import FailResult, PassResult, Validator, register_validator


@register_validator(name="tuneos/span-inside", data_type="string")
class SpanInside(Validator):  # type: ignore[misc]
    """A span, JSON with `start`, `end` and `text`, is what the row holds there.

    Metadata: `text`, of the row. Fixed where the words stand at one other place alone.
    """

    required_metadata_keys = ["text"]  # noqa: RUF012  guardrails reads a list

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        span, text = json.loads(value), str(metadata["text"])
        start, end, said = span.get("start"), span.get("end"), str(span.get("text", ""))
        whole = isinstance(start, int) and isinstance(end, int)
        if whole and 0 <= start < end <= len(text) and text[start:end] == said:
            return PassResult()
        fixed = None
        if said and text.count(said) == 1:
            at = text.index(said)
            fixed = json.dumps({**span, "start": at, "end": at + len(said)}, ensure_ascii=False)
        return FailResult(error_message="is not inside the text", fix_value=fixed)
