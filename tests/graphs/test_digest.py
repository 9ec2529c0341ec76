"""What the controller is shown of a run."""

from __future__ import annotations

import json

import pytest
from tuneos.evals.result import KnowledgeUse, RankedBase, Step
from tuneos.evals.targets import parse_target
from tuneos.graphs.digest import Digest, make_digest
from tuneos.graphs.worth import augmentation_may_pay, worth_blending, worth_knowledge
from tuneos.memory.conditions import Condition
from tuneos.tools.facts import (
    ROBUST_TARGET,
    Candidate,
    DataVersion,
    DomainSaid,
    Facts,
    KnownStrategy,
    Setting,
    merge,
)

TARGETS = (parse_target("macro_f1>=0.90"), parse_target("latency_p95_ms<=10"))
DATA = DataVersion(key="k2", name="cleaned", folder="", train_rows=900, validation_rows=100)


def known(name: str, rung: int, tool: str = "fine_tune", needs: int = 4) -> KnownStrategy:
    return KnownStrategy(
        name=name,
        rung=rung,
        tool=tool,
        relative_cost=2.0,
        typical_gain=0.1,
        min_examples_per_class=needs,
        searchable=True,
        variant_of="lora" if name == "dora" else None,
    )


def candidate(name: str, strategy: str, value: float, **settings: Setting) -> Candidate:
    return Candidate(
        name=name,
        strategy=strategy,
        settings=settings,
        validation={"macro_f1": value},
        seconds=1.0,
        folder="",
        data="cleaned",
    )


def step(tool: str, *, ok: bool, **arguments: object) -> Step:
    return Step(
        number=0, tool=tool, arguments=arguments, reason="", summary="why", ok=ok, seconds=1.0
    )


FACTS = Facts(
    data=DATA,
    inspected=True,
    smallest_class=6,
    median_class=6,
    strategies=(known("lora", 3), known("dora", 3), known("full", 4, needs=8)),
    candidates=(
        candidate("frozen_linear", "frozen_linear", 0.8),
        candidate("dora-1", "lora", 0.85123, peft_method="dora"),
    ),
    suspect_labels=(1, 2),
    suspects_in="k2",
    suspects_pay=True,
    constants={"patience": 4, "smallGap": 0.03},
)


def of(facts: Facts = FACTS, steps: tuple[Step, ...] = (), left: float | None = None) -> Digest:
    return make_digest(facts, steps, TARGETS, "macro_f1", left, None)


def test_gap_is_that_of_the_best_candidate_and_unknown_where_nothing_was_measured() -> None:
    f1, latency = of().targets
    assert (f1.best, f1.gap) == (0.8512, 0.0488)
    assert (latency.best, latency.gap) == (None, None)


@pytest.mark.parametrize(
    ("history", "worth"),
    [
        ([], False),
        (["majority 0.1", "tfidf_linear 0.5"], False),  # what blends with nothing
        (["majority 0.1", "tfidf_linear 0.5", "frozen_linear 0.6"], True),
        (["tfidf_linear 0.5", "frozen_linear 0.6", "blend 0.7"], False),
        (["tfidf_linear 0.5", "frozen_linear 0.6", "blend 0.7", "lora 0.6"], True),
        (["tfidf_linear 0.5", "lora 0.6", "blend 0.7", "lora 0.5"], False),  # the first stays
        (["tfidf_linear 0.5", "lora 0.6", "blend 0.7", "lora 0.8"], True),
        (["tfidf_linear 0.5", "lora 0.6", "blend 0.7", "lora 0.8", "blend 0.8"], False),
        (["lora 0.6", "lora 0.7"], False),
    ],
)
def test_blending_is_worth_it_when_its_members_would_be_others(
    history: list[str], worth: bool
) -> None:
    made = [candidate(said, said.split()[0], float(said.split()[1])) for said in history]
    assert worth_blending(made, "macro_f1") is worth


def test_relatives_of_lora_count_as_themselves() -> None:
    tried = {s.name: s.tried for s in of().strategies}
    assert tried == {"lora": False, "dora": True, "full": False}


def test_strategy_fits_only_where_classes_are_large_enough() -> None:
    assert {s.name: s.feasible for s in of().strategies} == {
        "lora": True,
        "dora": True,
        "full": False,
    }


def test_failed_training_is_remembered_by_its_strategy() -> None:
    steps = (
        step("fine_tune", ok=False, strategy="lora", peft_method="dora"),
        step("fine_tune", ok=True, strategy="lora"),
        step("finish", ok=False),
    )
    found = of(steps=steps)
    assert {s.name for s in found.strategies if s.failed} == {"dora"}
    assert found.failed_steps == [
        "fine_tune: <data>why</data>",
        "finish: <data>why</data>",
    ]


@pytest.mark.parametrize(("version", "doubtful"), [("k2", 2), ("k1", 0)])
def test_doubtful_labels_belong_to_one_version_of_the_data(version: str, doubtful: int) -> None:
    found = of(FACTS.model_copy(update={"suspects_in": version})).data
    assert found.doubtful_labels == doubtful
    assert found.doubtful_labels_hurt is (doubtful > 0)


