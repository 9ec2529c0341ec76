"""What is on record of a run, read beside whoever drives it; nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..evals.result import Change, RunResult, Step
from ..graphs.approval import Question
from ..memory.checkpoints import open_checkpointer
from ..memory.ledger import Ledger, RunRow, Spent
from ..tools.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from .runs import Run


@dataclass(frozen=True)
class Record:
    """A run as its ledger and its last checkpoint have it.

    Attributes:
        row: Status, spec and result.
        facts: Candidates with their validation scores, findings, rows.
        steps: Done so far, numbered from 1.
        spending: By resource.
        changes: By a person, since it began.
        question: What waits for a person's yes.
        taken_over: Why the planner took an LLM's place.
        going: Names of the steps that run now, as far as the last checkpoint knows.
    """

    row: RunRow
    facts: Facts
    steps: tuple[Step, ...]
    spending: dict[str, Spent]
    changes: tuple[Change, ...] = ()
    question: Question | None = None
    taken_over: str | None = None
    going: tuple[str, ...] = ()

    @property
    def result(self) -> RunResult | None:
        """How it ended; None before."""
        return None if self.row.result is None else RunResult.model_validate(self.row.result)


def read_record(run: Run) -> Record:
    """Read what is on record.

    Raises:
        StoreError: A store cannot be read.
    """
    ledger = Ledger(run.workspace.ledger)
    changes = tuple(Change.model_validate(c) for c in ledger.changes(run.name))
    spending = ledger.spending(run.name)
    values: dict[str, Any] = {}
    question = None
    going: tuple[str, ...] = ()
    if run.workspace.checkpoints.is_file():
        with opened_graph(run) as (graph, config):
            state = graph.get_state(config)
            values = state.values
            asked = [i.value for t in state.tasks for i in t.interrupts]
            question = Question.model_validate(asked[0]) if asked else None
            due = {t.name for t in state.tasks}
            if "act" in due:
                going = tuple(c.tool for c in values.get("calls", ()))
            elif "confirm" in due:
                going = ("confirm",)
    steps = tuple(
        s.model_copy(update={"number": n}) for n, s in enumerate(values.get("steps", ()), 1)
    )
    return Record(
        row=ledger.run(run.name),
        facts=values.get("facts") or Facts(),
        steps=steps,
        spending=spending,
        changes=changes,
        question=question,
        taken_over=values.get("taken_over"),
        going=going,
    )


def opened_graph(run: Run) -> AbstractContextManager[tuple[Any, Any]]:
    """The run's graph over its checkpoints, and the config that names its thread."""
    from contextlib import contextmanager

    from ..graphs.build import build_graph
    from ..graphs.state import CHECKPOINTED, GROWING

    @contextmanager
    def opened() -> Iterator[tuple[Any, Any]]:
        with open_checkpointer(
            run.workspace.checkpoints,
            CHECKPOINTED,
            lambda text: Ledger(run.workspace.ledger).note(run.name, text),
            GROWING,
        ) as saver:
            yield build_graph(saver), {"configurable": {"thread_id": run.name}}

    return opened()
