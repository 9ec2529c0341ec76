"""`tuneos explain RUN` and the chat's why, against what the ledger says really happened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes import PROBE, Ran, run_scripted
from rdflib import RDF, Graph, URIRef
from tuneos.agent.explain import ExplainError, explained, export_prov, is_model
from tuneos.agent.plan import plan_run
from tuneos.agent.runs import Run, create_run
from tuneos.agent.session import go_on
from tuneos.agent.spec import make_spec
from tuneos.evals.result import RunResult
from tuneos.memory.experiments import run_iri
from tuneos.memory.knowledge import KnowledgeGraph
from tuneos.memory.ledger import Ledger
from tuneos.memory.namespaces import PROV, TUNEOS
from tuneos.tools.knowledge.account import account_of
from tuneos.tools.knowledge.asked import answer, prose
from tuneos.tools.knowledge.explanation import Explanation

BAD: tuple[str, dict[str, object]] = ("no_such_tool", {})


@pytest.fixture(scope="module")
def planned(tickets: Path, workspace: Path) -> tuple[Run, RunResult, Explanation]:
    """A run of the planner, and what is said of it."""
    spec = make_spec(
        {
            "data": str(tickets),
            "workspace": str(workspace),
            "targets": ["macro_f1>=0.80"],
            "budget": "10m",
        },
        "test",
    )
    run = create_run(plan_run(spec))
    result = go_on(run)
    found = explained(run)
    assert found is not None
    return run, result, found


@pytest.fixture(scope="module")
def refused(tickets: Path, workspace: Path) -> Ran:
    """A run in which the gate refused a call."""
    return run_scripted(
        [[BAD], PROBE], tickets, workspace, targets=["macro_f1>=0.80"], budget="10m"
    )


def test_every_step_of_the_ledger_is_told_with_its_reason_and_iri(
    planned: tuple[Run, RunResult, Explanation],
) -> None:
    run, _, found = planned
    steps = [e for e in Ledger(run.workspace.ledger).trail(run.name) if e.kind == "step"]
    facts = found.of("step")
    assert [f.number for f in facts] == list(range(1, len(steps) + 1))
    for number, (fact, entry) in enumerate(zip(facts, steps, strict=True), 1):
        assert fact.iri == f"{run_iri(run.name)}/step/{number}"
        assert entry.tool in fact.text
        assert entry.reason.rstrip(".") in fact.text
        assert entry.state == "ok"


def test_model_stop_and_figures_are_those_of_the_result(
    planned: tuple[Run, RunResult, Explanation],
) -> None:
    _, result, found = planned
    assert found.chosen == result.chosen
    assert found.data_hash == result.data_hash
    (candidate,) = [c for c in result.candidates if c.name == result.chosen]
    told = prose(answer(found, "model"))
    assert f"{result.chosen} with macro_f1 {candidate.validation['macro_f1']:.4f} leads" in told
    assert "every target was met on validation" in prose(answer(found, "stop"))
    test = prose(answer(found, "test"))
    assert "met" in test
    for comparison in result.comparisons:
        assert f"Against {comparison.against}: {comparison.difference:+.4f}" in test


def test_strategy_is_traced_to_its_recipe_and_source(
    planned: tuple[Run, RunResult, Explanation],
) -> None:
    _, result, found = planned
    first = found.of("strategy")[0]
    assert first.iri == f"{TUNEOS}text-classification.{result.chosen}"
    assert first.source


def test_opening_of_the_seal_and_spending_are_told(
    planned: tuple[Run, RunResult, Explanation],
) -> None:
    _, result, found = planned
    opened = [f for f in found.of("decision") if "opened" in f.about]
    assert [str(result.chosen) in f.text for f in opened] == [True]
    assert any("10 min allowed" in f.text for f in found.of("budget"))


@pytest.mark.parametrize(
    "about", ["the moon", "mask personal data", "full fine-tuning", "dora", "refused", "seed 9"]
)
def test_what_never_happened_is_not_known(
    planned: tuple[Run, RunResult, Explanation], about: str
) -> None:
    said = answer(planned[2], about)
    assert isinstance(said, str)
    assert "not known" in said


def test_step_that_is_not_there_is_said_not_to_be(
    planned: tuple[Run, RunResult, Explanation],
) -> None:
    assert "There is no step 99; there are" in prose(answer(planned[2], "step 99"))


def test_refusal_is_told_with_its_reason(refused: Ran) -> None:
    found = explained(refused.run)
    assert found is not None
    told = prose(answer(found, "refused"))
    assert "The gate refused no_such_tool" in told
    assert "because the script says so" in told


def test_run_that_was_killed_is_explained_from_the_ledger(tickets: Path, workspace: Path) -> None:
    spec = make_spec({"data": str(tickets), "workspace": str(workspace)}, "test")
    run = create_run(plan_run(spec))
    with pytest.raises(KeyboardInterrupt):
        go_on(run, on_event=_stop_at_first_step)
    found = explained(run)
    assert found is not None
    entries = Ledger(run.workspace.ledger).trail(run.name)
    assert len(found.of("step")) == sum(e.kind == "step" for e in entries)
    assert any("paused" in f.about for f in found.of("decision"))
    assert not found.of("test")
    assert answer(found, "model") == "No model has been chosen: nothing has been scored yet."


def _stop_at_first_step(event: dict[str, object]) -> None:
    if event["kind"] == "step_ended":
        raise KeyboardInterrupt


def test_account_that_says_nothing_new_is_not_written_again(refused: Ran) -> None:
    workspace = refused.run.workspace
    knowledge = KnowledgeGraph(workspace.knowledge)
    before = (workspace.knowledge / "journal.txt").read_bytes()
    account = account_of(Ledger(workspace.ledger), refused.run.name)
    knowledge.record_account(account)
    first = (workspace.knowledge / "journal.txt").stat().st_size
    knowledge.record_account(account)
    assert (workspace.knowledge / "journal.txt").stat().st_size == first
    assert len(before) <= first


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # rdflib's own JSON-LD
@pytest.mark.parametrize("name", ["prov.ttl", "prov.json", "prov.nt"])
def test_provenance_loads_and_names_agents_and_derivations(
    planned: tuple[Run, RunResult, Explanation], tmp_path: Path, name: str
) -> None:
    run, result, found = planned
    path = tmp_path / name
    export_prov(KnowledgeGraph(run.workspace.knowledge), found, path)
    kind = {"ttl": "turtle", "json": "json-ld", "nt": "nt"}[name[5:]]
    graph = Graph().parse(path, format=kind)
    assert (URIRef(found.iri), RDF.type, URIRef(PROV + "Activity")) in graph
    candidate = URIRef(f"{found.iri}/candidate/{result.chosen}")
    makers = set(graph.objects(candidate, URIRef(PROV + "wasGeneratedBy")))
    assert any("/step/" in str(m) for m in makers)
    agents = set(graph.objects(None, URIRef(PROV + "wasAssociatedWith")))
    assert any("rule-based" in str(a) for a in agents)


def test_export_to_an_unknown_kind_is_refused(
    planned: tuple[Run, RunResult, Explanation], tmp_path: Path
) -> None:
    with pytest.raises(ExplainError, match="ends in"):
        export_prov(
            KnowledgeGraph(planned[0].workspace.knowledge), planned[2], tmp_path / "prov.pdf"
        )


def test_page_holds_every_fact_and_a_picture(
    planned: tuple[Run, RunResult, Explanation], tmp_path: Path
) -> None:
    from tuneos.tools.reporting.why_page import write_why_page

    write_why_page(planned[2], tmp_path / "why.html")
    html = (tmp_path / "why.html").read_text(encoding="utf-8")
    assert 'data-plot="provenance' in html
    assert all(f.iri in html for f in planned[2].facts)
    assert "<script" not in html


def test_model_folder_and_run_name_are_told_apart(
    planned: tuple[Run, RunResult, Explanation],
) -> None:
    run, result, _ = planned
    assert is_model(str(result.model))
    assert not is_model(run.name)


def test_answer_of_the_model_is_explained_exactly(
    planned: tuple[Run, RunResult, Explanation],
) -> None:
    from tuneos.agent.explain import asked_row
    from tuneos.tools.attribution.explained import explain_answer
    from tuneos.tools.deployment.model import load_model

    run, result, _ = planned
    model = load_model(Path(str(result.model)))
    split = asked_row(model.task, "the flight and the luggage")
    found = explain_answer(model, split, run.workspace)
    assert found.answer["label"] == "travel"
    (one,) = found.attributions
    assert one.complete
    strongest = max(one.words, key=lambda w: w.value)
    assert strongest.text in {"flight", "luggage"}
    assert found.nearest[0].label == "travel"
    json.dumps(found.model_dump(mode="json"))
