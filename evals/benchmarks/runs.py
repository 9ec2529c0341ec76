"""Runs of the command line, as the benchmarks drive it."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .machine import describe

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


def begun(
    doc: str | None, head: str, cases: Mapping[str, object], budget: str | None
) -> argparse.Namespace | None:
    """Read a benchmark's command line and print the head of its table.

    Args:
        doc: What it is, for `--help`.
        head: Of the table.
        cases: Datasets by name.
        budget: Usual time for a run; None: each case has its own.

    Returns:
        "names" (all where none was named), "budget", "data" and "json"; None where the data is
        not here.
    """
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(cases)}")
    parser.add_argument("--budget", default=budget, help="time for each run")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the datasets")
    parser.add_argument("--json", type=Path, help="also append the results to this file")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(cases))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(cases)}")
    if not arguments.data.is_dir():
        print(f"skipped: {arguments.data} is not here")
        return None
    arguments.names = arguments.names or list(cases)
    print(describe())
    print(head)
    return arguments


def kept(path: Path | None, line: Mapping[str, object]) -> None:
    """Append a result to a file of JSON lines, where one was named."""
    if path:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")


def against(result: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Give the comparison with a baseline, if it was made."""
    return next((c for c in result["comparisons"] if c["against"] == name), None)


def found_by(code: str, *words: str) -> dict[str, Any]:
    """Run code in a process of its own; the JSON that it printed after FOUND.

    Raises:
        RuntimeError: It failed; its last words.
    """
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-c", code, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-1000:])
    return next(found_in(done.stdout.splitlines()))


def found_in(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """What a process printed as JSON after FOUND, line by line as it comes."""
    return (json.loads(x.removeprefix("FOUND")) for x in lines if x.startswith("FOUND"))


def _call(command: Sequence[str], good: set[int]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in good:
        last = done.stderr.strip().split("\n")[-1]
        raise RunFailed(f"exit code {done.returncode}: {last[:200]}")
    return done.stdout
