"""The guardrail checks that the loop calls: on tool arguments, on a model's answers, on text.

Each returns what is wrong, one line each; an empty list is a pass.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from .arguments import argument_faults
from .guards import ask, guard_of
from .personal_data import mask_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Arguments that are text or a query and are never opened as a path.
PROSE = frozenset({"query", "sparql", "reason", "text", "lesson", "note", "question", "summary"})
_MOST_STRINGS, _DEEPEST, _MOST_LABELS = 500, 20, 50
_SHOWN = 60  # characters of a bad value in a message
_ESCAPES = re.compile(
    r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]{0,500}(?:\x07|\x1b\\|\x9c)"  # titles
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # colours, cursor moves
    r"|\x1b[ -/]*[0-~]?"
)


class GuardReport(BaseModel):
    """What a guardrail check looked at and what it met.

    Attributes:
        checked: What was looked at, one line each ("1,200 training texts").
        violations: What is wrong, one line each; empty is a pass.
        fixed: How many pieces of personal data were masked, by kind.
    """

    checked: list[str] = []
    violations: list[str] = []
    fixed: dict[str, int] = {}

    @property
    def passed(self) -> bool:
        """Nothing is wrong, though something may have been fixed."""
        return not self.violations


def check_arguments(
    arguments: Mapping[str, object],
    *,
    roots: Sequence[Path],
    allow_urls: bool = False,
    prose: Collection[str] = PROSE,
) -> list[str]:
    """Check every string in a tool call's arguments, keys included, however deep.

    By the rules of `SafeArgument` without its Guard: every run passes here, and importing
    guardrails takes longer than many a run's first steps.

    Args:
        arguments: As the controller gave them; not modified.
        roots: Folders that paths may lead into (workspace, data).
        allow_urls: The tool is meant to get addresses.
        prose: Names of top-level arguments that are text or a query, never opened as a path.

    Returns:
        One line for each bad string, naming the argument and the value.
    """
    violations: list[str] = []
    verdicts: dict[tuple[str, bool], str] = {}
    for count, (place, value) in enumerate(_strings(arguments)):
        if count == _MOST_STRINGS:
            return [*violations, f"arguments hold more than {_MOST_STRINGS} strings; give fewer"]
        if value is None:
            violations.append(f"{place} is nested deeper than {_DEEPEST} levels; flatten it")
            continue
        key = value, re.split(r"[.\[]", place, maxsplit=1)[0] in prose
        if key not in verdicts:
            faults = argument_faults(value, tuple(roots), allow_urls=allow_urls, prose=key[1])
            verdicts[key] = "; ".join(faults)
        if verdicts[key]:
            violations.append(f"{place} = {_show(value)} {verdicts[key]}")
    return violations


def check_answer(label: str, score: float, labels: Sequence[str]) -> list[str]:
    """Check one answer: the label is among the model's, the score finite and from 0 to 1."""
    known = ask(_guard("KnownLabel"), label, {"labels": frozenset(labels)})
    finite = ask(_guard("FiniteScore"), repr(float(score)))
    return [f"label {_show(label)} {why}" for why in known.failures] + [
        f"score {score} {why}" for why in finite.failures
    ]


def check_outputs(
    labels_out: Sequence[str], scores: Sequence[float] | NDArray[np.floating], labels: Sequence[str]
) -> list[str]:
    """Check a batch of answers as `check_answer` would, each different label and the extremes once.

    Args:
        labels_out: (n_texts,) predicted labels.
        scores: (n_texts,) their scores.
        labels: All labels of the model.

    Returns:
        One line for each bad label (at most 50) and each bad extreme, with its first row,
        counted from 0, and how many rows share it.
    """
    import numpy as np

    violations: list[str] = []
    if len(labels_out) != len(scores):
        violations.append(
            f"{len(labels_out)} labels but {len(scores)} scores; each text needs both"
        )
    known = frozenset(labels)
    counts = Counter(labels_out)
    guard = _guard("KnownLabel")
    unknown_first = sorted(counts, key=lambda label: label in known)
    for label in unknown_first[: _MOST_LABELS + len(known)]:
        violations += [
            f"label {_show(label)} {why} ({counts[label]} rows, the first is row"
            f" {list(labels_out).index(label)})"
            for why in ask(guard, label, {"labels": known}).failures
        ][: max(0, _MOST_LABELS - len(violations))]
    values = np.asarray(scores, dtype=np.float64)
    if values.size:
        # NaN is both the least and the greatest to numpy, so it cannot hide between them.
        for row in dict.fromkeys((int(values.argmin()), int(values.argmax()))):
            verdict = ask(_guard("FiniteScore"), repr(float(values[row])))
            violations += [f"score {values[row]} in row {row} {why}" for why in verdict.failures]
    return violations


def neutralise(text: str, limit: int) -> str:
    """Make untrusted text safe to put before a controller or a terminal, on one line.

    Escape sequences, control and invisible characters go, white space is collapsed, personal
    data is masked, marks of chat templates (`<|...|>`) are broken up, and the rest is cut.

    Args:
        text: A dataset row, an exception's message, a file name.
        limit: Characters of the result, the closing "…" included; at least 1.
    """
    if limit < 1:
        raise ValueError(f"limit is {limit}; it must be at least 1")
    start = text[: 20 * limit + 2000]
    plain = _ESCAPES.sub("", start)
    plain = "".join(_visible(character) for character in plain)
    masked = mask_text(" ".join(plain.split())).replace("<|", "< |")
    if len(start) < len(text):
        masked = masked[:-500] + "…"  # the cut may have left half a card number unmasked
    return masked if len(masked) <= limit else masked[: limit - 1] + "…"


def _visible(character: str) -> str:
    """Return the character, a space for white space and controls, nothing for the invisible."""
    category = unicodedata.category(character)
    if category == "Cf":
        return character if character in "\u200c\u200d" else ""
    return " " if category in ("Cc", "Cs", "Zl", "Zp") else character


def _show(value: str) -> str:
    return repr(neutralise(value, _SHOWN))


def _strings(value: object, place: str = "", depth: int = 0) -> Iterator[tuple[str, str | None]]:
    """Yield (place, string) for every string in nested values; None where too deep."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str | Path):
        yield place, str(value)
    elif depth > _DEEPEST:
        yield place, None
    elif isinstance(value, BaseModel):
        yield from _strings(value.model_dump(), place, depth)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            name = str(key)
            inside = f"{place}.{name}" if place else name
            if not name.isidentifier():
                yield f"a key of {place or 'the arguments'}", name
                inside = f"{place}[{_show(name)}]"
            yield from _strings(inner, inside, depth + 1)
    elif isinstance(value, Collection):
        for number, inner in enumerate(value):
            yield from _strings(inner, f"{place}[{number}]", depth + 1)


@cache
def _guard(validator: str) -> Any:
    """Build the Guard of one validator, once: building costs more than asking."""
    from . import validators

    return guard_of(getattr(validators, validator)(on_fail="noop"))
