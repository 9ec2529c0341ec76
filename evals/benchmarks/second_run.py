"""What a second run on similar data saves: `python -P -m tuneos.evals.benchmarks.second_run`.

Real runs. Each set is cut into two halves that share no row. The first run is asked on one half
for more than can be had, and spends its budget. The second is asked on the other half for what
the first reached at best on validation. It is made twice, from copies of the
workspace: one remembers the first run, one is told `--no-memory`. The two run side by side, so
that whatever else goes on slows both. Counted: tunings (trials of searches among them), steps,
and the seconds that the run took; and whether the target was met on validation. `--target` asks
all three for the same.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .machine import describe
from .runs import DATA, RunFailed, kept, run

ROWS = {"train": 500, "validation": 300, "test": 200}
HEAD = f"{'set':17} {'seed':>4} {'run':>10} {'tunings':>7} {'steps':>5} {'seconds':>7}  outcome"


METRIC, ALL = "accuracy", 0.999  # what the first run is asked for
SETS = {
    "rotten_tomatoes": "sentiment/rotten_tomatoes",
    "csabstruct": "sentence_role/csabstruct",
    "banking77": "intent/banking77",
    "snips": "intent/snips",
}


def main() -> int:
    """Run every pair and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SETS)}")
    parser.add_argument("--seeds", type=int, default=2, help="pairs of each set")
    parser.add_argument("--budget", default="6m", help="time for each run")
    parser.add_argument("--target", help="instead of what the first run reached")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the datasets")
    parser.add_argument("--json", type=Path, help="also append the results to this file")
    given = parser.parse_args()
    if not given.data.is_dir():
        print(f"skipped: {given.data} is not here")
        return 0
    print(describe(), HEAD, sep="\n", flush=True)
    saved: list[dict[str, dict[str, Any]]] = []
    for name in given.names or SETS:
        for seed in range(given.seeds):
            try:
                saved.append(_pair(name, seed, given))
            except RunFailed as error:
                print(f"{name:17} {seed:4} {error}", flush=True)
    print(_summary(saved))
    return 0


def _pair(name: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """One first run and the two that may follow it; prints a line each."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="tuneos-second-") as made:
        place = Path(made)
        halves = _halved(given.data / SETS[name], place, seed)

        def measured(kind: str, data: Path, target: str, extra: Sequence[str] = ()) -> None:
            seeded = [*extra, "--seed", str(seed)]
            result = run(data, target, given.budget, place / kind, seeded)
            found[kind] = _counted(result)
            line = {"set": name, "seed": seed, "run": kind, "target": target, **found[kind]}
            kept(given.json, line)
            print(_line(line), flush=True)

        measured("first", halves[0], given.target or f"{METRIC}>={ALL}")
        target = given.target or f"{METRIC}>={found['first']['validation']:.3f}"
        kinds = {"remembers": [], "forgets": ["--no-memory"]}
        for kind in kinds:
            shutil.copytree(place / "first", place / kind)
        with ThreadPoolExecutor() as both:
            list(both.map(lambda kind: measured(kind, halves[1], target, kinds[kind]), kinds))
    return found


def _halved(source: Path, place: Path, seed: int) -> list[Path]:
    """Write two disjoint samples of each split of a set."""
    halves = [place / f"{source.name}-{n}" for n in "ab"]
    for split, most in ROWS.items():
        rows = (source / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
        random.Random(f"{seed} {split}").shuffle(rows)
        each = min(most, len(rows) // 2)
        for number, half in enumerate(halves):
            half.mkdir(exist_ok=True)
            part = rows[number * each : (number + 1) * each]
            (half / f"{split}.jsonl").write_text("\n".join(part) + "\n", encoding="utf-8")
    return halves


def _counted(result: dict[str, Any]) -> dict[str, Any]:
    """What is told of a run."""
    spent = {name: part["spent"] for name, part in result["budget"].items()}
    content = json.loads((Path(result["report"]).parent / "report.json").read_text("utf-8"))
    (target,) = result["targets"]
    return {
        "tunings": sum(s["tool"] == "fine_tune" for s in content["steps"])
        + len(content.get("trials", ())),
        "steps": len(content["steps"]),
        "seconds": round(spent.get("seconds", 0.0), 1),
        "stop": result["stop_reason"],
        "validation": target["validation"],
        "test": target["test"],
        "chosen": result["chosen"],
    }


def _line(said: dict[str, Any]) -> str:
    figures = f"validation {said['validation']:.4f} test {said['test']:.4f}"
    outcome = f"{said['stop']} {figures} {said['chosen']} ({said['target']})"
    return (
        f"{said['set']:17} {said['seed']:4} {said['run']:>10} {said['tunings']:7} "
        f"{said['steps']:5} {said['seconds']:7.0f}  {outcome}"
    )


def _summary(pairs: Sequence[dict[str, dict[str, Any]]]) -> str:
    """Medians of what remembering took of what forgetting took."""
    if not pairs:
        return "no pair was finished"
    met = {k: sum(p[k]["stop"] == "targets_met" for p in pairs) for k in ("remembers", "forgets")}
    parts = [
        f"target met on validation: {met['remembers']} with memory, {met['forgets']} without, "
        f"of {len(pairs)} pairs"
    ]
    for what in ("tunings", "steps", "seconds"):
        figures = [(p["remembers"][what], p["forgets"][what]) for p in pairs]
        shares = [1.0 if one == other else one / max(other, 1e-9) for one, other in figures]
        fewer, more = sum(s < 1 for s in shares), sum(s > 1 for s in shares)
        parts.append(
            f"{what}: {statistics.median(shares):.2f} of those without memory at the median "
            f"(less in {fewer}, more in {more} of {len(pairs)} pairs)"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
