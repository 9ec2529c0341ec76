"""What an answer may look like: every tool's schema with an end to each of its fields.

A grammar made of these schemas always comes to an end, whatever the weights want to
say, and what it lets through is what the tools take. Strings are plain ASCII without
quotes and backslashes, so that a character is a byte and no token is less than one:
`longest` counts bytes and bounds the tokens too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...tools.guardrails.checks import PROSE

Schema = dict[str, Any]

NAME = "[A-Za-z0-9 _-]"  # characters of a name
TEXT = r"[ !#-\[\]-~]"  # of a sentence or a query: printable ASCII without " and \
LONGEST_TEXT = 400
LONGEST_REASON = 160
SHORTEST_TEXT = 24
WINDOW_SHARE = 16  # a window holds this many texts of the longest kind at least
FIELD_TOKENS = 100  # of a window for each argument that a tool may be given
MOST_ITEMS = 8
MOST = 10_000  # of a whole number without a limit of its own
STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0)  # in each power of ten
DECADES = 3  # below a limit, where the other limit is zero


@dataclass(frozen=True)
class Bounds:
    """What the fields are held to, beside the limits of their own.

    Attributes:
        text: Characters of any string at most.
        candidates: Names that a candidate may have; empty: any.
        strategies: The same of a strategy.
    """

    text: int = LONGEST_TEXT
    candidates: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()

    @property
    def reason(self) -> int:
        """Characters of the reason at most."""
        return min(LONGEST_REASON, self.text)


def bounds_for(
    window: int | None, candidates: Sequence[str] = (), strategies: Sequence[str] = ()
) -> Bounds:
    """Choose bounds that leave most of a model's window to what it reads."""
    text = LONGEST_TEXT if window is None else window // WINDOW_SHARE
    return Bounds(max(SHORTEST_TEXT, min(LONGEST_TEXT, text)), tuple(candidates), tuple(strategies))


