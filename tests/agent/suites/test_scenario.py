"""Suite files: what can be read, and the one line for what can't."""

from __future__ import annotations

from pathlib import Path

import pytest
from tuneos.agent.suites.scenario import SuiteError, read_suite
from tuneos.evals.targets import parse_target

GOOD = "name: s\nscenarios:\n  - {name: a, data: a.csv, targets: accuracy>=0.5}\n"
ONE = "name: s\nscenarios:\n  - "
BAD = {
    "": "must be a mapping",
    "- a\n": "must be a mapping",
    "name: [": "cannot be read as YAML",
    "name: s\n": "scenarios",
    "name: s\nscenarios: []\n": "scenarios",
    f"{ONE}{{name: a}}": "give either `data` or `generated`",
    f"{ONE}{{name: a, data: a.csv, generated: {{}}}}": "give either `data` or `generated`",
    f"{ONE}{{name: A b, data: a.csv}}": "scenarios.0.name",
    f"{ONE}{{name: a, data: a.csv, colour: red}}": "scenarios.0.colour",
    f"{ONE}{{name: a, data: a.csv, expect: luck}}": "scenarios.0.expect",
    f"{ONE}{{name: a, data: a.csv, fault: earthquake}}": "scenarios.0.fault",
    f"{ONE}{{name: a, generated: {{rows: 2}}}}": "scenarios.0.generated.rows",
    f"{ONE}{{name: a, generated: {{overlap: 1}}}}": "scenarios.0.generated.overlap",
    f"{ONE}{{name: a, data: a.csv, seed: -1}}": "scenarios.0.seed",
    f"{GOOD}  - {{name: a, data: b.csv}}": "two scenarios are called 'a'",
}


@pytest.mark.parametrize("text", list(BAD))
def test_suite_that_cannot_be_used_gets_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SuiteError) as caught:
        read_suite(str(path))
    said = str(caught.value)
    assert BAD[text] in said
    assert str(path) in said
    assert "\n" not in said


@pytest.mark.parametrize("ref", ["nowhere.yaml", "no-such-suite"])
def test_missing_suite_is_named(ref: str) -> None:
    with pytest.raises(SuiteError, match=ref):
        read_suite(ref)


def test_data_lies_beside_the_suite(tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_text(GOOD, encoding="utf-8")
    suite = read_suite(str(tmp_path / "suite.yaml"))
    assert suite.folder == tmp_path
    assert suite.scenarios[0].targets == ("accuracy>=0.5",)


def test_core_covers_what_an_agent_must_cope_with() -> None:
    suite = read_suite("core")
    names = {s.name for s in suite.scenarios}
    assert len(names) >= 12
    assert names >= {
        "easy-target",
        "impossible-target",
        "tiny-data",
        "wrong-column",
        "imbalance",
        "leakage",
        "budget-too-small",
        "killed-worker",
        "killed-agent",
        "out-of-memory",
        "noisy-labels",
        "conflicting-targets",
    }
    assert {s.fault for s in suite.scenarios} == {
        None,
        "kill_worker",
        "kill_agent",
        "out_of_memory",
    }
    good = [t for s in suite.scenarios if s.expect != "user_error" for t in s.targets]
    assert all(parse_target(t) for t in good)
