"""What the shipped rules say of actions, and what a user's own do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from rdflib import Graph
from tuneos.memory.actions import Action, BaseFacts, Failure
from tuneos.memory.brought import BroughtError, read_brought
from tuneos.memory.judging import GuardedRules
from tuneos.memory.knowledge import KnowledgeGraph
from tuneos.memory.rulebook import RuleBook
from tuneos.memory.sources import as_native

BASE = BaseFacts("tiny", "abc", "encoder", "bert", ("query", "key", "dense"))
MEMORY = {"rows_at_once": 32, "max_length": 256, "checkpointing": False}
OWN = '''
@prefix t: <https://tuneos.org/ns#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix my: <https://example.org/rules#> .

my:quietHours a sh:NodeShape ; rdfs:label "quiet hours" ; sh:targetClass t:Action ;
    sh:property [ sh:path t:seconds ; sh:maxInclusive 100 ;
        sh:message "our machine is for short jobs" ] .
my:askFirst a sh:NodeShape ; sh:targetClass t:Action ; sh:severity t:Approval ;
    sh:sparql [ sh:message "{?name} needs our team's yes" ;
        sh:select """SELECT $this ?name WHERE {
            $this t:strategyName ?name FILTER(?name = "lora") }""" ] .
'''


def action(**said: Any) -> Action:
    strategy = said.get("strategy", "full")
    usual: dict[str, Any] = {
        "run": "r", "number": 1, "tool": "fine_tune", "task": "text-classification",
        "machine": "this one", "base": BASE, "data_hash": "h", "strategy": strategy,
        "strategy_iri": f"https://tuneos.org/ns#text-classification.{strategy}",
        "technique": strategy, "measures": {"median_class": 100}, "settings": MEMORY,
        "situation": {"median_class": 100, "architecture": "encoder"},
    }  # fmt: skip
    return Action(**{**usual, **said})


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeGraph:
    graph = KnowledgeGraph(tmp_path_factory.mktemp("knowledge"))
    graph.record_failure(
        Failure("before", "full", "full", "out_of_memory", MEMORY, "this one", "abc")
    )
    return graph


LATE = {"rows_at_once": 16, "max_length": 256, "checkpointing": False}


@pytest.mark.parametrize(
    ("said", "rule", "words", "severity"),
    [
        ({"settings": LATE}, "", "", ""),
        ({"settings": {**MEMORY, "checkpointing": True}}, "", "", ""),
        ({"machine": "another"}, "", "", ""),
        ({}, "out-of-memory", "ran out of memory on this machine with 32 rows of 256", "veto"),
        (
            {"settings": {**MEMORY, "rows_at_once": 64}},
            "out-of-memory",
            "compute fewer at once",
            "veto",
        ),
        (
            {"settings": LATE, "measures": {"median_class": 7}},
            "few-examples",
            "full needs 8 rows in each class (knowledge graph); half of them have 7 or fewer",
            "veto",
        ),
        (
            {"strategy": "lora", "settings": {"target_modules": "query w7"}},
            "no-such-module",
            "tiny has no module w7",
            "veto",
        ),
        (
            {"settings": LATE, "asked": {"learning_rate": 0.5}},
            "sane-range",
            "learning_rate 0.5 is far from what works for full",
            "veto",
        ),
        (
            {"settings": LATE, "licence": "cc-by-nc-sa-4.0", "use": "commercial"},
            "licence",
            "licence cc-by-nc-sa-4.0 forbids commercial use",
            "veto",
        ),
        ({"settings": LATE, "licence": "cc-by-nc-4.0", "use": "research"}, "", "", ""),
        (
            {"settings": LATE, "licence": "cc-by-nd-4.0"},
            "use-unstated",
            "state it with --use",
            "note",
        ),
        ({"settings": LATE, "repeats": "it broke"}, "failed-before", "it broke", "veto"),
        (
            {"tool": "inspect_dataset", "strategy": "", "strategy_iri": "", "settings": {},
             "licence": "cc-by-nc-4.0", "use": "commercial"},
            "", "", "",
        ),
    ],
)  # fmt: skip
def test_shipped_rule_speaks_when_it_should_and_only_then(
    said: dict[str, Any], rule: str, words: str, severity: str, knowledge: KnowledgeGraph
) -> None:
    found = knowledge.check(action(**said))
    assert [v.name for v in found] == ([rule] if rule else [])
    for violation in found:
        assert words in violation.message
        assert violation.severity == severity
        assert violation.evidence
        assert violation.source
        assert f"(rule {rule}; " in str(violation)


def test_failure_is_evidence_by_its_iri(knowledge: KnowledgeGraph) -> None:
    (violation,) = knowledge.check(action())
    assert violation.evidence[0].startswith("https://tuneos.org/run/before/failure/")
    other = KnowledgeGraph(knowledge.folder)
    assert other.failures() == knowledge.failures()


def test_own_rules_of_one_run_veto_and_ask_in_their_words(tmp_path: Path) -> None:
    (tmp_path / "own.ttl").write_text(OWN)
    brought = read_brought([tmp_path])
    mine = KnowledgeGraph(tmp_path / "k", brought=brought)
    (veto,) = mine.check(action(seconds=101.0))
    assert str(veto) == "our machine is for short jobs (rule quiet hours; 101.0)"
    assert veto.severity == "veto"
    (ask,) = mine.check(action(strategy="lora", seconds=5.0))
    assert (ask.message, ask.severity) == ("lora needs our team's yes", "ask")
    assert KnowledgeGraph(tmp_path / "k").check(action(seconds=101.0)) == ()


def test_rules_loaded_into_the_workspace_hold_until_they_are_removed(tmp_path: Path) -> None:
    knowledge = KnowledgeGraph(tmp_path / "k")
    assert knowledge.check(action(seconds=101.0)) == ()
    knowledge.put("own", Graph().parse(data=OWN, format="turtle"), "rules")
    assert [v.name for v in knowledge.check(action(seconds=101.0))] == ["quiet hours"]
    knowledge.remove("own", "rules")
    assert knowledge.check(action(seconds=101.0)) == ()


def test_what_a_user_says_of_the_world_is_reasoned_with(tmp_path: Path) -> None:
    house = """
    @prefix t: <https://tuneos.org/ns#> .
    @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
    t:licence.acme-internal a t:InHouseLicence ; t:name "acme-internal" .
    t:InHouseLicence rdfs:subClassOf t:NoDerivativesLicence .
    """
    (tmp_path / "house.ttl").write_text(house)
    knowledge = KnowledgeGraph(tmp_path / "k", brought=read_brought([tmp_path / "house.ttl"]))
    (found,) = knowledge.check(action(settings=LATE, licence="acme-internal", use="share"))
    assert "licence acme-internal forbids share use" in found.message


def test_rule_that_takes_too_long_is_ended_and_forbids_in_words_that_name_it() -> None:
    endless = """
    @prefix t: <https://tuneos.org/ns#> . @prefix sh: <http://www.w3.org/ns/shacl#> .
    t:endless a sh:NodeShape ; sh:targetClass t:Action ; sh:sparql [ sh:message "x" ; sh:select
      '''SELECT $this (COUNT(*) AS ?n) WHERE { $this t:tool ?t . ?a ?b ?c . ?d ?e ?f . ?g ?h ?i .
         ?j ?k ?l . ?m ?o ?p . FILTER(STR(?a) > STR(?p)) } GROUP BY $this''' ] .
    """
    from tuneos.memory.actions import describe

    background = Graph()
    for n in range(300):
        background.parse(data=f"<urn:a{n}> <urn:b> <urn:c{n}> .", format="turtle")
    guarded = GuardedRules(
        as_native(Graph().parse(data=endless)), as_native(background), seconds=0.5
    )
    guarded.check(describe(action()))  # the child starts
    start = time.monotonic()
    (found,) = guarded.check(describe(action()))
    assert "endless" in found.name
    assert "could not be checked within 0.5 s" in found.message
    assert found.severity == "veto"
    assert time.monotonic() - start < 60


PREFIXES = (
    "@prefix t: <https://tuneos.org/ns#> . @prefix sh: <http://www.w3.org/ns/shacl#> .\n"
    "@prefix my: <https://example.org/#> .\n"
)


def sparql(query: str) -> str:
    return (
        f"{PREFIXES} my:r a sh:NodeShape ; sh:targetClass t:Action ; "
        f"sh:sparql [ sh:message 'x' ; sh:select '''{query}''' ] ."
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("my:r a sh:NodeShape", "is not Turtle"),
        (sparql("SELECT $this WHERE { SERVICE <http://x.org> { ?s ?p ?o } }"), "SERVICE"),
        (sparql("SELECT $this FROM <file:///etc/passwd> WHERE { ?s ?p ?o }"), "FROM"),
        (sparql("DELETE WHERE { ?s ?p ?o }"), "DELETE changes data"),
        (sparql("SELECT $this WHERE { $this my:x ?o "), "rule r: The query is not SPARQL"),
        (f"{PREFIXES} my:r a sh:NodeShape ; sh:js [] .", "sh:js is not allowed"),
        (f"{PREFIXES} my:r a sh:NodeShape ; sh:rule [ sh:construct 'x' ] .", "is not allowed"),
        (f"{PREFIXES} my:s a t:Strategy ; t:name 'x' .", "lacks t:forTask"),
        (
            f"{PREFIXES} my:s a t:Strategy ; t:name 'x' ; t:forTask t:text-classification .",
            "the strategy x lacks t:rung, t:tool",
        ),
        (sparql("SELECT $this WHERE { $this t:seconds ?s MINUS { ?s t:x ?y } }"), "MINUS"),
    ],
)  # fmt: skip
def test_file_that_cannot_be_used_is_one_clear_line(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "own.ttl"
    file.write_text(text)
    with pytest.raises(BroughtError, match=r"own\.ttl") as caught:
        read_brought([file])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_folder_without_turtle_and_missing_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(BroughtError, match=r"no \.ttl file"):
        read_brought([tmp_path])
    with pytest.raises(BroughtError, match="cannot be read"):
        read_brought([tmp_path / "none.ttl"])


def test_packages_own_rules_are_judged_here_and_a_users_apart(tmp_path: Path) -> None:
    knowledge = KnowledgeGraph(tmp_path / "graph")
    assert isinstance(knowledge.judge(), RuleBook)
    knowledge.put("words", b"<urn:a> <urn:b> <urn:c> .\n", "domain")
    assert isinstance(KnowledgeGraph(tmp_path / "graph").judge(), GuardedRules)


MACHINES = '''
@prefix t: <https://tuneos.org/ns#> . @prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix d: <https://example.org/domain#> .
t:slow a sh:NodeShape ; sh:targetClass t:Action ; sh:sparql [ sh:message "{?why}" ;
    sh:select """SELECT $this ?why WHERE { $this t:strategyName ?n .
        ?x <https://example.org/domain#of> ?n ; <https://example.org/domain#says> ?why }""" ] .
'''


def test_rules_see_what_one_run_knows_of_its_domain(tmp_path: Path) -> None:
    rule, told = tmp_path / "rule.ttl", tmp_path / "domain.nt"
    rule.write_text(MACHINES)
    here = "<https://example.org/domain#"
    told.write_text(f'{here}x> {here}of> "full" .\n{here}x> {here}says> "never here" .\n')
    knowledge = KnowledgeGraph(tmp_path / "k", brought=read_brought([rule]), domain=told)
    found = knowledge.check(action(settings={}))
    assert [v.message for v in found if v.name == "slow"] == ["never here"]
