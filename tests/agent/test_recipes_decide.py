"""What the planner and the training tool do follows from the recipes, one's own among them."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tuneos.agent.planner import propose
from tuneos.agent.tuning import Proposal
from tuneos.evals.targets import parse_target
from tuneos.graphs.digest import Digest, make_digest
from tuneos.memory.brought import read_brought
from tuneos.memory.knowledge import RECIPES, KnowledgeGraph
from tuneos.tools.facts import Candidate, DataVersion, Facts, merge
from tuneos.tools.knowledge.check import RecipeError, check_strategies
from tuneos.tools.knowledge.tool import QUERY_KNOWLEDGE
from tuneos.tools.tool import ToolRefused
from tuneos.tools.training.asked_settings import full_settings, strategy_of

TASK = "text-classification"
OWN = """
@prefix t: <https://tuneos.org/ns#> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix my: <https://example.org/#> .
my:swift a t:Strategy ; t:name "swift" ; t:technique "lora" ;
    t:forTask t:text-classification ; t:rung 2 ; t:tool "fine_tune" ;
    t:relativeCost 0.5 ; t:typicalGain 0.9 ; t:minExamplesPerClass 2 ;
    t:requires [ t:of "architecture" ; t:choices ( "encoder" ) ] , [ t:of "cores" ; t:low 1 ] ;
    t:default [ t:setting "rank" ; t:value 4 ] , [ t:setting "epochs" ; t:value 2 ] ,
        [ t:setting "target_modules" ; t:value "query value" ] ;
    dcterms:source "Our own." .
"""
KNOWN = Facts(
    data=DataVersion(key="k", name="cleaned", folder="", train_rows=9000, validation_rows=100,
                     cleaned=True, masked=True),
    rows={"train": 9000, "validation": 100}, inspected=True, smallest_class=60, median_class=60,
    label_counts={"a": 60, "b": 60}, frozen_seconds=1.0,
    candidates=(Candidate(name="frozen_linear", strategy="frozen_linear", seconds=1.0, folder="",
                          validation={"accuracy": 0.8}),),
)  # fmt: skip


def context(knowledge: KnowledgeGraph) -> Any:
    base = SimpleNamespace(base=lambda _: ("builtin:minilm", ""))
    return SimpleNamespace(
        knowledge=knowledge,
        task=TASK,
        run="r",
        base_model="builtin:minilm",
        base=base.base,
        targets=(),
    )


def state(knowledge: KnowledgeGraph) -> Digest:
    """What a controller sees once it has asked the graph."""
    asked = QUERY_KNOWLEDGE.arguments.model_validate({"about": "strategies"})
    found = QUERY_KNOWLEDGE.run(asked, context(knowledge), Facts(), lambda _: None).facts
    targets = (parse_target("accuracy>=0.9"),)
    return make_digest(merge(KNOWN, found), [], targets, "accuracy", 5000.0, None)


def planned(knowledge: KnowledgeGraph) -> Proposal:
    return propose(state(knowledge))


@pytest.fixture
def swift(tmp_path: Path) -> KnowledgeGraph:
    (tmp_path / "own.ttl").write_text(OWN)
    return KnowledgeGraph(tmp_path / "k", brought=read_brought([tmp_path / "own.ttl"]))


def test_recipe_of_ones_own_is_planned_and_run_with_its_settings(swift: KnowledgeGraph) -> None:
    proposal = planned(swift)
    assert (proposal.tool, proposal.arguments) == ("fine_tune", {"strategy": "swift"})
    settings = full_settings(dict(proposal.arguments), context(swift))
    assert settings["strategy"] == "lora"
    assert (settings["rank"], settings["target_modules"]) == (4, "query value")
    assert strategy_of(dict(proposal.arguments), context(swift)) == "swift"


def test_without_it_the_planner_does_something_else(tmp_path: Path) -> None:
    known = KnowledgeGraph(tmp_path / "k")
    assert planned(known).arguments["strategy"] != "swift"
    with pytest.raises(ToolRefused, match=r"no strategy 'swift'.*lora"):
        full_settings({"strategy": "swift"}, context(known))


def test_removing_a_recipe_changes_what_is_planned(tmp_path: Path) -> None:
    before = planned(KnowledgeGraph(tmp_path / "before")).arguments["strategy"]
    text = "\n".join(f.read_text() for f in sorted(RECIPES.glob("*.ttl")))
    block = rf"\nt:{TASK}\.{before} a t:Strategy ;.*? \.\n(?=\n)"
    recipes = tmp_path / "recipes.ttl"
    recipes.write_text(re.sub(block, "\n", text, flags=re.S))
    after = planned(KnowledgeGraph(tmp_path / "after", recipes=recipes)).arguments["strategy"]
    assert after != before


def test_recipe_loaded_into_the_workspace_counts_until_it_is_removed(tmp_path: Path) -> None:
    from rdflib import Graph

    knowledge = KnowledgeGraph(tmp_path / "k")
    knowledge.put("own", Graph().parse(data=OWN), "recipes")
    assert planned(knowledge).arguments == {"strategy": "swift"}
    assert planned(KnowledgeGraph(tmp_path / "k")).arguments == {"strategy": "swift"}
    knowledge.remove("own", "recipes")
    assert planned(knowledge).arguments["strategy"] != "swift"


def test_state_says_why_a_strategy_does_not_apply(tmp_path: Path) -> None:
    (tmp_path / "own.ttl").write_text(OWN.replace('"encoder"', '"causal"'))
    knowledge = KnowledgeGraph(tmp_path / "k", brought=read_brought([tmp_path / "own.ttl"]))
    own = next(s for s in state(knowledge).strategies if s.name == "swift")
    assert not own.feasible
    assert own.why_not == "needs architecture causal, here encoder"
    assert planned(knowledge).arguments["strategy"] != "swift"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('t:technique "lora"', 't:technique "magic"', "choose from top_layers, lora, full"),
        ('t:tool "fine_tune"', 't:tool "rm"', "there is no tool 'rm'"),
        ('"epochs" ; t:value 2', '"epochs" ; t:value 0', "t:default epochs"),
        ('"rank" ; t:value 4', '"rang" ; t:value 4', "t:default rang"),
    ],
)
def test_recipe_that_no_tool_can_follow_is_refused_before_the_run(
    before: str, after: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "own.ttl").write_text(OWN.replace(before, after))
    knowledge = KnowledgeGraph(tmp_path / "k", brought=read_brought([tmp_path / "own.ttl"]))
    with pytest.raises(RecipeError) as caught:
        check_strategies(knowledge.strategies(TASK))
    assert words in str(caught.value)


@pytest.mark.parametrize("task", sorted(f.stem for f in RECIPES.glob("*-*.ttl")))
def test_shipped_recipes_can_be_followed(task: str) -> None:
    from tuneos.memory.strategies import strategies_in

    check_strategies(strategies_in(RECIPES, task))
