"""Which guards stand around a model's answers: read from `--guard` and from a guards file."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import UserError

Action = Literal["fix", "refrain", "exception", "reask"]
ACTIONS: tuple[Action, ...] = get_args(Action)
BUILT_IN = {
    "label": ("KnownLabel", "exception"),
    "span": ("SpanInside", "exception"),
    "personal-data": ("PersonalData", "fix"),
    "banned-topics": ("BannedTopics", "refrain"),
    "length": ("Length", "fix"),
    "json-schema": ("JsonSchema", "refrain"),
}
NEEDS = {"banned-topics": "words", "length": "most", "json-schema": "json_schema"}
ENTRY_POINTS = "tuneos.validators"  # under which installed packages offer their own


class GuardError(UserError):
    """A guard that cannot be used, or an answer that one with `exception` refuses."""


class _Line(BaseModel):
    """One entry of a guards file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    action: Action | None = None
    validator: str | None = None
    words: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    json_schema: str | None = None
    metadata: dict[str, Any] = {}


@dataclass(frozen=True)
class Chosen:
    """A guard and what happens where it objects.

    Attributes:
        name: As it was asked for.
        validator: A guardrails Validator class.
        action: "fix" puts its correction in place, and refrains where it has none; "refrain"
            empties the answer; "exception" ends; "reask" asks the model again.
        metadata: What the validator is told.
    """

    name: str
    validator: type
    action: Action
    metadata: dict[str, Any] = field(default_factory=dict)


def read_guards(given: Sequence[str], file: Path | None = None) -> tuple[Chosen, ...]:
    """Read what was asked for.

    Args:
        given: "NAME" or "NAME:ACTION" each; built in or offered by an installed package.
        file: YAML with a list under `guards`. A `validator: FILE.py:Class` or `module:Class`
            in it is code that is run: who names the file trusts it.

    Raises:
        GuardError: Unknown, incomplete, or not to be loaded.
    """
    lines = [_of_flag(text) for text in given]
    where = ["--guard"] * len(lines)
    if file is not None:
        found = _of_file(file)
        lines += found
        where += [f"guards file {file}"] * len(found)
    folder = file.parent if file is not None else Path()
    return tuple(_chosen(line, at, folder) for line, at in zip(lines, where, strict=True))


def _of_flag(text: str) -> _Line:
    name, _, action = text.partition(":")
    if action and action not in ACTIONS:
        raise GuardError(f"--guard {text!r}: {action!r} is none of {', '.join(ACTIONS)}")
    return _Line(name=name, action=action or None)


def _of_file(file: Path) -> list[_Line]:
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
        listed = said["guards"] if isinstance(said, dict) else said
        if not isinstance(listed, list):
            raise TypeError("no list")
        return [_Line.model_validate(one) for one in listed]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise GuardError(
            f"guards file {file}: {place}: {first['msg']}; known: {', '.join(_Line.model_fields)}"
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        raise GuardError(
            f"guards file {file}: cannot be read; write a list of guards under `guards:`"
        ) from None


def _chosen(line: _Line, where: str, folder: Path) -> Chosen:
    action: Action = line.action or "refrain"
    if line.validator is not None:
        kind = _loaded(line.validator, where, folder)
    elif line.name in BUILT_IN:
        from . import validators

        of, usual = BUILT_IN[line.name]
        kind = getattr(validators, of)
        action = line.action or usual  # type: ignore[assignment]
        need = NEEDS.get(line.name)
        if need and not getattr(line, need) and not (need == "most" and line.least):
            raise GuardError(f"{where}: {line.name} needs `{need}`; give it in a guards file")
    else:
        kind = _installed(line.name, where)
    return Chosen(line.name, kind, action, _metadata(line, where, folder))


def _metadata(line: _Line, where: str, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = dict(line.metadata)
    found |= {n: v for n in ("words", "least", "most") if (v := getattr(line, n))}
    if line.json_schema is not None:
        path = folder / line.json_schema
        try:
            from jsonschema import Draft202012Validator

            found["schema"] = json.loads(path.read_text(encoding="utf-8"))
            Draft202012Validator.check_schema(found["schema"])
        except Exception as error:
            raise GuardError(f"{where}: {path} is no JSON schema: {type(error).__name__}") from None
        if '"$ref"' in json.dumps(found["schema"]) and "://" in json.dumps(found["schema"]):
            raise GuardError(f"{where}: {path} refers to addresses; write the schema out")
    return found


def _installed(name: str, where: str) -> type:
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        if point.name == name:
            return _validator(point.load(), name, where)
    known = ", ".join(BUILT_IN)
    raise GuardError(
        f"{where}: no guard {name!r}; there are {known}, and your own by `validator: FILE.py:Class`"
        " in a guards file"
    )


def _loaded(reference: str, where: str, folder: Path) -> type:
    """Import a class from a file beside the guards file, or from an installed module."""
    source, _, name = reference.rpartition(":")
    try:
        if source.endswith(".py"):
            path = (folder / source).resolve()
            spec = importlib.util.spec_from_file_location(f"tuneos_guard_{path.stem}", path)
            if spec is None or spec.loader is None:
                raise ImportError(source)
            module = importlib.util.module_from_spec(spec)
            from .guards import quiet_guardrails

            quiet_guardrails()
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(source)
        return _validator(getattr(module, name), reference, where)
    except GuardError:
        raise
    except Exception as error:  # it is the user's code: whatever it does is theirs to mend
        raise GuardError(f"{where}: {reference}: {type(error).__name__}: {error}") from error


def _validator(found: Any, reference: str, where: str) -> type:
    from .validators.base import Validator

    if not (isinstance(found, type) and issubclass(found, Validator)):
        raise GuardError(f"{where}: {reference} is no class of guardrails' Validator")
    return found
