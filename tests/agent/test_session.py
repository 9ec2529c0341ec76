"""Runs through the real graph, from data to report, with a scripted controller."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fakes import (
    FAKE,
    FINISH,
    NAME,
    PROBE,
    Ran,
    Scripted,
    Turn,
    controlled_by,
    run_scripted,
    run_with,
    ticket_rows,
)
from tuneos.agent.plan import plan_run
from tuneos.agent.planner import read_digest
from tuneos.agent.runs import create_run, find_run, read_story
from tuneos.agent.session import go_on
from tuneos.agent.spec import make_spec
from tuneos.graphs.approval import Answer, Question, WaitingForPerson
from tuneos.memory.errors import StoreError
from tuneos.memory.ledger import Ledger
from tuneos.memory.seal import Seals
from tuneos.tools.datasets.splits import split_from_bytes
from tuneos.tools.registry import TOOLS

CONTRACT = {
    "run": str,
    "met": bool,
    "stop_reason": str,
    "task": str,
    "controller": str,
    "base_model": str,
    "targets": list,
    "baselines": list,
    "candidates": list,
    "comparison": dict,
    "budget": dict,
    "model": str,
    "report": str,
}


def test_run_stops_at_the_first_rung_that_meets_the_target(met: Ran) -> None:
    assert met.result.met
    assert met.result.stop_reason == "targets_met"
    assert met.result.chosen == "tfidf_linear"
    assert len(met.model.seen) == 1
    assert [e["tool"] for e in met.of("step_ended")] == ["probe_baselines", "confirm"]


def test_result_holds_every_key_of_the_contract(met: Ran) -> None:
    said = json.loads(met.result.model_dump_json())
    for name, kind in CONTRACT.items():
        if name != "comparison":
            assert isinstance(said[name], kind), name
    assert "comparison" in said
    (target,) = said["targets"]
    assert set(target) >= {"metric", "op", "value", "validation", "test", "ci", "met"}
    low, high = target["ci"]
    assert low <= target["test"] <= high
    assert {b["name"]: set(b["test"]) >= {"macro_f1"} for b in said["baselines"]} == {
        "majority": True
    }
    assert all(set(c) >= {"name", "strategy", "validation", "seconds"} for c in said["candidates"])
    assert said["budget"]["seconds"]["limit"] == 600
    assert 0 < said["budget"]["seconds"]["spent"] < 600
    assert said["controller"] == NAME


def test_model_and_report_are_where_the_result_says(met: Ran) -> None:
    assert met.result.model is not None
    assert met.result.report is not None
    assert (Path(met.result.model) / "tuneos.json").is_file()
    html = Path(met.result.report).read_text(encoding="utf-8")
    assert met.result.run in html
    assert 'http-equiv="refresh"' not in html
    assert read_story(met.run).result == met.result


def test_test_split_is_opened_once_by_the_chosen_candidate(met: Ran) -> None:
    seals = Seals(met.run.workspace.ledger)
    opener = seals.opened_by(met.run.name)
    assert opener is not None
    with pytest.raises(StoreError, match="opened by"):
        seals.open(met.run.name, "another candidate")


def test_no_tool_and_no_controller_saw_a_test_row(met: Ran) -> None:
    workspace = met.run.workspace
    seals = Seals(workspace.ledger)
    sealed = split_from_bytes(seals.open(met.run.name, str(seals.opened_by(met.run.name))))
    assert len(sealed) > 0
    versions = [p.read_text("utf-8") for p in workspace.artifacts.rglob("*.jsonl")]
    assert versions, "the data versions that jobs read should be found"
    for text in sealed.texts:
        assert text not in met.shown
        assert not any(text in version for version in versions)


def test_run_is_in_the_knowledge_graph(met: Ran) -> None:
    from tuneos.memory.knowledge import KnowledgeGraph

    graph = KnowledgeGraph(met.run.workspace.knowledge)
    found = graph.query(f'SELECT ?s WHERE {{ ?s ?p "{met.run.name}" }}', seconds=30)
    assert found.rows
    (data,) = graph.select("SELECT ?e WHERE { ?d a t:DatasetProfile ; t:meanEmbedding ?e }")
    assert len(str(data["e"]).split()) == 384


def test_finished_run_gives_the_same_result_again_without_working(met: Ran) -> None:
    again = go_on(find_run(met.run.name[:-2], met.run.workspace.root))
    assert again == met.result
    assert len(met.model.seen) == 1


DONE: Turn = [("finish", {"reason": "Done! All targets are met, accuracy is 100%."})]


@pytest.fixture(scope="module")
def hasty(tickets: Path, workspace: Path) -> Ran:
    """A controller that claims success at once, for a target that cannot be met so."""
    return run_scripted(
        [DONE, PROBE],
        tickets,
        workspace,
        targets=["latency_p95_ms<=0.000001"],
    )


def test_controller_that_says_done_at_once_is_asked_to_go_on(hasty: Ran) -> None:
    second = [str(m.content) for m in hasty.model.seen[1]]
    assert any("Not finished" in text for text in second)
    assert [e["tool"] for e in hasty.of("step_started")][:2] == ["finish", "probe_baselines"]


def test_controller_may_stop_the_second_time_it_says_so(tickets: Path, workspace: Path) -> None:
    ask: Turn = [("query_knowledge", {"about": "strategies"})]
    ran = run_scripted([ask, FINISH, FINISH], tickets, workspace, targets=["accuracy>=0.9"])
    assert [e["tool"] for e in ran.of("step_started")] == ["query_knowledge", "finish", "finish"]
    assert "Not finished" in str(ran.model.seen[2])
    assert ran.result.stop_reason == "controller_finished"


def test_unmet_target_is_reported_as_unmet_with_figures(hasty: Ran) -> None:
    assert not hasty.result.met
    assert hasty.result.stop_reason == "controller_finished"
    (target,) = hasty.result.targets
    assert target.test is not None
    assert target.test > target.value
    assert hasty.result.model is not None, "the best model is kept"


@pytest.fixture(scope="module")
def clumsy(tickets: Path, workspace: Path) -> Ran:
    """A controller that never gets a call right, and never stops."""
    nonsense: list[Any] = [
        [("rm_rf", {"path": "/"})],
        [("fine_tune", {"strategy": "magic", "epochs": -3})],
        [("probe_baselines", {"tfidf_linear": "maybe", "path": "../../etc"})],
        [("evaluate_candidate", {"candidate": "../../secret"})],
        [("query_knowledge", {"about": 7})],
    ]
    return run_scripted(nonsense * 4, tickets, workspace, targets=["accuracy>=0.9"], budget="10m")


def test_controller_that_only_talks_nonsense_ends_with_an_honest_report(clumsy: Ran) -> None:
    assert len(clumsy.of("refused")) == 4
    assert "This does not work: nothing of your last 2 answers" in str(clumsy.model.seen[2])
    (took_over,) = clumsy.of("took_over")
    assert took_over["why"] == "nothing of your last 4 answers could be used"
    assert len(clumsy.model.seen) == 4, "it is not asked again"
    assert clumsy.result.controller == f"{NAME}, then rule-based planner"
    assert clumsy.result.taken_over == took_over["why"]
    assert clumsy.result.met, "the planner meets what can be met"
    assert any("was replaced" in note for note in read_story(clumsy.run).notes)


def test_words_without_a_call_are_no_wish_to_finish(tickets: Path, workspace: Path) -> None:
    ran = run_scripted(
        ["I would fine-tune.", "Shall I?", PROBE], tickets, workspace, targets=["macro_f1>=0.8"]
    )
    assert "no tool was called" not in str(ran.model.seen[1]), "said once it is a habit"
    assert "call the tool" in str(ran.model.seen[2][-1].content)
    assert ran.result.taken_over is None
    assert ran.result.met


class Broken(Scripted):  # type: ignore[misc]
    """Answers once, then its server is gone."""

    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        if self.seen:
            raise ConnectionError("the server is gone")
        return super()._generate(*args, **kwargs)


def test_planner_takes_over_from_a_controller_that_cannot_be_reached(
    tickets: Path, workspace: Path
) -> None:
    look: Turn = [("inspect_dataset", {})]
    ran = run_with(Broken(turns=[look]), tickets, workspace, targets=["macro_f1>=0.8"])
    assert ran.result.taken_over == "ConnectionError: the server is gone"
    assert ran.result.met
    assert [e["tool"] for e in ran.of("step_ended")].count("inspect_dataset") == 1


def test_planner_takes_over_when_the_tokens_are_used_up(tickets: Path, workspace: Path) -> None:
    look: Turn = [("list_jobs", {})]
    ran = run_scripted([look] * 9, tickets, workspace, targets=["macro_f1>=0.8"], max_tokens=6_000)
    assert "tokens" in str(ran.result.taken_over)
    spent = ran.result.budget["tokens"]
    assert spent.limit == 6_000
    assert 0 < spent.spent <= 6_000
    assert ran.result.met


def test_time_that_an_early_quitter_leaves_is_used(tickets: Path, workspace: Path) -> None:
    ran = run_scripted([DONE] * 9, tickets, workspace, targets=["macro_f1>=0.8"], budget="10m")
    assert "wanted to stop at" in str(ran.result.taken_over)
    assert len(ran.model.seen) == 2, "it is asked to go on first"
    assert ran.result.met


def test_data_that_nobody_inspected_is_not_taken_for_too_small(clumsy: Ran) -> None:
    # 120 rows, 3 classes: training keeps more rows of each than any strategy needs.
    first = read_digest(clumsy.model.seen[0])
    assert not first.data.inspected
    assert first.data.smallest_class >= 20


def test_controller_gets_every_tool_bound(met: Ran) -> None:
    assert [t["function"]["name"] for t in met.model.bound] == list(TOOLS)


def test_refusals_reach_the_controller_in_words(clumsy: Ran) -> None:
    assert "there is no tool 'rm_rf'" in clumsy.shown
    assert "probe_baselines" in clumsy.shown
    assert "strategy" in clumsy.shown


def test_test_split_stays_sealed_when_there_is_nothing_to_confirm(
    tickets: Path, workspace: Path
) -> None:
    ran = run_scripted([PROBE], tickets, workspace, targets=["accuracy>=0.9"], budget="5s")
    assert ran.result.chosen is None
    assert ran.result.model is None
    assert ran.result.targets[0].test is None
    assert Path(str(ran.result.report)).is_file()
    assert Seals(ran.run.workspace.ledger).opened_by(ran.run.name) is None


@pytest.mark.parametrize(
    ("kind", "seed", "jobs"),
    [
        ("prepared", 0, 0),
        ("judged", 4, 1),
        ("step_ended", 5, 1),
    ],
)
def test_interrupted_run_goes_on_and_repeats_no_job(
    kind: str, seed: int, jobs: int, tickets: Path, workspace: Path
) -> None:
    # Another seed makes other splits, so that no job of another run can be reused.
    spec = make_spec(
        {
            "data": str(tickets),
            "workspace": str(workspace),
            "targets": ["macro_f1>=0.80"],
            "seed": seed,
            "llm": FAKE,
        },
        "test",
    )
    events: list[dict[str, Any]] = []

    def interrupt(event: dict[str, Any]) -> None:
        events.append(event)
        if event["kind"] == kind:
            raise KeyboardInterrupt

    with controlled_by(Scripted(turns=[PROBE, PROBE])):
        run = create_run(plan_run(spec))
        ledger = Ledger(run.workspace.ledger)
        with pytest.raises(KeyboardInterrupt):
            go_on(run, on_event=interrupt)
        assert ledger.run(run.name).status == "interrupted"
        before = {j.key: j.started for j in ledger.jobs(run.name)}
        assert len(before) == jobs
        result = go_on(find_run(run.name, workspace), on_event=events.append)
    after = {j.key: j.started for j in ledger.jobs(run.name)}
    assert result.met
    assert ledger.run(run.name).status == "finished"
    assert before.items() <= after.items(), "the probes were not run again"
    assert all(s.reserved == 0 for s in ledger.spending(run.name).values())


def test_run_stops_when_budget_is_spent(tickets: Path, workspace: Path) -> None:
    ran = run_scripted([PROBE], tickets, workspace, targets=["accuracy>=0.9"], budget="5s")
    assert ran.result.stop_reason == "budget_spent"
    assert "choose something cheaper" in ran.of("refused")[0]["why"]
    assert ran.result.candidates == []
    assert not ran.result.met


def test_where_time_is_short_confirm_leaves_out_the_detector_and_says_so(
    tickets: Path, workspace: Path, met: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuneos.graphs.confirm.confirm_seconds", lambda facts: 1e6)
    late = run_scripted([PROBE], tickets, workspace, targets=["macro_f1>=0.80"], budget="11m")
    assert (Path(met.result.model or "") / "anomaly.json").is_file()
    assert not (Path(late.result.model or "") / "anomaly.json").is_file()
    assert late.result.met
    assert any("no ood_score" in note for note in read_story(late.run).notes)


def test_detector_that_a_busy_machine_draws_out_is_ended_for_the_budget(
    tickets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuneos.graphs.confirm.confirm_seconds", lambda facts: 100.0)
    monkeypatch.setattr("tuneos.graphs.confirm.SCORING", 12.0)  # of a budget of 20 minutes
    late = run_scripted([PROBE], tickets, tmp_path, targets=["macro_f1>=0.80"], budget="20m")
    assert not (Path(late.result.model or "") / "anomaly.json").is_file()
    assert late.result.met
    assert any("cannot tell odd inputs" in note for note in read_story(late.run).notes)


def test_costly_step_waits_for_a_person_who_may_say_no(
    tickets: Path, workspace: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("ask: [{tool: probe_baselines, above: 6}]")
    asked: list[Question] = []

    def refuse(question: Question) -> bool:
        asked.append(question)
        return False

    ran = run_scripted(
        [PROBE, FINISH, FINISH],
        tickets,
        workspace,
        approve=refuse,
        policy=str(policy),
        targets=["accuracy>=0.9"],
    )
    assert [q.tool for q in asked] == ["probe_baselines"]
    assert asked[0].reason == "because the script says so"
    assert "the person said no" in ran.shown
    assert ran.result.candidates == []


def test_step_that_a_person_changed_is_checked_again(
    tickets: Path, workspace: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("ask: [{tool: probe_baselines}]")
    answers: list[dict[str, Any]] = [{"rungs": "perhaps"}, {"rungs": ["tfidf_linear"]}]

    def change(question: Question) -> Answer:
        assert question.why_asked == "probe_baselines"
        return Answer(decision="edit", arguments=answers.pop(0))

    probe: Turn = [("probe_baselines", {})]
    ran = run_scripted(
        [probe, probe],
        tickets,
        workspace,
        approve=change,
        policy=str(policy),
        targets=["macro_f1>=0.8"],
    )
    assert "the person's change cannot be: rungs" in ran.of("refused")[0]["why"]
    (step,) = read_story(ran.run).steps
    assert step.arguments == {"rungs": ["tfidf_linear"]}
    assert step.approved == "changed by a person"


def test_run_waits_where_nobody_can_be_asked_and_goes_on_with_a_yes(
    tickets: Path, workspace: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("ask: [{tool: probe_baselines}]")
    said = {"approve": "ask", "policy": str(policy), "llm": FAKE, "targets": ["macro_f1>=0.8"]}
    spec = make_spec({"data": str(tickets), "workspace": str(workspace), **said}, "test")
    with controlled_by(Scripted(turns=[PROBE])):
        run = create_run(plan_run(spec))
        with pytest.raises(WaitingForPerson, match="probe_baselines"):
            go_on(run)
        ledger = Ledger(run.workspace.ledger)
        assert ledger.run(run.name).status == "waiting"
        result = go_on(run, approve=lambda _: True)
    assert result.met


def test_costly_steps_are_refused_where_none_may_be_asked(
    tickets: Path, workspace: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("ask: [{tool: fine_tune}]")
    tune: Turn = [("fine_tune", {"strategy": "lora"})]
    said = {"approve": "never", "policy": str(policy), "llm": FAKE, "targets": ["macro_f1>=0.8"]}
    spec = make_spec({"data": str(tickets), "workspace": str(workspace), **said}, "test")
    events: list[dict[str, Any]] = []
    with controlled_by(Scripted(turns=[tune, PROBE])):
        assert go_on(create_run(plan_run(spec)), on_event=events.append).met
    (refused,) = [e for e in events if e["kind"] == "refused"]
    assert "needs a person, and none may be asked" in refused["why"]


def test_run_without_a_target_keeps_the_best_and_says_so(tickets: Path, workspace: Path) -> None:
    ran = run_scripted([PROBE, FINISH, FINISH], tickets, workspace)
    assert ran.result.stop_reason == "no_targets"
    assert ran.result.targets == []
    assert ran.result.chosen == "tfidf_linear"


def test_no_run_by_that_name_names_the_workspace(workspace: Path, met: Ran) -> None:
    with pytest.raises(StoreError, match="There is no run 'nothing'"):
        find_run("nothing", workspace)


def test_tickets_are_all_different() -> None:
    assert len({text for text, _ in ticket_rows()}) == 120


def test_person_who_says_no_to_everything_is_asked_each_thing_once(
    tickets: Path, workspace: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("ask: [{tool: '*'}]")
    asked: list[str] = []

    def refuse(question: Question) -> bool:
        asked.append(question.tool)
        return False

    said = {"policy": str(policy), "targets": ["accuracy>=0.9"], "approve": "ask"}
    spec = make_spec({"data": str(tickets), "workspace": str(workspace), **said}, "test")
    result = go_on(create_run(plan_run(spec)), approve=refuse)
    assert len(asked) == len(set(asked))
    assert result.stop_reason == "controller_finished"
    assert not result.met
