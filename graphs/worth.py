"""Whether a cheap step would have anything new to work on."""

from __future__ import annotations

from collections.abc import Sequence

from ..evals.metrics import METRICS
from ..evals.result import Step
from ..tools.facts import Candidate, Facts
from ..tools.fusion.tool import NEVER as NEVER_GIVEN_KNOWLEDGE
from ..tools.training.blend_tool import best_of_each
from .standing import BLEND


def worth_knowledge(facts: Facts, metric: str) -> str | None:
    """Name the best candidate, if the domain graph applies and was not tried on it yet."""
    if facts.domain is None or not facts.domain.sources:
        return None
    upward = METRICS[metric].upward
    able = [
        c
        for c in facts.candidates
        if c.strategy not in NEVER_GIVEN_KNOWLEDGE and metric in c.validation
    ]
    found = max(able, key=lambda c: upward(c.validation[metric]), default=None)
    if found is None or any(use.candidate == found.name for use in facts.knowledge):
        return None
    return found.name


def worth_blending(candidates: Sequence[Candidate], metric: str) -> bool:
    """Tell whether a blend would take two candidates or more, and others than the last one did."""
    last = max((i for i, c in enumerate(candidates) if c.strategy == BLEND), default=0)
    before = {c.name for c in best_of_each(candidates[:last], metric)}
    now = {c.name for c in best_of_each(candidates, metric)}
    return len(now) >= 2 and now != before


def augmentation_may_pay(facts: Facts, steps: Sequence[Step]) -> bool:
    """Tell whether new rows are worth a try: not tried yet, and few rows or small classes."""
    known = next((s for s in facts.strategies if s.tool == "augment_dataset"), None)
    tried = any(s.tool == "augment_dataset" for s in steps)
    counts = facts.label_counts.values()
    if known is None or tried or facts.data is None or known.tool in facts.fruitless:
        return False
    limits = {n: float(v) for n, v in known.defaults.items() if isinstance(v, (int, float))}
    rows = facts.data.train_rows
    if rows > limits.get("most_rows", float("inf")):
        return False
    if len(counts) < 2:  # no classes to be small
        return 0 < rows <= limits.get("train_rows", 0)
    smallest, largest = max(1, min(counts)), max(counts)
    if smallest < known.min_examples_per_class:
        return False
    return (
        rows <= limits.get("train_rows", 0)
        or smallest <= limits.get("smallest_class", 0)
        or largest >= limits.get("imbalance", float("inf")) * smallest
    )
