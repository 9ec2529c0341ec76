"""Change the targets or the budget of a run that has begun: only a person may, and it is noted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..evals.result import Change
from ..evals.targets import eased
from ..memory.audit import AuditLog
from ..memory.ledger import Ledger
from ..memory.seal import Seals
from ..tools.reporting.files import write_whole
from .record import opened_graph
from .runs import Run, spec_yaml
from .session import refuse_going
from .spec import RunSpec, SpecError, make_spec

NO_LIMIT = "none"


def change_run(
    run: Run, *, targets: Sequence[str] | None = None, budget: str | None = None, by: str = "Python"
) -> Run:
    """Give a paused run other targets, another budget, or both.

    What was changed, when, through what and with how many results in view stands in
    the run's result and report. The next decision is made anew with the new goal.

    Args:
        run: Not driven by anybody at the moment.
        targets: In place of all there were; empty for none; None leaves them.
        budget: In all, what is spent included; "none" lifts the limit; None leaves it.
        by: Through what the person said so.

    Returns:
        The run with its new spec.

    Raises:
        SpecError, TargetError: The new value cannot be, or the test split was opened.
        StoreError: Somebody drives the run.
    """
    before = run.spec
    said: dict[str, Any] = {}
    if targets is not None:
        said["targets"] = tuple(targets)
    if budget is not None:
        said["budget"] = None if budget.strip().lower() == NO_LIMIT else budget
    spec = make_spec({**before.model_dump(), **said}, "change")
    goal, seconds = spec.parsed_targets(), spec.seconds()
    refuse_finished(run)
    refuse_going(run)
    ledger = Ledger(run.workspace.ledger)
    ledger.refuse_held(run.name)
    scored = _judged_anew(run)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    changes = [
        Change(
            when=now,
            by=by,
            what=what,
            before=old,
            after=new,
            candidates=scored,
            eased=what == "targets" and eased(before.parsed_targets(), goal),
        )
        for what, old, new in (
            ("targets", goal_words(before), goal_words(spec)),
            ("budget", before.budget or "no limit", spec.budget or "no limit"),
        )
        if old != new
    ]
    dumped = [c.model_dump() for c in changes]
    ledger.change_run(run.name, spec.model_dump(mode="json"), {"seconds": seconds}, dumped)
    log = AuditLog(run.folder, ledger, run.name)
    for change in changes:
        said = {"what": change.what, "from": change.before, "to": change.after, "by": change.by}
        log.add("changed", said)
    write_whole(run.folder / "spec.yaml", spec_yaml(spec))
    return replace(run, spec=spec)


def refuse_finished(run: Run) -> None:
    """Refuse to change what the test split has judged, or is about to.

    Raises:
        SpecError: The run is finished, or its test split was opened.
    """
    finished = Ledger(run.workspace.ledger).run(run.name).status == "finished"
    if finished or Seals(run.workspace.ledger).opened_by(run.name) is not None:
        raise SpecError(
            f"run {run.name}: its test split was opened, so its targets and budget stand; a goal "
            f"set after that would prove nothing. Start a new run: tuneos run {Path(run.spec.data)}"
        )


def goal_words(spec: RunSpec) -> str:
    """The targets as they are written."""
    return " and ".join(str(t) for t in spec.parsed_targets()) or "none"


def _judged_anew(run: Run) -> int:
    """Have the judge look again where it has spoken last; count the candidates scored so far."""
    if not run.workspace.checkpoints.is_file():
        return 0
    with opened_graph(run) as (graph, config):
        state = graph.get_state(config)
        # `next` leaves out a judge whose word lies beside the checkpoint: it must ask again too.
        due = {task.name for task in state.tasks}
        if due & {"judge", "decide", "confirm"} and state.values.get("steps"):
            graph.update_state(config, {"stop": None}, as_node="act")
        facts = state.values.get("facts")
    return sum(c.strategy != "majority" for c in facts.candidates) if facts else 0
