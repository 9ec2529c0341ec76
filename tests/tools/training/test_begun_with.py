"""Fine-tunes and searches begin with what paid on similar data, and say so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tuneos.memory.knowledge import KnowledgeGraph
from tuneos.tools.facts import Candidate, Facts, Outcome, Remembered
from tuneos.tools.knowledge.recalled import from_memory
from tuneos.tools.search import tool as search
from tuneos.tools.search.tool import SEARCH
from tuneos.tools.training.asked_settings import as_will_run

PAID = Remembered(
    run="old",
    iri="https://tuneos.org/run/old",
    distance=0.1,
    strategy="top_layers",
    settings={"layers": 3, "learning_rate": 5e-4},
    gain=0.3,
)
FAR = PAID.model_copy(update={"distance": 0.6})
NEAR = {"recallSame": 0.15}
NONE = PAID.model_copy(update={"gain": 0.0})
ASKED = {"strategy": "top_layers"}


class Stopped(Exception):
    """Holds the job that would have run."""


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return SimpleNamespace(
        knowledge=KnowledgeGraph(tmp_path_factory.mktemp("k")),
        task="text-classification",
        base=lambda _: ("builtin:minilm", ""),
        trials_left=lambda: None,
        workers=1,
    )


def test_fine_tune_begins_with_what_paid(context: Any) -> None:
    settings = as_will_run({**ASKED}, context, Facts(remembered=(PAID,), constants=NEAR))
    assert (settings.layers, settings.learning_rate) == (3, 5e-4)


def test_what_the_call_names_itself_is_kept(context: Any) -> None:
    settings = as_will_run(
        {**ASKED, "layers": 1}, context, Facts(remembered=(PAID,), constants=NEAR)
    )
    assert (settings.layers, settings.learning_rate) == (1, 5e-4)


def test_without_memory_or_gain_the_recipe_holds(context: Any) -> None:
    recipe = as_will_run({**ASKED}, context, Facts())
    assert as_will_run({**ASKED}, context, Facts(remembered=(NONE,), constants=NEAR)) == recipe
    assert (recipe.layers, recipe.learning_rate) != (3, 5e-4)


def test_what_paid_further_away_is_no_beginning(context: Any) -> None:
    far = as_will_run({**ASKED}, context, Facts(remembered=(FAR,), constants=NEAR))
    assert far == as_will_run({**ASKED}, context, Facts())


def test_search_tries_what_paid_first_then_the_trials_of_its_recipe(
    context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[dict[str, Any]] = []

    def make(*_: object, **more: Any) -> None:
        made.append(more)
        raise Stopped

    monkeypatch.setattr(search, "make_spec", make)
    asked = SEARCH.arguments.model_validate({**ASKED, "trials": 4})
    distant = Facts(remembered=(FAR,), constants=NEAR)
    for facts in (Facts(), Facts(remembered=(PAID,), constants=NEAR), distant):
        with pytest.raises(Stopped):
            SEARCH.run(asked, context, facts, lambda _: None)
    without, with_memory, from_afar = (m["first_trials"] for m in made)
    assert with_memory[1:] == without
    assert from_afar == (*without, with_memory[0])
    assert (with_memory[0]["layers"], with_memory[0]["learning_rate"]) == (3, 5e-4)


@pytest.mark.parametrize(
    ("settings", "asked", "recalled"),
    [
        ({"layers": 3, "learning_rate": 5e-4}, (), {"layers", "learning_rate"}),
        ({"layers": 1, "learning_rate": 5e-4}, ("layers",), {"learning_rate"}),
        ({"layers": 1, "learning_rate": 5e-4}, (), set()),
    ],
)
def test_candidate_names_the_run_that_its_settings_came_from(
    settings: dict[str, Any], asked: tuple[str, ...], recalled: set[str]
) -> None:
    made = Candidate(
        name="a", strategy="top_layers", settings=settings, validation={}, seconds=1.0, folder=""
    )
    (found,) = from_memory(Outcome(candidates=(made,)), [PAID], asked).candidates
    assert found.recalled == dict.fromkeys(recalled, PAID.iri)
