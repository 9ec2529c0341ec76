"""The recipes are complete, sourced, and what the strategies come from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tuneos.memory.errors import StoreError
from tuneos.memory.knowledge import RECIPES, KnowledgeGraph
from tuneos.memory.strategies import Strategy, Value

TASK = "text-classification"
LADDER = ["tfidf_linear", "frozen_linear", "top_layers", "lora", "full", "search", "blend"]
LADDER += ["knowledge"]
OWN = "\n".join(f.read_text() for f in (RECIPES / f"{TASK}.ttl", RECIPES / "planner.ttl"))
SETTINGS = {
    "learning_rate", "epochs", "batch_size", "weight_decay", "dropout", "warmup_ratio",
    "label_smoothing", "layers", "rank", "alpha", "peft_method", "class_weights", "optimizer",
    "trials", "members", "mixup", "adversarial", "adversarial_size",
    "noise", "noisy_copies",
}  # fmt: skip


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeGraph:
    return KnowledgeGraph(tmp_path_factory.mktemp("knowledge"))


@pytest.fixture(scope="module")
def strategies(knowledge: KnowledgeGraph) -> tuple[Strategy, ...]:
    return knowledge.strategies(TASK)


def without(recipes: str, name: str) -> str:
    """Drop the block of one strategy."""
    return re.sub(rf"\nt:{TASK}\.{name} a t:Strategy ;.*? \.\n(?=\n)", "\n", recipes, flags=re.S)


def test_ladder_comes_rung_by_rung(strategies: tuple[Strategy, ...]) -> None:
    main = [s for s in strategies if s.variant_of is None]
    assert [s.name for s in main] == LADDER
    assert [s.rung for s in main] == list(range(8))
    assert [s.rung for s in strategies] == sorted(s.rung for s in strategies)


def test_relatives_of_lora_follow_it(strategies: tuple[Strategy, ...]) -> None:
    third = [s.name for s in strategies if s.rung == 3]
    assert third[0] == "lora"
    assert set(third[1:]) == {
        *("rslora", "dora", "pissa", "ia3", "ln_tuning"),
        "hardened",  # for robust_accuracy alone
        *("bitfit", "vera", "randlora", "fourierft", "p_tuning", "prompt_tuning"),
    }


def test_every_strategy_is_complete(strategies: tuple[Strategy, ...]) -> None:
    tools = {0: "probe_baselines", 1: "probe_baselines", 5: "search_hyperparameters"}
    tools |= {6: "blend_candidates", 7: "apply_knowledge"}
    for strategy in strategies:
        if strategy.name == "augment":
            assert strategy.tool == "augment_dataset"
            continue
        assert strategy.tool == tools.get(strategy.rung, "fine_tune"), strategy.name
        assert strategy.defaults, strategy.name
        assert strategy.source, strategy.name
        assert strategy.relative_cost > 0, strategy.name
        assert 0 < strategy.typical_gain < 1, strategy.name
        assert strategy.min_examples_per_class >= 1, strategy.name


def test_settings_have_the_agreed_names(strategies: tuple[Strategy, ...]) -> None:
    for strategy in strategies:
        # Their defaults say when they are worth a try.
        if strategy.name in {"augment", "label_descriptions", "knowledge"}:
            continue
        used = {*strategy.defaults, *(p.setting for p in strategy.space)}
        used |= {name for trial in strategy.first_trials for name in trial}
        assert used <= SETTINGS, strategy.name


def test_first_trials_and_defaults_lie_in_the_search_space(
    strategies: tuple[Strategy, ...],
) -> None:
    def fits(strategy: Strategy, setting: str, value: Value) -> bool:
        for parameter in strategy.space:
            if parameter.setting == setting:
                if parameter.choices:
                    return value in parameter.choices
                assert parameter.low is not None
                assert parameter.high is not None
                assert isinstance(value, int | float)
                return parameter.low <= value <= parameter.high
        return True

    for strategy in strategies:
        for trial in (strategy.defaults, *strategy.first_trials):
            bad = {name: v for name, v in trial.items() if not fits(strategy, name, v)}
            assert not bad, strategy.name


def test_what_can_be_searched_has_first_trials(strategies: tuple[Strategy, ...]) -> None:
    for name in ("top_layers", "lora", "full"):
        strategy = next(s for s in strategies if s.name == name)
        assert len(strategy.first_trials) >= 2, name


def test_values_keep_their_types_and_choices_their_order(
    strategies: tuple[Strategy, ...],
) -> None:
    lora = next(s for s in strategies if s.name == "lora")
    space = {p.setting: p for p in lora.space}
    assert lora.defaults["rank"] == 16
    assert type(lora.defaults["rank"]) is int
    assert type(lora.defaults["learning_rate"]) is float
    assert lora.defaults["class_weights"] is False
    assert space["peft_method"].choices == (
        *("lora", "rslora", "dora", "pissa", "olora", "loha", "lokr", "oft"),
    )
    assert space["rank"].choices == (8, 16, 32, 64)
    assert space["learning_rate"].log
    assert type(space["epochs"].low) is int


def test_every_first_trial_and_constant_has_a_source(knowledge: KnowledgeGraph) -> None:
    unsourced = (
        "ASK { ?x a ?c . VALUES ?c { t:Constant t:Strategy } MINUS { ?x dcterms:source ?s } }"
    )
    trials = "ASK { ?x t:firstTrial ?trial MINUS { ?trial dcterms:source ?s } }"
    assert knowledge.query(unsourced).rows == ((False,),)
    assert knowledge.query(trials).rows == ((False,),)


def test_constants_of_the_planner(knowledge: KnowledgeGraph) -> None:
    assert knowledge.constants() == {
        "patience": 3,
        "smallGap": 0.008,
        "recallDistance": 1.0,
        "recallSpread": 0.15,
        "recallNoise": 0.05,
        "recallDrift": 0.3,
        "recallLikely": 0.3,
        "recallSame": 0.15,
    }


def test_unknown_task_has_no_strategies(knowledge: KnowledgeGraph) -> None:
    assert knowledge.strategies("clairvoyance") == ()


@pytest.mark.parametrize("name", ["lora", "frozen_linear", "ln_tuning"])
def test_removed_recipe_is_no_longer_a_strategy(tmp_path: Path, name: str) -> None:
    recipes = tmp_path / "recipes.ttl"
    recipes.write_text(OWN)
    before = KnowledgeGraph(tmp_path / "k", recipes=recipes).strategies(TASK)
    recipes.write_text(without(OWN, name))
    after = KnowledgeGraph(tmp_path / "k", recipes=recipes).strategies(TASK)
    assert {s.name for s in before} - {s.name for s in after} == {name}


def test_changed_number_is_taken_over(tmp_path: Path) -> None:
    recipes = tmp_path / "recipes.ttl"
    recipes.write_text(OWN)
    knowledge = KnowledgeGraph(tmp_path / "k", recipes=recipes)
    assert knowledge.constants()["patience"] == 3
    changed = OWN.replace('"patience" ; t:value 3', '"patience" ; t:value 7')
    recipes.write_text(changed)
    knowledge.refresh()
    assert knowledge.constants()["patience"] == 7


def test_incomplete_strategy_is_named(tmp_path: Path) -> None:
    recipes = tmp_path / "recipes.ttl"
    text = OWN.replace('t:rung 4 ; t:tool "fine_tune"', "t:rung 4")
    recipes.write_text(text)
    with pytest.raises(StoreError, match="strategy full lacks t:tool"):
        KnowledgeGraph(tmp_path / "k", recipes=recipes).strategies(TASK)


def test_broken_turtle_is_named_and_the_old_recipes_stay(tmp_path: Path) -> None:
    recipes = tmp_path / "recipes.ttl"
    recipes.write_text(OWN)
    KnowledgeGraph(tmp_path / "k", recipes=recipes).refresh()
    recipes.write_text("this is not turtle")
    with pytest.raises(StoreError, match=r"recipes.ttl is not Turtle"):
        KnowledgeGraph(tmp_path / "k", recipes=recipes).refresh()
    recipes.write_text(OWN)
    assert len(KnowledgeGraph(tmp_path / "k", recipes=recipes).strategies(TASK)) == 12
