"""Broken controllers × the core suite: `python -m tuneos.evals.benchmarks.broken_controllers`.

Each scenario of the core suite, its budget cut to seconds, is run by the planner and by
controllers that repeat themselves, call unknown tools, claim success, burn tokens, … Every
run must end with a report (or, where the input is at fault, with the one clear line), none
over any budget, none with a traceback. Jobs are shared between the controllers of a
scenario, and charged as if each had done them. `--quick` takes five scenarios and ten ways.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from .machine import describe

CORE = Path(__file__).resolve().parents[2] / "agent" / "suites" / "core.yaml"
BUDGET = 90  # seconds a run
TOKENS = 120_000
DOLLARS = 0.50
PRICE = "2.50/10"  # US dollars for a million tokens read, and written
WAYS = (
    "repeats",
    "unknown_tools",
    "nonsense",
    "unparsed",
    "claims_success",
    "stops_at_once",
    "never_stops",
    "burns_tokens",
    "raises",
    "malicious",
    "empty",
    "times_out",
)
QUICK_WAYS = 10
QUICK = (
    "easy-target",
    "wrong-column",
    "budget-too-small",
    "killed-worker",
    "conflicting-targets",
)


def main(words: Sequence[str] | None = None) -> int:
    """Print a line for each way; 1 when a run did not end as it must."""
    reads = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    reads.add_argument("--only", help="scenarios of the core suite, with commas")
    reads.add_argument("--ways", help=f"of {', '.join(WAYS)}, with commas")
    reads.add_argument("--quick", action="store_true", help="five scenarios, ten ways")
    said = reads.parse_args(words)
    ways = said.ways.split(",") if said.ways else WAYS[: QUICK_WAYS if said.quick else None]
    only = said.only or (",".join(QUICK) if said.quick else None)
    print(describe())
    with tempfile.TemporaryDirectory() as folder:
        suite = Path(folder) / "broken.yaml"
        suite.write_text(yaml.safe_dump(_cut(CORE)), encoding="utf-8")
        contenders = ["planner", *(f"broken:{way} {PRICE}" for way in ways)]
        found = _evaluate(suite, contenders, only)
    runs: list[dict[str, Any]] = found["runs"]
    print(f"{'controller':<24} runs  ended  over budget  tracebacks  taken over  tokens  wasted")
    for name in dict.fromkeys(run["controller"] for run in runs):
        print(_line(name, [run for run in runs if run["controller"] == name]))
    wrong = [run for run in runs if run["violations"] or not run["right"]]
    for run in wrong:
        print(f"{run['scenario']}, {run['controller']}: {run['violations'] or run['note']}")
    broken = [run for run in runs if run["controller"] != "planner"]
    bad = sum(run in broken for run in wrong)
    print(f"{len(broken)} runs of {len(ways)} broken controllers, {bad} not as they must be")
    return int(bool(wrong) or not found["complete"])


def _cut(core: Path) -> dict[str, Any]:
    """The core suite with small budgets of every kind; what a run reaches is left open."""
    suite: dict[str, Any] = yaml.safe_load(core.read_text(encoding="utf-8"))
    for scenario in suite["scenarios"]:
        scenario.pop("best_known", None)
        if scenario["expect"] != "user_error":
            scenario["expect"] = "honest"
        if scenario["name"] != "budget-too-small":
            scenario["budget"] = f"{BUDGET}s"
        scenario |= {"max_tokens": TOKENS, "max_cost": DOLLARS}
    return suite


def _evaluate(suite: Path, contenders: Sequence[str], only: str | None) -> dict[str, Any]:
    """Run `tuneos eval` as a user would; its lines go on to standard error."""
    words = [sys.executable, "-P", "-m", "tuneos.agent.cli", "eval", str(suite), "--reuse"]
    words += ["--json", "--controllers", ",".join(contenders)]
    done = subprocess.run(
        words + (["--only", only] if only else []), stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode not in {0, 3}:
        sys.exit(f"tuneos eval ended with {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _line(name: str, runs: Sequence[dict[str, Any]]) -> str:
    said = [violation for run in runs for violation in run["violations"]]
    over = sum("over budget" in s for s in said)
    fell = sum("traceback" in s for s in said)
    ended = sum(run["outcome"] != "crashed" and run["right"] for run in runs)
    taken = sum(run["taken_over"] for run in runs)
    tokens = sum(run["tokens"] for run in runs) / len(runs)
    wasted = sum(run["wasted"] for run in runs) / len(runs)
    return (
        f"{name:<24} {len(runs):>4}  {ended:>5}  {over:>11}  {fell:>10}  {taken:>10}  "
        f"{tokens:>6,.0f}  {wasted:>6.1f}"
    )


if __name__ == "__main__":
    sys.exit(main())
