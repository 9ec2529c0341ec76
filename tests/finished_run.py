"""A run that met its targets, for tests to record in the graph as it is or changed."""

from __future__ import annotations

from tuneos.memory.experiments import DatasetFacts, RunFacts

FINISHED = RunFacts(
    run="first",
    task="text-classification",
    controller="rule-based planner",
    base_model="builtin:minilm",
    started="2026-11-23T18:52:00+00:00",
    ended="2026-11-23T18:58:00+00:00",
    stop_reason="targets_met",
    met=True,
    dataset=DatasetFacts("a.csv", "aa", {}),
    candidates=(),
)
