"""Controllers to compare, as they are named on the command line."""

from __future__ import annotations

import pytest
from tuneos.agent.controller import ControllerError
from tuneos.agent.spec import SpecError
from tuneos.agent.suites.contender import Contender, read_contenders
from tuneos.agent.suites.scenario import SuiteError


def test_controllers_are_read_with_their_prices() -> None:
    assert read_contenders("planner, broken:repeats 2.50/10") == [
        Contender("planner"),
        Contender("broken:repeats", "broken:repeats", None, "2.50/10"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "name at least one"),
        ("planner,planner", "planner is named twice"),
        ("planner 1/2", "neither a model nor a price"),
        ("broken:repeats a b", r"CONTROLLER \[MODEL\] \[IN/OUT\]"),
        ("broken:magic", "choose from repeats"),
        ("nothing", "provider:model"),
        ("broken:repeats 1..2/3", "llm_price"),
    ],
)
def test_controller_that_cannot_be_had_is_refused_in_a_line(text: str, said: str) -> None:
    with pytest.raises((SuiteError, ControllerError, SpecError), match=said) as caught:
        read_contenders(text)
    assert "\n" not in str(caught.value)
