"""A suite as an Inspect AI task: no model is asked, the agent's own graph is driven."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("inspect_ai", reason="needs the extra: pip install 'tuneos[inspect]'")

SUITE = """
name: mine
scenarios:
  - {name: column, generated: {rows: 60}, text: absent, expect: user_error, words: absent}
  - {name: wrong, generated: {rows: 60}, text: absent, expect: met}
"""
CODE = """
import json, sys
from inspect_ai import eval
from tuneos.agent.suites.inspect_task import suite
(log,) = eval(suite(sys.argv[1], only=json.loads(sys.argv[2])), model="none/none",
              log_dir=sys.argv[3], display="none", epochs=int(sys.argv[4]))
print(json.dumps({"status": log.status, "task": log.eval.task,
    "metrics": {s.name: s.metrics["mean" if s.name != "right" else "accuracy"].value
                for s in log.results.scores},
    "samples": [[s.id, s.epoch, s.scores["outcome"].answer, s.scores["outcome"].metadata["repeat"],
                 [m.role for m in s.messages]] for s in log.samples]}))
"""


def evaluated(suite: Path, only: list[str] | None, folder: Path, epochs: int = 1) -> Any:
    """Run the task in a process of its own: Inspect takes hold of much in the one it is in."""
    words = [
        sys.executable,
        "-P",
        "-c",
        CODE,
        str(suite),
        json.dumps(only),
        str(folder),
        str(epochs),
    ]
    env = {**os.environ, "INSPECT_LOG_LEVEL": "error", "INSPECT_EVAL_MODEL": ""}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def suite_file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(SUITE, encoding="utf-8")
    return path


def test_each_scenario_is_a_sample_scored_by_its_outcome(suite_file: Path, tmp_path: Path) -> None:
    found = evaluated(suite_file, None, tmp_path / "logs", epochs=2)
    assert (found["status"], found["task"]) == ("success", "tuneos_mine")
    assert found["metrics"]["right"] == 0.5
    assert found["metrics"]["violations"] == 0
    ran = sorted((s[0], s[1], s[2], s[3]) for s in found["samples"])
    assert ran == [
        ("column", 1, "user_error", 0),
        ("column", 2, "user_error", 1),
        ("wrong", 1, "user_error", 0),
        ("wrong", 2, "user_error", 1),
    ]
    assert list((tmp_path / "logs").glob("*.eval"))


@pytest.mark.slow
def test_steps_of_the_agent_stand_in_the_log(tmp_path: Path) -> None:
    found = evaluated(Path("core"), ["easy-target"], tmp_path / "logs")
    ((_, _, outcome, _, roles),) = found["samples"]
    assert outcome == "met"
    assert roles[:3] == ["user", "assistant", "tool"]


def test_task_is_found_by_its_name_as_an_installed_package_gives_it() -> None:
    import tomllib

    project = tomllib.loads(Path(__file__).parents[3].joinpath("pyproject.toml").read_text())
    entry = project["project"]["entry-points"]["inspect_ai"]["tuneos"]
    assert entry == "tuneos.agent.suites.inspect_task"
