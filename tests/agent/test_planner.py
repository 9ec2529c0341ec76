"""What the rule-based planner proposes, by what it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from tuneos.agent.planner import NAME, Planner, propose, read_digest
from tuneos.graphs.digest import (
    CandidateState,
    DataState,
    Digest,
    StrategyState,
    TargetState,
    recalled_gain,
)
from tuneos.tools.registry import TOOLS

# name, rung, tool, typical gain, seconds, searchable, variant of
LADDER = [
    ("tfidf_linear", 0, "probe_baselines", 0.5, 1.0, False, None),
    ("frozen_linear", 1, "probe_baselines", 0.2, 10.0, False, None),
    ("top_layers", 2, "fine_tune", 0.13, 40.0, True, None),
    ("lora", 3, "fine_tune", 0.2, 120.0, True, None),
    ("dora", 3, "fine_tune", 0.1, 150.0, False, "lora"),
    ("full", 4, "fine_tune", 0.4, 300.0, True, None),
    ("search", 5, "search_hyperparameters", 0.08, 100.0, False, None),
    ("blend", 6, "blend_candidates", 0.06, 15.0, False, None),
]


def ladder(
    *,
    without: Sequence[str] = (),
    tried: Sequence[str] = ("tfidf_linear", "frozen_linear"),
    failed: Sequence[str] = (),
    searched: Sequence[str] = (),
    infeasible: Sequence[str] = (),
    fresh: bool = False,
    epochs: int = 0,
) -> list[StrategyState]:
    return [
        StrategyState(
            name=name,
            rung=rung,
            tool=tool,
            typical_gain=gain,
            seconds=seconds,
            feasible=name not in infeasible,
            tried=name in tried or (name == "blend" and not fresh),
            epochs=epochs,
            failed=name in failed,
            searchable=searchable,
            searched=name in searched,
            variant_of=variant,
        )
        for name, rung, tool, gain, seconds, searchable, variant in LADDER
        if name not in without
    ]


DATA = DataState(
    inspected=True,
    train_rows=1000,
    labels=8,
    smallest_class=20,
    dirty_rows=0,
    cleaned=False,
    texts_with_personal_data=0,
    masked=False,
    doubtful_labels=0,
    doubtful_labels_hurt=False,
)


def candidates(*scored: tuple[str, float]) -> list[CandidateState]:
    return [
        CandidateState(name=f"{s}-1", strategy=s, value=v, seconds=1.0, data="as read")
        for s, v in scored
    ]


def digest(*, gap: float | None = 0.05, data: dict[str, Any] | None = None, **more: Any) -> Digest:
    """A run whose probes are done, `gap` below its target; `more` overrides fields."""
    made = more.pop("candidates", candidates(("tfidf_linear", 0.7), ("frozen_linear", 0.8)))
    best = max(made, key=lambda c: c.value, default=None)
    value = best.value if best else None
    targets = [] if gap is None else [TargetState(target="macro_f1>=0.85", best=value, gap=gap)]
    fields: dict[str, Any] = {
        "metric": "macro_f1",
        "targets": targets,
        "best": best,
        "candidates": made,
        "data": DATA.model_copy(update=data or {}),
        "strategies": ladder(),
        "attempts_without_gain": 0,
        "patience": 3,
        "small_gap": 0.02,
        "error": 1.0 - value if value is not None else 1.0,
        "seconds_left": 1000.0,
        "trials_left": None,
        "search_trials": 8,
        "failed_steps": [],
    }
    return Digest(**{**fields, **more})


TUNED = candidates(("frozen_linear", 0.8), ("top_layers", 0.84))
TRIED = ("tfidf_linear", "frozen_linear", "top_layers")
CLIMBED = (*TRIED, "lora", "full")
WANTED: dict[str, Any] = {
    "trouble": {"near_duplicates": 4, "triggers": 12, "outliers": 3},
    "to_clean": ["triggers", "outliers"],
}
UNLOOKED: dict[str, Any] = {
    "data": {"inspected": False, "dirty_rows": 9, "texts_with_personal_data": 9},
    "strategies": [],
    "candidates": [],
}
DIRTY: dict[str, Any] = {"dirty_rows": 9, "texts_with_personal_data": 5}
DOUBT: dict[str, Any] = {"doubtful_labels": 20, "doubtful_labels_hurt": True}


@pytest.mark.parametrize(
    ("case", "tool", "arguments"),
    [
        # look, know, clean, mask, probe, in this order
        (UNLOOKED, "inspect_dataset", {}),
        ({**UNLOOKED, "data": DIRTY}, "query_knowledge", {"about": "strategies"}),
        ({"data": DIRTY, "candidates": []}, "clean_dataset", {}),
        ({"data": {**DIRTY, "cleaned": True}, "candidates": []}, "mask_personal_data", {}),
        (
            {"data": {**DIRTY, "cleaned": True, "masked": True}, "candidates": []},
            "probe_baselines",
            {"rungs": ["tfidf_linear", "frozen_linear"]},
        ),
        (
            {"candidates": [], "strategies": ladder(without=["frozen_linear"], tried=())},
            "probe_baselines",
            {"rungs": ["tfidf_linear"]},
        ),
        # near-duplicates, triggers and outliers go where the person named them, and else stay
        ({"data": WANTED}, "clean_dataset", {"triggers": True, "outliers": True}),
        (
            {"data": WANTED, "declined": ["clean_dataset triggers outliers"], "gap": 0.025},
            "fine_tune",
            {"strategy": "top_layers"},
        ),
        ({"data": {**WANTED, "to_clean": []}, "gap": 0.025}, "fine_tune", None),
        # doubtful labels go only where the probe says they hurt, and there are enough
        ({"data": DOUBT}, "clean_dataset", {"suspects": True}),
        ({"data": {**DOUBT, "doubtful_labels_hurt": False}}, "fine_tune", None),
        ({"data": {**DOUBT, "doubtful_labels": 4}}, "fine_tune", None),
        # the cheapest that may close the gap: error 0.2, expected 0.026, 0.04, 0.08
        ({"gap": 0.025}, "fine_tune", {"strategy": "top_layers"}),
        ({"gap": 0.035}, "fine_tune", {"strategy": "lora"}),
        ({"gap": 0.070}, "fine_tune", {"strategy": "full"}),
        # nothing may close it: what gains most
        ({"gap": 0.150}, "fine_tune", {"strategy": "full"}),
        # no target: rung by rung
        ({"gap": None}, "fine_tune", {"strategy": "top_layers"}),
        # what the knowledge graph does not list, what failed, what the data forbids
        (
            {"gap": 0.025, "strategies": ladder(without=["top_layers"])},
            "fine_tune",
            {"strategy": "lora"},
        ),
        (
            {"gap": 0.025, "strategies": ladder(failed=["top_layers"])},
            "fine_tune",
            {"strategy": "lora"},
        ),
        (
            {"gap": 0.07, "strategies": ladder(infeasible=["full"])},
            "fine_tune",
            {"strategy": "lora"},
        ),
        # what does not fit the time
        ({"gap": 0.07, "seconds_left": 200.0}, "fine_tune", {"strategy": "lora"}),
        ({"gap": 0.07, "seconds_left": 20.0}, "finish", None),
        # search: a small gap that it closes for less than the next rung, or the ladder climbed
        (
            {
                "gap": 0.018,
                "candidates": TUNED,
                "strategies": ladder(tried=TRIED, without=["lora"]),
                "trials_left": 5,
            },
            "search_hyperparameters",
            {"strategy": "top_layers", "trials": 5},
        ),
        (
            {
                "gap": 0.021,
                "candidates": TUNED,
                "strategies": ladder(tried=TRIED, without=["lora"]),
                "trials_left": 5,
            },
            "fine_tune",
            {"strategy": "full"},
        ),
        (
            {"gap": 0.06, "candidates": TUNED, "strategies": ladder(tried=CLIMBED)},
            "search_hyperparameters",
            {"strategy": "top_layers", "trials": 8},
        ),
        # a gap far wider than any step closes goes straight to the strongest step
        ({"gap": 0.5}, "fine_tune", {"strategy": "full"}),
        # a large gap climbs
        (
            {"gap": 0.03, "candidates": TUNED, "strategies": ladder(tried=TRIED)},
            "fine_tune",
            {"strategy": "lora"},
        ),
        # fewer trials where time or trials are short; none when fewer than three are left
        (
            {
                "gap": 0.06,
                "candidates": TUNED,
                "strategies": ladder(tried=CLIMBED),
                "trials_left": 4,
            },
            "search_hyperparameters",
            {"strategy": "top_layers", "trials": 4},
        ),
        (
            {
                "gap": 0.06,
                "candidates": TUNED,
                "strategies": ladder(tried=CLIMBED),
                "seconds_left": 205.0,
            },
            "search_hyperparameters",
            {"strategy": "top_layers", "trials": 5},
        ),
        # a new tuned candidate is blended at once, where there is time, unless blending failed
        (
            {"candidates": TUNED, "strategies": ladder(tried=TRIED, fresh=True)},
            "blend_candidates",
            {},
        ),
        (
            {"candidates": TUNED, "strategies": ladder(tried=CLIMBED, fresh=True), "patience": 0},
            "blend_candidates",
            {},
        ),
        (
            {
                "candidates": TUNED,
                "strategies": ladder(tried=TRIED, fresh=True, failed=["blend"]),
            },
            "fine_tune",
            {"strategy": "full"},
        ),
        (
            {
                "candidates": TUNED,
                "strategies": ladder(tried=TRIED, fresh=True),
                "seconds_left": 14.0,
            },
            "finish",
            None,
        ),
        # probes are blended only where that may close the gap
        ({"gap": 0.011, "strategies": ladder(fresh=True)}, "blend_candidates", {}),
        ({"gap": 0.025, "strategies": ladder(fresh=True)}, "fine_tune", {"strategy": "top_layers"}),
        # what does not fit the time is done with fewer epochs, two at least
        (
            {"gap": 0.15, "seconds_left": 200.0, "strategies": ladder(epochs=4)},
            "fine_tune",
            {"strategy": "full", "epochs": 2},
        ),
        (
            {"gap": 0.15, "seconds_left": 20.0, "strategies": ladder(epochs=4)},
            "finish",
            None,
        ),
        # relatives of what was tried come last
        (
            {
                "gap": 0.06,
                "candidates": TUNED,
                "strategies": ladder(tried=CLIMBED),
                "trials_left": 2,
            },
            "fine_tune",
            {"strategy": "dora"},
        ),
        (
            {
                "gap": 0.06,
                "candidates": TUNED,
                "strategies": ladder(tried=(*CLIMBED, "dora"), searched=["top_layers"]),
            },
            "finish",
            None,
        ),
        # gives up
        ({"attempts_without_gain": 3}, "finish", {"reason": "nothing has paid for a while"}),
        ({"attempts_without_gain": 2}, "fine_tune", None),
        ({"attempts_without_gain": 3, "patience": 4}, "fine_tune", None),
    ],
)
def test_planner_proposes(
    case: dict[str, Any], tool: str, arguments: dict[str, Any] | None
) -> None:
    proposal = propose(digest(**case))
    assert proposal.tool == tool
    if arguments is not None:
        assert proposal.arguments == arguments
    assert proposal.reason
    TOOLS[proposal.tool].arguments.model_validate(proposal.arguments)


def test_planner_does_not_propose_what_the_knowledge_graph_does_not_list() -> None:
    nothing = [s for s in ladder() if s.tool == "probe_baselines"]
    assert propose(digest(strategies=nothing)).tool == "finish"


def test_reason_gives_the_figures_it_rests_on() -> None:
    reason = propose(digest(gap=0.035)).reason
    assert "20% of the error" in reason
    assert "0.040" in reason
    assert "0.035 are missing" in reason


def shown(state: Digest) -> HumanMessage:
    """The message that `decide` writes."""
    return HumanMessage(
        f"Goal: reach {{it}}.\n\nState:\n{state.model_dump_json(exclude_none=True)}\n\nNext step?"
    )


@pytest.mark.parametrize(
    "state",
    [
        digest(),
        digest(gap=None, seconds_left=None),
        digest(candidates=[], trials_left=3),
        digest(**UNLOOKED),
        digest(failed_steps=["fine_tune: State: {broken"]),
    ],
)
def test_digest_is_read_as_decide_wrote_it(state: Digest) -> None:
    messages = [SystemMessage("State: {not this}"), AIMessage("State:"), shown(state)]
    assert read_digest(messages) == state


def test_planner_is_a_chat_model_that_calls_one_tool_and_says_what_it_is() -> None:
    planner = Planner()
    assert isinstance(planner, BaseChatModel)
    bound = planner.bind_tools([t.schema() for t in TOOLS.values()])
    answer = bound.invoke([SystemMessage("You tune."), shown(digest(gap=0.025))])
    assert isinstance(answer, AIMessage)
    (call,) = answer.tool_calls
    assert (call["name"], call["args"]) == ("fine_tune", {"strategy": "top_layers"})
    assert call["id"]
    assert answer.content
    assert planner._llm_type == NAME == "rule-based planner"


def test_what_was_declined_is_not_proposed_again() -> None:
    first = propose(digest(gap=0.1))
    assert (first.tool, first.arguments["strategy"]) != ("fine_tune", "top_layers")
    declined = [f"fine_tune {first.arguments['strategy']}"]
    second = propose(digest(gap=0.1, declined=declined))
    assert (second.tool, second.arguments) != (first.tool, first.arguments)
    everything = [f"fine_tune {name}" for name, *_ in LADDER]
    everything += ["search_hyperparameters", "blend_candidates"]
    assert propose(digest(gap=0.1, declined=everything)).tool == "finish"


@pytest.mark.parametrize(
    ("data", "tool"),
    [({"dirty_rows": 3}, "clean_dataset"), ({"texts_with_personal_data": 3}, "mask_personal_data")],
)
def test_planner_goes_on_without_a_step_that_was_declined(data: dict[str, Any], tool: str) -> None:
    assert propose(digest(data=data)).tool == tool
    assert propose(digest(data=data, declined=[tool])).tool == "fine_tune"


def test_planner_stops_where_only_speed_or_size_is_missed() -> None:
    slow = TargetState(target="latency_p95_ms<=1", best=3.0, gap=2.0, cost=True)
    found = propose(digest(targets=[slow], only_costs_missed=True))
    assert found.tool == "finish"
    assert "latency_p95_ms<=1" in found.reason


def test_gap_that_tuning_cannot_close_does_not_steer_it() -> None:
    slow = TargetState(target="latency_p95_ms<=1", best=3.0, gap=2.0, cost=True)
    near = TargetState(target="macro_f1>=0.82", best=0.8, gap=0.02)
    assert propose(digest(targets=[slow, near])) == propose(digest(targets=[near]))


AUGMENT = StrategyState(
    name="augment",
    rung=1,
    tool="augment_dataset",
    typical_gain=0.03,
    seconds=60.0,
    variant_of="frozen_linear",
)


def test_new_rows_are_tried_before_tuning_where_they_may_pay() -> None:
    strategies = [*ladder(), AUGMENT]
    wanted = {"augmentation_may_pay": True}
    assert propose(digest(data=wanted, strategies=strategies)).tool == "augment_dataset"
    assert propose(digest(strategies=strategies)).tool == "fine_tune"
    assert propose(digest(data=wanted)).tool == "fine_tune"  # the knowledge graph has no such
    short = digest(data=wanted, strategies=strategies, seconds_left=50.0)
    assert propose(short).tool != "augment_dataset"
    for left, tool in ((150.0, "fine_tune"), (250.0, "augment_dataset")):  # most is for tuning
        found = propose(digest(data=wanted, strategies=strategies, seconds_left=left))
        assert found.tool == tool
    spent = ladder(tried=(*CLIMBED, "search", "dora"), without=["search"])
    done = digest(strategies=[*spent, AUGMENT])
    assert propose(done).tool == "finish"  # it is no relative to be tuned


def test_base_models_are_ranked_before_they_are_probed() -> None:
    unknown = digest(candidates=[], unranked_base_models=2)
    assert propose(unknown).tool == "rank_base_models"
    dirty = digest(candidates=[], unranked_base_models=2, data=DIRTY)
    assert propose(dirty).tool == "clean_dataset"


KNOWING = StrategyState(
    name="knowledge", rung=7, tool="apply_knowledge", typical_gain=0.02, seconds=13.0
)


def test_domain_graph_is_applied_to_the_best_tuned_candidate_once_it_is_there() -> None:
    strategies = [*ladder(tried=TRIED), KNOWING]
    tuned = candidates(("frozen_linear", 0.8), ("full", 0.84))
    found = propose(digest(strategies=strategies, candidates=tuned, knowledge_may_pay_on="full-1"))
    assert (found.tool, found.arguments) == ("apply_knowledge", {"candidate": "full-1"})


def test_domain_graph_is_not_asked_again_where_it_was_tried() -> None:
    strategies = [*ladder(tried=TRIED), KNOWING.model_copy(update={"tried": True})]
    tuned = candidates(("frozen_linear", 0.8), ("full", 0.84))
    assert propose(digest(strategies=strategies, candidates=tuned)).tool != "apply_knowledge"


@pytest.mark.parametrize(
    ("seen", "gap", "chosen"),
    [
        ({}, 0.05, "full"),  # only it may close the gap, by the recipes
        ({"full": 0.0, "lora": 0.5}, 0.05, "lora"),
        ({"top_layers": 0.24, "full": 0.9}, 0.05, "top_layers"),  # 0.42 in 40 s, 1.0 in 300 s
        ({"top_layers": 0.0, "full": 0.3}, 0.05, "full"),
        ({"dora": 0.5}, 0.05, "dora"),  # a variant, which else comes after its main strategy
        ({"top_layers": 0.0, "lora": 0.0, "full": 0.0}, 0.15, "top_layers"),
    ],
)
def test_what_met_such_a_gap_on_similar_data_comes_first(
    seen: dict[str, float], gap: float, chosen: str
) -> None:
    strategies = [
        s.model_copy(update={"recalled_gain": seen[s.name], "recalled_spread": 0.05})
        if s.name in seen
        else s
        for s in ladder(tried=("tfidf_linear", "frozen_linear"))
    ]
    proposal = propose(digest(gap=gap, strategies=strategies, likely=0.3))
    assert proposal.arguments["strategy"] == chosen


@pytest.mark.parametrize(("gap", "tool"), [(0.011, "blend_candidates"), (0.05, "fine_tune")])
def test_what_takes_seconds_and_may_do_comes_before_what_surely_does(gap: float, tool: str) -> None:
    strategies = [
        s.model_copy(update={"recalled_gain": 0.9, "recalled_spread": 0.05})
        if s.name == "full"
        else s
        for s in ladder(fresh=True)
    ]
    assert propose(digest(gap=gap, strategies=strategies, likely=0.3)).tool == tool


@pytest.mark.parametrize(("seen", "tool"), [(0.3, "blend_candidates"), (0.0, "fine_tune")])
def test_probes_are_blended_first_where_that_did_on_similar_data(seen: float, tool: str) -> None:
    strategies = [
        s.model_copy(update={"recalled_gain": seen, "recalled_spread": 0.05})
        if s.name == "blend"
        else s
        for s in ladder(fresh=True)
    ]
    assert propose(digest(gap=0.05, strategies=strategies, likely=0.3)).tool == tool
    assert propose(digest(gap=0.01, strategies=strategies, likely=0.3)).tool == tool


def test_what_similar_runs_saw_is_turned_into_a_share_of_what_is_left() -> None:
    assert recalled_gain(0.5, 0.1, 0.4, 0.4) == (0.5, 0.1)
    assert recalled_gain(0.5, 0.1, 0.4, 0.25) == (0.2, 0.16)  # a tuning has been there already
    assert recalled_gain(0.25, 0.1, 0.4, 0.2) == (-0.5, 0.2)  # it does not come that far
    assert recalled_gain(None, 0.0, 0.4, 0.2) == (None, 0.0)
    assert recalled_gain(0.5, 0.1, None, 0.2) == (None, 0.0)


HARDENED = StrategyState(
    name="hardened", rung=3, tool="fine_tune", typical_gain=0.1, seconds=60.0, searchable=True,
    variant_of="lora", hardens=True,
)  # fmt: skip
BEARS = TargetState(target="robust_accuracy>=0.8", best=0.5, gap=0.3)


def test_missed_robustness_is_trained_for_and_then_searched() -> None:
    first = propose(digest(targets=[BEARS], robust_missed=True, strategies=[*ladder(), HARDENED]))
    assert (first.tool, first.arguments["strategy"]) == ("fine_tune", "hardened")
    done = HARDENED.model_copy(update={"tried": True})
    then = propose(digest(targets=[BEARS], robust_missed=True, strategies=[*ladder(), done]))
    assert (then.tool, then.arguments["strategy"]) == ("search_hyperparameters", "hardened")
    last = done.model_copy(update={"searched": True})
    rest = propose(digest(targets=[BEARS], robust_missed=True, strategies=[*ladder(), last]))
    assert rest.arguments.get("strategy") != "hardened"


@pytest.mark.parametrize(("left", "trials"), [(490.0, 4), (350.0, None)])
def test_search_of_ways_to_harden_has_as_many_trials_as_the_gate_will_find_time_for(
    left: float, trials: int | None
) -> None:
    done = HARDENED.model_copy(update={"tried": True, "trial_seconds": 120.0})
    found = propose(
        digest(targets=[BEARS], robust_missed=True, strategies=[*ladder(), done], seconds_left=left)
    )
    assert (found.arguments.get("strategy") == "hardened") is (trials is not None)
    assert trials is None or found.arguments["trials"] == trials


def test_what_hardens_is_not_tried_where_robustness_holds() -> None:
    held = TargetState(target="robust_accuracy>=0.8", best=0.9, gap=0.0)
    targets = [held, TargetState(target="macro_f1>=0.99", best=0.5, gap=0.49)]
    tried = [name for name, *_ in LADDER]
    found = propose(digest(targets=targets, strategies=[*ladder(tried=tried), HARDENED]))
    assert found.arguments.get("strategy") != "hardened"
