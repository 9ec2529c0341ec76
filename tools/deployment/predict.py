"""Predictions over a file: rows in, one JSON object a row out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..datasets.asked import read_asked
from ..datasets.types import Split
from ..errors import ModelError
from ..guardrails.around import Around
from ..guardrails.chosen import Chosen, GuardError
from ..tasks.task import Progress, Task, public
from .model import Model

BATCH = 2048


@dataclass(frozen=True)
class Inputs:
    """Rows to be answered, with the input's own ids where it had them."""

    split: Split
    ids: list[Any]


def read_inputs(path: Path, task: Task, column: str | None = None) -> Inputs:
    """Read what is to be answered: text lines, CSV, TSV or JSONL.

    Args:
        path: The file.
        task: Of the model that will answer; it knows which fields it needs.
        column: Of the text, where it has not one of the usual names.

    Raises:
        DatasetError: Missing, unreadable, or without what the task needs; names file and row.
    """
    table = read_asked(path)
    split = task.ask(table, column)
    return Inputs(split, list(table.cells.get("id", [None] * len(split))))


def answers(
    model: Model,
    inputs: Inputs,
    progress: Progress | None = None,
    guards: Sequence[Chosen] = (),
) -> Iterator[dict[str, Any]]:
    """Yield one answer a row: `id` if it had one, and the task's natural output.

    Args:
        model: That answers.
        inputs: Rows.
        progress: Called with (done, all).
        guards: Of `read_guards`; they stand around every answer.

    Raises:
        GuardError: A guard with the action "exception" refuses an answer, or one is to ask
            a model again that writes no text.
        ModelError: The model gave an answer that its own guard refuses.
    """
    total, named = len(inputs.split), {g.name for g in guards}
    around = _around(model, guards)
    for start in range(0, total, BATCH):
        part = inputs.split.take(range(start, min(start + BATCH, total)))
        found = model.answers(part)
        faults = [] if "label" in named else model.task.faults(model.card, part, found)
        if faults:
            raise ModelError(f"model {model.folder}: {faults[0]}")
        if around is not None:
            found = around(part, found, model.card.labels, model.answers)
        for given, answer in zip(inputs.ids[start:], found, strict=False):
            yield {**({} if given is None else {"id": given}), **public(answer)}
        if progress:
            progress(start + len(part), total)


def _around(model: Model, guards: Sequence[Chosen]) -> Around | None:
    """Guards made ready; None where there are none, so that guardrails is not imported."""
    if not guards:
        return None
    from ..reporting.kinds import kind

    again = next((g for g in guards if g.action == "reask"), None)
    if again is not None and not kind(model.task.name).texts:
        raise GuardError(
            f"guard {again.name}: {model.task.name} would answer the same again; "
            "use fix, refrain or exception"
        )
    return Around(guards)
