"""What every task has to keep, whichever it is."""

from __future__ import annotations

import pytest
from tuneos.evals.metrics import METRICS
from tuneos.memory.knowledge import RECIPES
from tuneos.memory.strategies import strategies_in
from tuneos.tools.registry import TOOLS
from tuneos.tools.tasks import MODULES, TASKS, find_task

TUNED = {"top_layers", "lora", "full"}


@pytest.mark.parametrize("name", TASKS)
def test_task_is_found_by_its_name_and_says_what_it_is(name: str) -> None:
    task = find_task(name)
    assert task.name == name
    assert task.summary
    assert MODULES[name] == name.replace("-", "_")


@pytest.mark.parametrize("name", TASKS)
def test_metrics_of_a_task_are_known(name: str) -> None:
    metrics = find_task(name).metrics
    assert metrics
    assert set(metrics) <= set(METRICS)
    assert not METRICS[metrics[0]].unit


@pytest.mark.parametrize("name", TASKS)
def test_recipe_names_the_rungs_of_its_task(name: str) -> None:
    strategies = strategies_in(RECIPES, name)
    probes = {s.name for s in strategies if s.tool == "probe_baselines"}
    assert probes
    assert probes <= set(find_task(name).probes)
    main = {s.name for s in strategies if s.tool == "fine_tune" and s.variant_of is None}
    assert main
    assert main <= TUNED


@pytest.mark.parametrize("name", TASKS)
def test_every_tool_that_a_recipe_names_is_there(name: str) -> None:
    assert {s.tool for s in strategies_in(RECIPES, name)} <= set(TOOLS)
