"""Answers about a run from its record alone; what isn't recorded is said not to be known. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...evals.result import Spending, Step
from ...evals.targets import Target, parse_target
from ...graphs.approval import Question
from ...graphs.standing import best, primary_metric
from ...tools.facts import Candidate
from ...tools.guardrails.checks import neutralise
from ...tools.knowledge.asked import answer, prose
from ...tools.knowledge.explanation import Explanation
from ...tools.reporting.words import changed, cost, duration, gain, number, stop_reason, verdict
from ...tools.tasks import TASKS, find_task
from ..approval import memory_words
from ..record import Record

NO_RUN = "There is no run yet. Say what to work on, or /help."
_STATES = {
    "running": "is going on",
    "waiting": "waits for your yes",
    "interrupted": "is paused",
    "finished": "is finished",
    "failed": "ended with an error and can go on",
}


def status(record: Record, *, here: bool) -> str:
    """How the run stands.

    Args:
        here: This program drives it.
    """
    row = record.row
    if record.result is not None:
        said = verdict(record.result)
        return f"Run {row.run} is finished. {said.title}. {said.sentence}"
    elsewhere = " in another process" if row.status == "running" and not here else ""
    state = "waiting" if record.question is not None and here else row.status
    lines = [f"Run {row.run} {_STATES[state]}{elsewhere}; {_spent(record)}."]
    if record.going and row.status == "running":
        lines.append(f"It is at {', '.join(record.going)}.")
    lines.append(f"{_steps_done(record.steps)}{_leader(record)}")
    if record.question is not None:
        lines.append(f"The step that waits: {asked(record.question)}")
    elif row.status in {"interrupted", "failed", "waiting"}:
        lines.append("Say go to go on.")
    return "\n".join(lines)


def asked(question: Question) -> str:
    """A step that waits for a person, in a line or two."""
    arguments = ", ".join(f"{k}={v}" for k, v in question.arguments.items())
    reason = f"\n  why: {neutralise(question.reason, 300)}" if question.reason else ""
    return (
        f"{question.tool} {neutralise(arguments, 300)}, about {duration(question.seconds)}"
        f"{memory_words(question)}"
        f" (your rule: {question.why_asked}){reason}"
    )


def why(record: Record, found: Explanation | None, about: str) -> str:
    """Why something was done, from the knowledge graph alone.

    Args:
        found: What the graph holds of the run.
        about: "last", "step 3", "model", "stop", or a tool's or candidate's name in any words.
    """
    subject = about.strip().lower().rstrip("?")
    if record.question is not None and subject in {"last", "stop"}:
        waits = "It waits for your yes" if subject == "stop" else "It waits for you"
        return f"{waits}: {asked(record.question)}"
    if found is None:
        return "Nothing is on record of this run yet."
    if subject == "stop" and record.result is None:
        if record.row.status == "running":
            return "It has not stopped."
        paused = [f for f in found.of("decision") if "paused" in f.about]
        return f"{prose(paused[-1:]) or 'It was paused.'} Say go to go on."
    return prose(answer(found, about))


def tried(record: Record) -> str:
    """What was tried, with figures on validation."""
    if not record.steps:
        return "Nothing yet."
    metric = _metric(record)
    leader = best(record.facts.candidates, _targets(record), metric)
    lines = [f"{_steps_done(record.steps)} {metric} on validation:" if leader else ""]
    for candidate in record.facts.candidates:
        mark = "← best so far" if leader is not None and candidate.name == leader.name else ""
        value = candidate.validation.get(metric)
        shown = "–" if value is None else f"{value:.4f}"
        settings = _settings(candidate)
        took = duration(candidate.seconds)
        lines.append(f"  {candidate.name:<18} {shown:>7} {took:>13}  {settings} {mark}".rstrip())
    failed = [s for s in record.steps if not s.ok]
    lines += [f"  step {s.number} {s.tool} failed: {neutralise(s.summary, 160)}" for s in failed]
    others = [s for s in record.steps if s.ok and not _trained(s)]
    if others:
        lines.append("Besides: " + "; ".join(f"{s.number} {s.tool}" for s in others) + ".")
    return "\n".join(line for line in lines if line)


def report(record: Record) -> str:
    """How it ended, with figures from the test split."""
    result = record.result
    if result is None:
        return (
            f"Run {record.row.run} is not finished, so the test split is still sealed and there is "
            f"no report.{_leader(record)}"
        )
    said = verdict(result)
    lines = [f"{said.title}. {said.sentence}"]
    lines += [changed(c) for c in result.changes]
    if result.comparison is not None:
        lines.append(gain(result.comparison).sentence)
    lines.append(f"It stopped because {stop_reason(result)}.")
    lines.append(f"Report: {result.report}")
    return "\n".join(lines)


def model(record: Record) -> str:
    """Where the model is and how to use it."""
    result = record.result
    if result is None:
        return f"Run {record.row.run} is not finished; the model is kept when it is."
    if result.model is None:
        return "No model was kept: nothing could be trained within the budget."
    return f"{result.chosen} is in {result.model}\nUse it: tuneos predict {result.model} INPUT"


def bill(record: Record) -> str:
    """What was spent."""
    spent = {
        name: Spending(limit=s.limit, spent=s.spent)
        for name, s in record.spending.items()
        if s.spent or s.limit is not None
    }
    return f"Run {record.row.run} has taken {cost(spent)}." if spent else "Nothing was spent yet."


# ---- parts


def _targets(record: Record) -> tuple[Target, ...]:
    return tuple(parse_target(t) for t in record.row.spec.get("targets", ()))


def _spent(record: Record) -> str:
    time = record.spending.get("seconds")
    if time is None:
        return "nothing spent yet"
    if time.limit is None:
        return f"{duration(time.spent)} spent, no limit"
    return f"{duration(time.spent)} of {duration(time.limit)} spent"


def _steps_done(steps: Sequence[Step]) -> str:
    return f"{len(steps)} step{'s' if len(steps) != 1 else ''} done."


def _leader(record: Record) -> str:
    """The best candidate against each target."""
    targets = _targets(record)
    metric = _metric(record)
    leader = best(record.facts.candidates, targets, metric)
    if leader is None:
        return " Nothing has been scored yet."
    if not targets:
        return (
            f" Best so far {leader.name}: {metric} {leader.validation[metric]:.4f} on validation."
        )
    parts = [
        f"{t.metric} {number(t.metric, leader.validation.get(t.metric))}, "
        f"{'meets' if t.holds(leader.validation[t.metric]) else 'misses'} {t.op}{t.value:g}"
        for t in targets
        if t.metric in leader.validation
    ]
    return f" Best so far {leader.name}: {'; '.join(parts)} (validation)."


def _metric(record: Record) -> str:
    """What the run maximises."""
    task = find_task(str(record.row.spec.get("task") or TASKS[0]))
    return primary_metric(_targets(record), task.metrics)


def _trained(step: Step) -> bool:
    return step.tool in {
        "probe_baselines",
        "fine_tune",
        "search_hyperparameters",
        "blend_candidates",
        "apply_knowledge",
    }


def _settings(candidate: Candidate) -> str:
    shown = [
        f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}"
        for k, v in candidate.settings.items()
        if k in {"epochs", "learning_rate", "rank", "layers", "peft_method"}
    ]
    return " ".join(shown)


def finished_folder(record: Record) -> Path | None:
    """Where the finished model is; None without one."""
    result = record.result
    return Path(result.model) if result is not None and result.model else None
