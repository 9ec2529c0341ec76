"""Which steps need a person, and which are forbidden."""

from __future__ import annotations

from pathlib import Path

import pytest
from tuneos.graphs.policy import Policy, PolicyError, Rule, read_policy

FILE = """
ask:
  - {tool: fine_tune, above: 60}
  - {above: 600}
refuse:
  - {tool: search_hyperparameters}
"""


@pytest.mark.parametrize(
    ("tool", "seconds", "asked", "refused"),
    [
        ("fine_tune", 60, None, None),
        ("fine_tune", 61, "fine_tune above 60 s", None),
        ("probe_baselines", 599, None, None),
        ("probe_baselines", 601, "every step above 600 s", None),
        ("search_hyperparameters", 1, None, "search_hyperparameters"),
    ],
)
def test_rules_go_by_tool_and_expected_seconds(
    tmp_path: Path, tool: str, seconds: float, asked: str | None, refused: str | None
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(FILE)
    policy = read_policy(path)
    assert policy.why_asked(tool, seconds) == asked
    assert policy.why_refused(tool, seconds) == refused


def test_without_a_file_steps_above_five_minutes_need_a_person() -> None:
    policy = read_policy(None)
    assert policy == Policy(ask=(Rule(above=300),))
    assert policy.why_asked("fine_tune", 301)
    assert not policy.why_asked("fine_tune", 299)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ask: [", "cannot be read as YAML"),
        ("- fine_tune", "must be a mapping"),
        ("asks: []", "asks"),
        ("ask: [{tool: fine_tune, above: -1}]", r"ask\.0\.above"),
        ("ask: [{tool: rm_rf}]", "there is no tool 'rm_rf'"),
    ],
)
def test_policy_that_cannot_be_used_is_refused_in_a_line(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(PolicyError, match=words):
        read_policy(path)


def test_missing_policy_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"nowhere\.yaml"):
        read_policy(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("policy", "tool", "permitted"),
    [
        (Policy(), "fine_tune", True),
        (Policy(tools=("inspect_dataset",)), "inspect_dataset", True),
        (Policy(tools=("inspect_dataset",)), "fine_tune", False),
        (Policy(tools=()), "finish", True),
        (Policy(read_only=True), "inspect_dataset", True),
        (Policy(read_only=True), "record_lesson", False),
        (Policy(read_only=True), "finish", True),
        (Policy(read_only=True, tools=("fine_tune",)), "fine_tune", False),
    ],
)
def test_session_may_use_the_tools_it_was_given(policy: Policy, tool: str, permitted: bool) -> None:
    assert (policy.why_not_permitted(tool) is None) is permitted


def test_tools_of_a_session_are_read_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("tools: [inspect_dataset, finish]\nread_only: true\n")
    assert read_policy(path) == Policy(tools=("inspect_dataset", "finish"), read_only=True)
    path.write_text("tools: [rm_rf]")
    with pytest.raises(PolicyError, match="there is no tool 'rm_rf'"):
        read_policy(path)
