"""A text is JSON of a schema."""

from __future__ import annotations

import json
import re
from typing import Any

from .base import FailResult, PassResult, Validator, register_validator

_BLOCK = re.compile(r"\{.*\}|\[.*\]", re.DOTALL)


@register_validator(name="tuneos/json-schema", data_type="string")
class JsonSchema(Validator):  # type: ignore[misc]
    """JSON that a schema allows, and nothing around it. Metadata: `schema`.

    Fixed where the text holds such JSON among other words.
    """

    required_metadata_keys = ["schema"]  # noqa: RUF012  guardrails reads a list

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        fault = _fault(str(value), metadata["schema"])
        if fault is None:
            return PassResult()
        block = _BLOCK.search(str(value))
        held = (
            block.group() if block and _fault(block.group(), metadata["schema"]) is None else None
        )
        return FailResult(error_message=fault, fix_value=held)


def _fault(text: str, schema: dict[str, Any]) -> str | None:
    """What is wrong, in one line."""
    from jsonschema import Draft202012Validator

    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return "is no JSON"
    # References are looked up in the schema alone: nothing is fetched.
    error = next(iter(Draft202012Validator(schema).iter_errors(found)), None)
    if error is None:
        return None
    where = "/".join(map(str, error.absolute_path)) or "the whole"
    return f"breaks the schema at {where}: {error.validator}"
