"""A text is neither too short nor too long."""

from __future__ import annotations

from typing import Any

from .base import FailResult, PassResult, Validator, register_validator


@register_validator(name="tuneos/length", data_type="string")
class Length(Validator):  # type: ignore[misc]
    """From `least` to `most` characters (metadata; both may be absent); fixed by a cut."""

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        text, least, most = str(value), int(metadata.get("least", 0)), metadata.get("most")
        if len(text) < least:
            return FailResult(error_message=f"has {len(text)} characters of at least {least}")
        if most is None or len(text) <= int(most):
            return PassResult()
        return FailResult(
            error_message=f"has {len(text)} characters of at most {most}",
            fix_value=text[: int(most)].rstrip(),
        )
