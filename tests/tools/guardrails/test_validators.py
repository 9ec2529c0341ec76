"""Each validator behind a Guard, as the loop uses it."""

from typing import Any

import pytest
from tuneos.tools.guardrails.guards import Verdict, ask, guard_of


def _ask(name: str, value: str, on_fail: str = "noop", **metadata: Any) -> Verdict:
    from tuneos.tools.guardrails import validators

    return ask(guard_of(getattr(validators, name)(on_fail=on_fail)), value, metadata)


def test_validators_are_registered_under_our_name() -> None:
    from guardrails.validator_base import validators_registry
    from tuneos.tools.guardrails import validators

    assert validators_registry["tuneos/personal-data"] is validators.PersonalData
    for name in ("safe-argument", "known-label", "finite-score"):
        assert f"tuneos/{name}" in validators_registry


def test_personal_data_is_fixed_and_still_reported() -> None:
    verdict = _ask("PersonalData", "mail a@example.com", "fix")
    assert verdict == Verdict(
        False, ("holds personal data (EMAIL); mask it first",), "mail [EMAIL]"
    )


def test_two_validators_in_one_guard_are_both_asked() -> None:
    from tuneos.tools.guardrails.validators import PersonalData, SafeArgument

    guard = guard_of(PersonalData(on_fail="noop"), SafeArgument(on_fail="noop"))
    assert len(ask(guard, "/home/a@example.com").failures) == 2


@pytest.mark.parametrize(
    ("name", "value", "passed"),
    [
        ("PersonalData", "where is my card?", True),
        ("PersonalData", "", True),
        ("SafeArgument", "macro_f1>=0.90", True),
        ("SafeArgument", "../x", False),
        ("KnownLabel", "refund", True),
        ("KnownLabel", "Refund", False),
        ("KnownLabel", "refund ", False),
        ("KnownLabel", "", False),
        ("FiniteScore", "0", True),
        ("FiniteScore", "1.0", True),
        ("FiniteScore", "1.0000001", False),
        ("FiniteScore", "-1e-9", False),
        ("FiniteScore", "nan", False),
        ("FiniteScore", "inf", False),
        ("FiniteScore", "high", False),
    ],
)
def test_verdict(name: str, value: str, passed: bool) -> None:
    assert _ask(name, value, labels=["refund", "other"]).passed is passed
