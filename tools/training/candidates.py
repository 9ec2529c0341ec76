"""Candidates of a job as this run names and tells them."""

from __future__ import annotations

from ..datasets.tool import current
from ..facts import Candidate, Facts, Outcome


def renamed(outcome: Outcome, name: str, strategy: str | None = None) -> Outcome:
    """Give a reused job's single candidate the name it has in this run, and its strategy's."""
    named = {"name": name} if strategy is None else {"name": name, "strategy": strategy}
    return outcome.model_copy(
        update={
            "candidates": tuple(c.model_copy(update=named) for c in outcome.candidates),
            "curves": tuple(c.model_copy(update={"candidate": name}) for c in outcome.curves),
        }
    )


def candidate_name(strategy: str, facts: Facts) -> str:
    """Name a candidate after its strategy, numbered: lora-1, lora-2."""
    taken = sum(c.name.startswith(f"{strategy}-") for c in facts.candidates)
    return f"{strategy}-{taken + 1}"


def named_apart(candidates: tuple[Candidate, ...], facts: Facts) -> tuple[Candidate, ...]:
    """Probes on a later data version get that version's name, so that names stay unique."""
    taken = {c.name for c in facts.candidates}
    version = current(facts)
    return tuple(
        c.model_copy(update={"name": f"{c.name} ({version.name})"}) if c.name in taken else c
        for c in candidates
    )


def scores_line(candidates: tuple[Candidate, ...], metric: str) -> str:
    """Each candidate's score on validation, in a line."""
    return ", ".join(
        f"{c.name}: {metric} {c.validation[metric]:.4f}"
        if metric in c.validation
        else f"{c.name}: no {metric}"
        for c in candidates
    )
