"""Every argument of every tool is typed and bounded, so that no call can be of any size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tuneos.agent.chat.llm import TOOLS as CHAT
from tuneos.tools.registry import TOOLS

ARGUMENTS = {name: tool.arguments for name, tool in TOOLS.items()} | {
    f"chat {name}": kind for name, kind in CHAT.items()
}


def unbounded(schema: dict[str, Any], place: str = "") -> Iterator[str]:
    """Places of a JSON schema that admit values of any size."""
    if "$ref" in schema or "const" in schema or "enum" in schema:
        return
    for part in schema.get("anyOf", ()):
        yield from unbounded(part, place)
    kind = schema.get("type")
    if kind == "string" and "maxLength" not in schema:
        yield f"{place}: a string of any length"
    if kind in {"integer", "number"}:
        low = {"minimum", "exclusiveMinimum"} & schema.keys()
        high = {"maximum", "exclusiveMaximum"} & schema.keys()
        if not (low and high):
            yield f"{place}: a number without bounds"
    if kind == "array":
        if "maxItems" not in schema:
            yield f"{place}: a list of any length"
        yield from unbounded(schema.get("items", {}), f"{place}[]")
    if kind == "object":
        if schema.get("additionalProperties") is not False:
            yield f"{place}: any field"
        for name, field in schema.get("properties", {}).items():
            yield from unbounded(field, f"{place}.{name}")
    if not {"type", "anyOf"} & schema.keys():
        yield f"{place}: any type"


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_are_bounded(name: str) -> None:
    schema = ARGUMENTS[name].model_json_schema()
    assert list(unbounded(schema)) == []
    for defined in schema.get("$defs", {}).values():
        assert list(unbounded(defined)) == []


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        ({"type": "string"}, 1),
        ({"type": "integer", "minimum": 0}, 1),
        ({"type": "array", "items": {"type": "string"}}, 2),
        ({"type": "object", "properties": {}}, 1),
        ({"anyOf": [{"type": "string", "maxLength": 9}, {"type": "null"}]}, 0),
        ({}, 1),
    ],
)
def test_what_is_unbounded_is_found(schema: dict[str, Any], found: int) -> None:
    assert len(list(unbounded(schema))) == found
