"""A run that ended, as the knowledge graph remembers it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ..evals.metrics import METRICS
from ..evals.result import RunResult
from ..memory.experiments import CandidateFacts, DatasetFacts, RunFacts, TrialFacts
from ..tools.facts import Facts
from ..tools.guardrails.checks import neutralise
from ..tools.knowledge.account import account_of
from .context import RunContext
from .opened_figures import Confirmed
from .standing import PROBES
from .state import State


def record(state: State, context: RunContext, found: Confirmed, result: RunResult) -> None:
    """Write the run into the knowledge graph."""
    facts = state["facts"]
    lessons = [f"{s.tool} failed: {neutralise(s.summary, 200)}" for s in state["steps"] if not s.ok]
    notes = context.tools.ledger.notes(context.tools.run)
    lessons += [neutralise(note, 300) for note in notes if note.startswith("Refused ")]
    tuned = [c for c in facts.candidates if c.strategy not in PROBES]
    if result.comparison and tuned:
        c = result.comparison
        lessons.append(
            f"{result.chosen} against {c.against}: {c.difference:+.4f} {c.metric}, "
            f"95% interval {c.ci[0]:+.4f} to {c.ci[1]:+.4f}"
        )
    sizes = {f"rows_{name}": float(n) for name, n in facts.rows.items()}
    account = account_of(context.tools.ledger, context.tools.run, result)
    context.tools.knowledge.record_run(
        RunFacts(
            run=result.run,
            task=result.task,
            controller=result.controller,
            base_model=result.base_model,
            started=context.started,
            ended=datetime.now(UTC).isoformat(timespec="seconds"),
            stop_reason=result.stop_reason,
            met=result.met,
            dataset=DatasetFacts(
                source=Path(context.source).name,
                data_hash=facts.data_hash,
                measures={**sizes, "classes": float(len(facts.label_counts)), **facts.profile},
                embedding=facts.embedding,
            ),
            candidates=tuple(
                CandidateFacts(
                    name=c.name,
                    strategy=c.strategy,
                    settings=c.settings,
                    validation=c.validation,
                    seconds=c.seconds,
                    test=found.scores.get("chosen" if c.name == found.chosen else c.name, {}),
                    recalled=c.recalled,
                )
                for c in facts.candidates
            ),
            chosen=found.chosen,
            lessons=tuple(lessons),
            trials=_trials(facts, context.tools.metric),
            recalled=tuple(sorted({r.run for r in facts.remembered})),
        ),
        account,
    )


def _trials(facts: Facts, metric: str) -> tuple[TrialFacts, ...]:
    """The trials of all searches, numbered in the order they are on record.

    Only complete ones have a score: what a pruned one had reached is no result.
    """
    return tuple(
        TrialFacts(
            name=f"{number}",
            strategy=str(t.settings.get("strategy", "")),
            state=t.state,
            settings=t.settings,
            validation={t.metric or metric: METRICS[t.metric or metric].upward(t.value)}
            if t.state == "complete" and t.value is not None
            else {},
            seconds=t.seconds,
            note=neutralise(t.note, 200) if t.note else "",
        )
        for number, t in enumerate(facts.trials)
    )