def fitting(tools: Sequence[Mapping[str, Any]], window: int | None) -> list[dict[str, Any]]:
    """Tools with the arguments that a window has room for: those needed, then the first ones.

    Args:
        tools: In the OpenAI function format; not modified.
        window: Tokens; None leaves the tools as they are.
    """
    if window is None:
        return [dict(tool) for tool in tools]
    return [_with_fields(tool, window // FIELD_TOKENS) for tool in tools]


def _with_fields(tool: Mapping[str, Any], most: int) -> dict[str, Any]:
    parameters = tool["function"].get("parameters") or {}
    fields, needed = parameters.get("properties", {}), parameters.get("required", ())
    optional = [name for name in fields if name not in needed]
    dropped = set(optional[max(0, most - len(needed)) :])
    kept = {name: field for name, field in fields.items() if name not in dropped}
    fewer = {**parameters, "properties": kept} if dropped else parameters
    return {**tool, "function": {**tool["function"], "parameters": fewer}}


def answer_schema(tools: Sequence[Mapping[str, Any]], bounds: Bounds) -> Schema:
    """The one JSON object of an answer: a reason, then a tool's name and its arguments.

    Args:
        tools: In the OpenAI function format.
        bounds: See there.

    Raises:
        ValueError: A field has no end that we can give it.
    """
    calls = [
        _object(
            {
                "name": {"const": tool["function"]["name"]},
                "arguments": bounded(tool["function"].get("parameters") or {}, bounds),
            }
        )
        for tool in tools
    ]
    return _object({"reason": _string(TEXT, 1, bounds.reason), "call": {"anyOf": calls}})


def bounded(schema: Mapping[str, Any], bounds: Bounds, field: str = "") -> Schema:
    """Give every field an end; what the result allows, the schema allows.

    Null is left out: such a field can be left out itself.

    Args:
        schema: JSON schema as pydantic writes it, references resolved.
        bounds: See there.
        field: Its name, which says what kind of text a string is.

    Raises:
        ValueError: There is no end that we can give it.
    """
    if "anyOf" in schema:
        kinds = [k for k in schema["anyOf"] if k.get("type") != "null"]
        made = [bounded(k, bounds, field) for k in kinds]
        return made[0] if len(made) == 1 else {"anyOf": made}
    if "const" in schema:
        return {"const": schema["const"]}
    if "enum" in schema:
        return {"enum": [v for v in schema["enum"] if v is not None]}
    kind = schema.get("type", "object" if "properties" in schema or not schema else None)
    if kind == "boolean":
        return {"enum": [False, True]}
    if kind == "integer":
        return _integer(schema)
    if kind == "number":
        open_ends = (schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum"))
        return {"enum": [x for x in decimals(*_limits(schema)) if x not in open_ends]}
    if kind == "string" and "pattern" not in schema and "format" not in schema:
        return _text(schema, bounds, field)
    if kind == "array" and isinstance(schema.get("items"), dict):
        least = schema.get("minItems", 0)
        most = min(schema.get("maxItems", MOST_ITEMS), max(MOST_ITEMS, least))
        items = bounded(schema["items"], bounds, field)
        return {"type": "array", "items": items, "minItems": least, "maxItems": most}
    if kind == "object":
        fields = {n: bounded(s, bounds, n) for n, s in schema.get("properties", {}).items()}
        return _object(fields, [n for n in schema.get("required", ()) if n in fields])
    raise ValueError(f"field {field!r} has no end that a grammar can hold it to: {schema}")


def decimals(low: float, high: float) -> list[float]:
    """Numbers worth trying from `low` to `high`, both included, ascending.

    Eleven in each power of ten, as finely as anybody tunes by hand.
    """
    top = max(abs(low), abs(high))
    if top == 0:
        return [0.0]
    ends = [math.floor(math.log10(abs(x))) for x in (low, high) if x]
    powers = range(min(*ends, max(ends) - DECADES) if low <= 0 else min(ends), max(ends) + 1)
    sizes = [float(f"{step:g}e{power}") for power in powers for step in STEPS]
    found = {low, high, *sizes, *(-s for s in sizes), 0.0}
    return sorted(float(x) for x in found if low <= x <= high)


def longest(schema: Mapping[str, Any]) -> int:
    """Bytes of the longest JSON that a bounded schema allows, without white space."""
    if "anyOf" in schema:
        return max(map(longest, schema["anyOf"]))
    if "const" in schema or "enum" in schema:
        values = schema.get("enum") or [schema.get("const")]
        return max(_written(v) for v in values)
    if schema["type"] == "integer":
        return max(len(str(schema["minimum"])), len(str(schema["maximum"])))
    if schema["type"] == "string":
        return int(schema["maxLength"]) + 2
    if schema["type"] == "array":
        return 2 + int(schema["maxItems"]) * (longest(schema["items"]) + 1)
    return 2 + sum(_written(n) + 2 + longest(s) for n, s in schema["properties"].items())


def described(tools: Sequence[Mapping[str, Any]]) -> str:
    """The tools in few words, one a line: arguments, "?" for those that may be left out."""
    return "\n".join(
        f"{signature(tool)}: {' '.join(tool['function'].get('description', '').split())}"
        for tool in tools
    )


def signature(tool: Mapping[str, Any]) -> str:
    """A tool's name with its arguments, what each may be, and what is said of it."""
    parameters = tool["function"].get("parameters") or {}
    needed = parameters.get("required", ())
    fields = [
        f"{name}{'' if name in needed else '?'}: {_kind(field)}"
        + (f" ({field['description']})" if "description" in field else "")
        for name, field in parameters.get("properties", {}).items()
    ]
    return f"{tool['function']['name']}({', '.join(fields)})"


def _kind(schema: Mapping[str, Any]) -> str:
    """What a field may be, in a word."""
    if "anyOf" in schema:
        return "|".join(_kind(k) for k in schema["anyOf"] if k.get("type") != "null")
    if "enum" in schema:
        return "|".join(map(str, schema["enum"]))
    if schema.get("type") in {"integer", "number"} and "maximum" in schema:
        return f"{schema.get('minimum', 0):g}..{schema['maximum']:g}"
    if schema.get("type") == "array":
        return f"[{_kind(schema['items'])}, …]"
    return {"string": "text", "boolean": "true|false"}.get(schema.get("type", ""), "?")


def _text(schema: Mapping[str, Any], bounds: Bounds, field: str) -> Schema:
    """A string: a candidate's name where these are known, else so many plain characters."""
    most = int(schema.get("maxLength", bounds.text))
    named = {
        "candidate": bounds.candidates,
        "candidates": bounds.candidates,
        "strategy": bounds.strategies,
    }
    known = [n for n in named.get(field, ()) if len(n) <= most]
    if known:
        return {"enum": known}
    least = int(schema.get("minLength", 0))
    characters = TEXT if field in PROSE else NAME
    return _string(characters, max(1, least), max(least, min(most, bounds.text)))


def _string(characters: str, least: int, most: int) -> Schema:
    pattern = f"^{characters}{{{least},{most}}}$"
    return {"type": "string", "pattern": pattern, "maxLength": most}


def _integer(schema: Mapping[str, Any]) -> Schema:
    low, high = _limits(schema)
    least, most = math.ceil(low), math.floor(high)
    least += least == schema.get("exclusiveMinimum")
    most -= most == schema.get("exclusiveMaximum")
    return {"type": "integer", "minimum": least, "maximum": most}


def _limits(schema: Mapping[str, Any]) -> tuple[float, float]:
    """The lowest and the highest value that a number may have."""
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None:
        low = 0 if high is None else min(0, high)
    return low, max(MOST, low) if high is None else high


def _object(fields: Mapping[str, Schema], required: Sequence[str] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields if required is None else required),
        "additionalProperties": False,
    }


def _written(value: object) -> int:
    """Bytes of a value as JSON."""
    return len(json.dumps(value, ensure_ascii=False).encode())
