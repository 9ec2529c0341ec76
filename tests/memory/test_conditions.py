"""When a strategy applies."""

from __future__ import annotations

import pytest
from tuneos.memory.conditions import Condition, Value, unmet


@pytest.mark.parametrize(
    ("condition", "value", "words"),
    [
        (Condition(of="smallest_class", low=8), 8, ""),
        (Condition(of="smallest_class", low=8), 7, "needs smallest class 8 or more, here 7"),
        (Condition(of="train_rows", high=100), 101, "needs train rows 100 or less, here 101"),
        (Condition(of="device", choices=("cuda",)), "cpu", "needs device cuda, here cpu"),
        (Condition(of="device", choices=("cuda", "cpu")), "cpu", ""),
        (Condition(of="language", choices=("de",)), None, ""),  # not known
    ],
)
def test_condition_says_what_is_wrong(condition: Condition, value: Value, words: str) -> None:
    assert condition.unmet_by(value) == words


def test_first_unmet_condition_is_said_and_what_is_not_known_forbids_nothing() -> None:
    needs = (Condition(of="language", choices=("de",)), Condition(of="cores", low=4))
    assert unmet(needs, {"cores": 2}) == "needs cores 4 or more, here 2"
    assert unmet(needs, {}) == ""
