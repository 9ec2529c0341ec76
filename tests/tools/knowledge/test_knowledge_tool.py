"""Asking the knowledge graph, and telling it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tuneos.memory.knowledge import KnowledgeGraph
from tuneos.memory.sparql import QueryRefused
from tuneos.tools.facts import Facts
from tuneos.tools.knowledge.tool import QUERY_KNOWLEDGE, RECORD_LESSON
from tuneos.tools.tool import ToolRefused, ToolResult


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Any:
    graph = KnowledgeGraph(tmp_path_factory.mktemp("knowledge"))
    return SimpleNamespace(
        knowledge=graph,
        task="text-classification",
        run="a-run",
        base_model="builtin:minilm",
        targets=(),
    )


def ask(context: Any, **arguments: object) -> ToolResult:
    given = QUERY_KNOWLEDGE.arguments.model_validate(arguments)
    return QUERY_KNOWLEDGE.run(given, context, Facts(), lambda _: None)


def test_strategies_come_cheapest_first_with_what_a_controller_needs(context: Any) -> None:
    found = ask(context, about="strategies")
    names = [s.name for s in found.facts.strategies]
    assert {"tfidf_linear", "frozen_linear", "top_layers", "lora", "full"} <= set(names)
    rungs = [s.rung for s in found.facts.strategies]
    assert rungs == sorted(rungs)
    shown = [s for s in found.facts.strategies if not s.hardens]  # no target asks for the others
    assert found.summary.startswith(f"{len(shown)} strategies for text-classification")
    lora = next(s for s in found.facts.strategies if s.name == "lora")
    assert lora.searchable
    assert lora.tool == "fine_tune"
    assert lora.relative_cost > 1
    assert found.facts.constants
    assert not found.facts.candidates


def test_schema_names_the_vocabulary(context: Any) -> None:
    assert "Strategy" in ask(context, about="schema").summary


def test_rules_are_listed_with_their_words_in_few_tokens(context: Any) -> None:
    said = ask(context, about="rules").summary
    assert "few-examples (veto): {?name} needs {?least} rows in each class" in said
    assert "use-unstated (note)" in said
    assert len(said) < 2000


def test_query_gives_a_table(context: Any) -> None:
    found = ask(context, sparql="SELECT ?s WHERE { ?s a ?o } LIMIT 2")
    assert len(found.summary.splitlines()) == 3
    assert found.facts == Facts()


def test_long_answers_are_cut_and_say_so(context: Any) -> None:
    lines = ask(context, sparql="SELECT ?s ?p WHERE { ?s ?p ?o }").summary.splitlines()
    assert len(lines) == 32
    assert lines[-1] == "(more rows were left off)"


def test_asking_nothing_is_refused(context: Any) -> None:
    with pytest.raises(ToolRefused, match="give `about` or `sparql`"):
        ask(context)


@pytest.mark.parametrize("query", ["DELETE WHERE { ?s ?p ?o }", "SELECT nonsense", "DROP ALL"])
def test_queries_that_change_or_make_no_sense_are_refused(context: Any, query: str) -> None:
    with pytest.raises(QueryRefused):
        ask(context, sparql=query)


def test_lesson_can_be_asked_for_later(context: Any) -> None:
    given = RECORD_LESSON.arguments.model_validate(
        {"lesson": "rank 64 overfits small sets", "about": "lora"}
    )
    said = RECORD_LESSON.run(given, context, Facts(), lambda _: None)
    assert said.summary == "Recorded a lesson about lora."
    found = ask(
        context, sparql="SELECT ?o WHERE { ?s ?p ?o FILTER(CONTAINS(STR(?o), 'overfits')) }"
    )
    assert "rank 64 overfits small sets" in found.summary
