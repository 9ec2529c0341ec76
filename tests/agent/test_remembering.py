"""The planner with the real graph: what a first run found out saves a second one trainings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from finished_run import FINISHED
from tuneos.agent.planner import propose
from tuneos.evals.targets import parse_target
from tuneos.graphs.digest import make_digest
from tuneos.memory.experiments import CandidateFacts, DatasetFacts, RunFacts
from tuneos.memory.knowledge import KnowledgeGraph
from tuneos.tools.facts import Candidate, DataVersion, Facts, merge
from tuneos.tools.knowledge.tool import QUERY_KNOWLEDGE

TASK = FINISHED.task
TARGETS = (parse_target("accuracy>=0.9"),)
PROFILE = {"rows_train": 900.0, "classes": 9.0, "words_mean": 9.0, "balance": 1.0}
KNOWN = Facts(
    data=DataVersion(key="k", name="cleaned", folder="", train_rows=9000, validation_rows=100,
                     cleaned=True, masked=True),
    rows={"train": 9000, "validation": 100}, inspected=True, smallest_class=600, median_class=600,
    label_counts={"a": 600, "b": 600}, frozen_seconds=1.0, profile=PROFILE,
    candidates=(Candidate(name="frozen_linear", strategy="frozen_linear", seconds=1.0, folder="",
                          validation={"accuracy": 0.8}),),
)  # fmt: skip
WORLD = {"full": 0.92}  # what each strategy reaches; the others gain nothing


def context(knowledge: KnowledgeGraph, run: str, kept: dict[str, str], *, memory: bool) -> Any:
    ledger = SimpleNamespace(
        kept=lambda _, name: kept.get(name), keep=lambda _, name, text: kept.update({name: text})
    )
    return SimpleNamespace(
        knowledge=knowledge,
        task=TASK,
        run=run,
        metric="accuracy",
        memory=memory,
        ledger=ledger,
        base_model="builtin:minilm",
        base=lambda _: ("builtin:minilm", ""),
        domain=knowledge.domain,
        targets=(),
    )


def trained(knowledge: KnowledgeGraph, run: str, *, memory: bool = True) -> tuple[list[str], Facts]:
    """Go on until the target is met: the strategies trained, in order; the run goes on record."""
    asked = QUERY_KNOWLEDGE.arguments.model_validate({"about": "strategies"})
    place = context(knowledge, run, {}, memory=memory)
    facts = merge(KNOWN, QUERY_KNOWLEDGE.run(asked, place, KNOWN, lambda _: None).facts)
    done: list[str] = []
    while max(c.validation["accuracy"] for c in facts.candidates) < 0.9:
        proposal = propose(make_digest(facts, [], TARGETS, "accuracy", 5000.0, None))
        assert proposal.tool in {"fine_tune", "blend_candidates"}, proposal
        tuned = proposal.tool == "fine_tune"
        known = next(
            s
            for s in facts.strategies
            if s.tool == proposal.tool and s.name == proposal.arguments.get("strategy", s.name)
        )
        strategy = known.name
        candidate = Candidate(
            name=f"{strategy}-{len(facts.candidates)}",
            strategy=strategy,
            settings=known.defaults,
            seconds=9.0,
            folder="",
            validation={"accuracy": WORLD.get(strategy, 0.8)},
        )
        facts = merge(facts, Facts(candidates=(candidate,)))
        done += [strategy] if tuned else []
    knowledge.record_run(on_record(run, facts))
    return done, facts


def on_record(run: str, facts: Facts) -> RunFacts:
    record: RunFacts = replace(
        FINISHED,
        run=run,
        dataset=DatasetFacts(f"{run}.csv", run, facts.profile),
        candidates=tuple(
            CandidateFacts(c.name, c.strategy, c.settings, c.validation, c.seconds)
            for c in facts.candidates
        ),
    )
    return record


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[KnowledgeGraph, list[str]]:
    knowledge = KnowledgeGraph(tmp_path_factory.mktemp("k"))
    return knowledge, trained(knowledge, "first")[0]


def test_second_run_on_similar_data_needs_fewer_trainings_to_its_target(
    first: tuple[KnowledgeGraph, list[str]],
) -> None:
    knowledge, before = first
    after, facts = trained(knowledge, "second")
    assert before[-1] == after[-1] == "full"
    assert len(after) < len(before)
    assert any("run first" in note for note in facts.notes)


def test_without_memory_it_takes_as_many_as_the_first(
    first: tuple[KnowledgeGraph, list[str]],
) -> None:
    knowledge, before = first
    after, facts = trained(knowledge, "third", memory=False)
    assert after == before
    assert facts.remembered == ()


def test_what_ends_meanwhile_does_not_change_the_mind_of_a_run(tmp_path: Path) -> None:
    knowledge, kept = KnowledgeGraph(tmp_path), dict[str, str]()
    place = context(knowledge, "mine", kept, memory=True)
    asked = QUERY_KNOWLEDGE.arguments.model_validate({"about": "strategies"})
    before = QUERY_KNOWLEDGE.run(asked, place, KNOWN, lambda _: None)
    trained(knowledge, "other")
    assert QUERY_KNOWLEDGE.run(asked, place, KNOWN, lambda _: None) == before


def test_similar_run_that_tuned_nothing_leaves_a_trace(tmp_path: Path) -> None:
    knowledge = KnowledgeGraph(tmp_path)
    knowledge.record_run(on_record("idle", KNOWN))
    asked = QUERY_KNOWLEDGE.arguments.model_validate({"about": "strategies"})
    place = context(knowledge, "mine", {}, memory=True)
    found = QUERY_KNOWLEDGE.run(asked, place, KNOWN, lambda _: None).facts
    assert [n.endswith("distance 0.00; it tuned nothing") for n in found.notes] == [True]
