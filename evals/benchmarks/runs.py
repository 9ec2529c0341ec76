"""Runs of the command line, as the benchmarks drive it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
TUNEOS = (sys.executable, "-P", "-m", "tuneos.agent.cli")


class RunFailed(Exception):
    """A command ended otherwise than with a result; holds its last words."""


def run(
    data: Path, target: str, budget: str, workspace: Path, extra: Sequence[str] = ()
) -> dict[str, Any]:
    """Run `tuneos run` on a folder; the JSON that it printed.

    Raises:
        RunFailed: It came to no verdict.
    """
    command = [*TUNEOS, "run", str(data), "--target", target, "--budget", budget, "--json"]
    said = _call([*command, "--workspace", str(workspace), *extra], good={0, 3})
    found: dict[str, Any] = json.loads(said)
    return found


def predict(model: str, rows: Path) -> list[dict[str, Any]]:
    """Answer a file with `tuneos predict`, one answer a row.

    Raises:
        RunFailed: It could not.
    """
    said = _call([*TUNEOS, "predict", model, str(rows)], good={0})
    return [json.loads(line) for line in said.split("\n") if line]


def against(result: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Give the comparison with a baseline, if it was made."""
    return next((c for c in result["comparisons"] if c["against"] == name), None)


def _call(command: Sequence[str], good: set[int]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in good:
        last = done.stderr.strip().split("\n")[-1]
        raise RunFailed(f"exit code {done.returncode}: {last[:200]}")
    return done.stdout
