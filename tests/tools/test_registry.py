"""What a chat model is told of the tools, and what it can ask of them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError
from tuneos.tools.registry import TOOLS
from tuneos.tools.tool import Tool

every_tool = pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
FILES = ("path", "folder", "file", "dir", "url", "uri")


def parameters(tool: Tool) -> dict[str, Any]:
    found: dict[str, Any] = tool.schema()["function"]["parameters"]
    return found


def leaves(schema: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of a plain value, however deep."""
    if isinstance(schema, list):
        for part in schema:
            yield from leaves(part, name)
    elif isinstance(schema, dict):
        if isinstance(schema.get("type"), str) and schema["type"] not in {"object"}:
            yield name, schema
        for key in ("anyOf", "oneOf", "allOf", "items"):
            yield from leaves(schema.get(key), name)
        for inner, part in schema.get("properties", {}).items():
            yield from leaves(part, inner)


def test_names_are_those_the_tools_give_themselves() -> None:
    assert all(tool.name == name for name, tool in TOOLS.items())
    assert {"probe_baselines", "fine_tune", "search_hyperparameters", "finish"} <= set(TOOLS)


@every_tool
def test_schema_is_the_openai_function_format(tool: Tool) -> None:
    schema = tool.schema()
    assert schema["type"] == "function"
    function = schema["function"]
    assert function["name"] == tool.name
    assert function["parameters"]["type"] == "object"
    assert len(json.dumps(schema)) < 8000
    assert set(function["parameters"].get("required", [])) <= set(
        function["parameters"]["properties"]
    )


@every_tool
def test_model_is_told_what_the_tool_does(tool: Tool) -> None:
    said = tool.schema()["function"]["description"]
    assert said == inspect.cleandoc(tool.arguments.__doc__ or "")
    assert 20 < len(said) < 500


@every_tool
def test_every_value_is_bounded(tool: Tool) -> None:
    for name, schema in leaves(parameters(tool)):
        kind = schema["type"]
        if kind == "string":
            assert {"maxLength", "enum", "const"} & set(schema), name
        elif kind in {"number", "integer"}:
            assert {"minimum", "exclusiveMinimum"} & set(schema), name
            assert {"maximum", "exclusiveMaximum"} & set(schema), name
        elif kind == "array":
            assert "maxItems" in schema, name
        else:
            assert kind in {"boolean", "null"}, name


@every_tool
def test_no_tool_takes_a_path(tool: Tool) -> None:
    names = [name for name, _ in leaves(parameters(tool))]
    assert not [n for n in names if any(part in FILES for part in n.lower().split("_"))]


@every_tool
def test_unknown_arguments_are_refused(tool: Tool) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        tool.arguments.model_validate({"no_such_argument": 1})
