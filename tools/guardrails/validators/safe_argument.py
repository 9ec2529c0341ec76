"""A tool call's string stays where it may."""

from __future__ import annotations

from typing import Any

from ..arguments import LONGEST, argument_faults
from .base import FailResult, PassResult, Validator, register_validator


@register_validator(name="tuneos/safe-argument", data_type="string")
class SafeArgument(Validator):  # type: ignore[misc]
    """A tool call's string stays in the workspace and hides nothing (arguments.py).

    Metadata: `roots`, the allowed folders; `allow_urls`, `prose` and `limit` as in
    `argument_faults`. All may be absent, which allows least.
    """

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        faults = argument_faults(
            str(value),
            tuple(metadata.get("roots", ())),
            allow_urls=bool(metadata.get("allow_urls", False)),
            prose=bool(metadata.get("prose", False)),
            limit=int(metadata.get("limit", LONGEST)),
        )
        return FailResult(error_message="; ".join(faults)) if faults else PassResult()