def test_numbers_to_go_by_come_from_the_knowledge_graph() -> None:
    assert (of().patience, of().small_gap) == (4, 0.03)


def test_digest_of_a_long_run_stays_short() -> None:
    many = tuple(candidate(f"full-{i}", "full", 0.5) for i in range(200))
    steps = tuple(step("fine_tune", ok=False, strategy="full") for _ in range(60))
    assert len(of(FACTS.model_copy(update={"candidates": many}), steps).model_dump_json()) < 4000


def test_digest_of_an_empty_run_can_be_made() -> None:
    assert json.loads(of(Facts()).model_dump_json())["best"] is None


AUGMENT = KnownStrategy(
    name="augment",
    rung=1,
    tool="augment_dataset",
    relative_cost=4.0,
    typical_gain=0.03,
    min_examples_per_class=2,
    defaults={"train_rows": 1000, "most_rows": 5000, "smallest_class": 20, "imbalance": 5},
    variant_of="frozen_linear",
)


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        ({"a": 450, "b": 450}, True),  # few rows
        ({"a": 2000, "b": 2000}, False),
        ({"a": 3000, "b": 20}, True),  # a small class
        ({"a": 3000, "b": 600}, True),  # imbalance
        ({"a": 3000, "b": 601}, False),
        ({"a": 9000, "b": 20}, False),  # large data: never
        ({"a": 90, "b": 1}, False),  # a class that nothing can be drawn from
    ],
)
def test_augmentation_is_advised_for_few_rows_and_small_classes(
    counts: dict[str, int], wanted: bool
) -> None:
    data = DATA.model_copy(update={"train_rows": sum(counts.values())})
    facts = Facts(data=data, label_counts=counts, strategies=(AUGMENT,))
    assert augmentation_may_pay(facts, ()) is wanted
    assert not augmentation_may_pay(facts, (step("augment_dataset", ok=True),))
    assert not augmentation_may_pay(Facts(data=data, label_counts=counts), ())


@pytest.mark.parametrize(("rows", "wanted"), [(0, False), (400, True), (1001, False)])
def test_augmentation_of_rows_without_classes_looks_at_their_number(
    rows: int, wanted: bool
) -> None:
    known = AUGMENT.model_copy(update={"defaults": {**AUGMENT.defaults, "methods": "noise"}})
    facts = Facts(data=DATA.model_copy(update={"train_rows": rows}), strategies=(known,))
    assert augmentation_may_pay(facts, ()) is wanted


def test_several_base_models_are_to_be_ranked_until_they_are() -> None:
    def unranked(facts: Facts, given: int) -> int:
        found = make_digest(facts, (), TARGETS, "macro_f1", None, None, (), given)
        return found.unranked_base_models

    ranked = FACTS.model_copy(update={"base_ranking": (RankedBase(base_model="a"),)})
    assert (unranked(FACTS, 1), unranked(FACTS, 3), unranked(ranked, 3)) == (0, 3, 0)


def test_knowledge_waits_for_a_graph_that_speaks_and_a_candidate_it_was_not_tried_on() -> None:
    candidates = (candidate("full-1", "full", 0.8), candidate("knowledge-1", "knowledge", 0.9))
    silent = Facts(candidates=candidates)
    assert worth_knowledge(silent, "macro_f1") is None
    domain = DomainSaid(matched=3, sources=("taxonomy",))
    speaking = Facts(candidates=candidates, domain=domain)
    assert worth_knowledge(speaking, "macro_f1") == "full-1"
    use = KnowledgeUse(
        candidate="full-1",
        sources=["taxonomy"],
        metric="macro_f1",
        before=0.8,
        after=0.8,
        difference=0.0,
        ci=(0.0, 0.0),
        pays=False,
    )
    assert worth_knowledge(merge(speaking, Facts(knowledge=(use,))), "macro_f1") is None
    described = Facts(candidates=candidates, domain=DomainSaid(matched=3, described=True))
    assert worth_knowledge(described, "macro_f1") is None


def test_what_hardens_is_shown_only_where_a_target_asks_for_robustness() -> None:
    needs = (Condition(of=ROBUST_TARGET, choices=(True,)),)
    hard = known("hardened", 3).model_copy(update={"requires": needs, "variant_of": "lora"})
    facts = Facts(
        data=DATA, smallest_class=20, median_class=20, strategies=(known("lora", 3), hard)
    )
    plain = make_digest(facts, [], TARGETS, "macro_f1", None, None)
    assert [s.name for s in plain.strategies] == ["lora"]
    assert not plain.robust_missed
    target = (parse_target("robust_accuracy>=0.8"),)
    asked = make_digest(facts, [], target, "macro_f1", None, None)
    state = next(s for s in asked.strategies if s.name == "hardened")
    assert (state.feasible, state.hardens, state.searchable) == (True, True, True)
    assert state.trial_seconds > 0
    assert asked.robust_missed
    scores = {"macro_f1": 0.9, "robust_accuracy": 0.85}
    held = candidate("hardened-1", "hardened", 0.9).model_copy(update={"validation": scores})
    met = make_digest(
        facts.model_copy(update={"candidates": (held,)}), [], target, "macro_f1", None, None
    )
    assert not met.robust_missed
