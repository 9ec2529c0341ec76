"""Adversarial training: `python -P -m tuneos.evals.benchmarks.adversarial [SET…] [--method M]…`.

Tunes the built-in base model on some training rows, plainly and in each way, with every
seed: for as many epochs as the plain one, and for about as much time (as many passes over the
rows, in whole epochs). Test rows are then answered as they are, under each perturbation (robust:
right under all of them), and under the word-swap attack. The plain line is "before".

Rows, epochs and test rows are few, so that all of it ends in about half an hour on two quiet
cores: differences are what counts, and the spread over seeds stands beside them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from .machine import describe
from .runs import DATA, found_in

SETS = {"rotten_tomatoes": "sentiment/rotten_tomatoes", "banking77": "intent/banking77"}
# Settings of each way, and passes over the rows that an epoch of it takes.
METHODS: dict[str, tuple[dict[str, Any], float]] = {
    "plain": ({}, 1.0),
    "typos": ({"noise": "typos"}, 2.0),
    "characters": ({"noise": "characters"}, 2.0),
    "fgm": ({"adversarial": "fgm"}, 2.0),
    "pgd": ({"adversarial": "pgd"}, 3.0),
    "freelb": ({"adversarial": "freelb"}, 2.3),
    "rdrop": ({"adversarial": "rdrop"}, 2.0),
    "smart": ({"adversarial": "smart"}, 4.0),
    "characters+freelb": ({"noise": "characters", "adversarial": "freelb"}, 4.6),
}
RATES = {"top_layers": 5e-4, "lora": 1e-3}
HEAD = (
    "| set | way | compared at | epochs | seeds | seconds | accuracy | robust | under attack "
    "| robust, against plain |\n|" + "---|" * 10
)

CHILD = """
import json, sys, tempfile, time
from pathlib import Path
import numpy as np
import torch
torch.set_num_threads(1)
from tuneos.tools.datasets.read import read_data
from tuneos.tools.deployment.model import load_model
from tuneos.tools.jobs.spec import JobSpec
from tuneos.tools.robustness.attack import attack
from tuneos.tools.robustness.likeness import likeness_of
from tuneos.tools.datasets.splits import rows_looked_at
from tuneos.tools.robustness.measure import rewrite, robust_rows
from tuneos.tools.tasks import find_task
from tuneos.tools.training.base_model import BUILTIN, find_base_model
from tuneos.tools.training.data import JobData
from tuneos.tools.training.fine_tune import settings_of, tune

asked = json.loads(sys.argv[1])
seed, base = asked["seed"], find_base_model(BUILTIN)
splits = read_data(Path(asked["data"])).splits
def some(split, most):
    return split.take(rows_looked_at(split, most, seed))
def spread(split, most):
    # As many rows of every class, as far as there are.
    order = np.random.default_rng(seed).permutation(len(split))
    seen, ranked = {}, []
    for i in order:
        label = split.labels[i]
        ranked.append((seen.setdefault(label, 0), int(i)))
        seen[label] += 1
    return split.take(sorted(i for _, i in sorted(ranked)[:most]))
train, test = spread(splits["train"], asked["rows"]), some(splits["test"], asked["test"])
validation = spread(splits["validation"], 100)
task = find_task("text-classification")
what = dict(kind="fine_tune", data="", task=task.name, base_model=BUILTIN,
            base_digest=base.digest, metric="accuracy", seed=seed)
rewritten = rewrite(task, test, asked["test"], base, seed)
attacked, alike = some(test, asked["attacked"]), likeness_of(base)
for each in asked["todo"]:
    with tempfile.TemporaryDirectory() as work:
        settings = settings_of({"strategy": asked["strategy"], "batch_size": 16, "patience": 100,
                                "learning_rate": asked["rate"], **each["settings"]})
        spec = JobSpec(what={**what, "settings": settings.model_dump()}, name="x", data_folder="",
                       cache=work)
        tuned = tune(JobData(spec, train, validation, 64), settings, Path(work) / "model",
                     lambda _: None)
        model = load_model(tuned.folder)
        found = robust_rows(model, rewritten)
        done = attack(model, attacked, base, alike)
        print("FOUND", json.dumps({
            **{k: each[k] for k in ("way", "at", "epochs")}, "seed": seed,
            "seconds": round(tuned.seconds, 1), "columns": found.mean(0).tolist(),
            "robust": float(found.min(1).mean()), "attacked": float(done.after.mean()),
            "unattacked": float(done.before.mean())}), flush=True)
"""


def main() -> int:
    """Train, measure, print the table; each model's figures go to `--json` as they come."""
    arguments = _arguments()
    if arguments is None:
        return 0
    print(describe())
    jobs = [(name, seed) for seed in range(arguments.seeds) for name in arguments.names]
    found: list[dict[str, Any]] = []
    with ThreadPoolExecutor(arguments.workers) as pool:
        for lines in pool.map(lambda job: list(_measured(job[0], job[1], arguments)), jobs):
            found += lines
    print("\n".join(table(found)))
    return 0


def _arguments() -> argparse.Namespace | None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}")
    parser.add_argument("--method", action="append", choices=[*METHODS], help="else all")
    parser.add_argument("--strategy", choices=[*RATES], default="lora")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=800, help="training rows")
    parser.add_argument("--epochs", type=int, default=4, help="of the plain training")
    parser.add_argument("--test", type=int, default=300, help="test rows under perturbations")
    parser.add_argument("--attacked", type=int, default=50, help="test rows under the attack")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the datasets")
    parser.add_argument("--json", type=Path, help="also append the figures to this file")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.names) - set(SETS)):
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(SETS)}")
    if not arguments.data.is_dir():
        print(f"skipped: {arguments.data} is not here")
        return None
    arguments.names = arguments.names or list(SETS)
    return arguments


def todo(methods: Sequence[str], epochs: int) -> list[dict[str, Any]]:
    """The trainings of one set and seed; what both comparisons ask for is done once."""
    made: list[dict[str, Any]] = []
    for way in methods:
        settings, passes = METHODS[way]
        short = max(1, round(epochs / passes))
        for at, number in (("equal epochs", epochs), ("equal time", short)):
            if number == epochs and at == "equal time":
                continue
            made.append(
                {"way": way, "at": at, "epochs": number, "settings": {**settings, "epochs": number}}
            )
    return made


def _measured(name: str, seed: int, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Train and measure all models of a set and a seed in a process of their own."""
    methods = list(dict.fromkeys(["plain", *(arguments.method or METHODS)]))
    asked = {
        "data": str(arguments.data / SETS[name]),
        "seed": seed,
        "todo": todo(methods, arguments.epochs),
        "rate": RATES[arguments.strategy],
        **{k: getattr(arguments, k) for k in ("strategy", "rows", "test", "attacked")},
    }
    command = [sys.executable, "-P", "-W", "ignore", "-c", CHILD, json.dumps(asked)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        for found in found_in(child.stdout or ()):
            figures = {"set": name, **found}
            text = f"{name} seed {seed} {figures['way']}: robust {figures['robust']:.3f}"
            print(text, file=sys.stderr, flush=True)
            if arguments.json:
                with arguments.json.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(figures) + "\n")
            yield figures
    if child.returncode:
        raise RuntimeError(f"{name}, seed {seed}: ended with {child.returncode}")


def table(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """Means over the seeds, with their spread; differences from plain are of the same seeds."""
    groups: dict[tuple[str, str, str, int], list[Mapping[str, Any]]] = defaultdict(list)
    plain = {}
    for line in found:
        groups[line["set"], line["way"], line["at"], line["epochs"]].append(line)
        if line["way"] == "plain":
            plain[line["set"], line["seed"]] = line
    rows = [HEAD]
    for name, way, at, epochs in sorted(groups, key=_order):
        lines = groups[name, way, at, epochs]
        gains = [
            line["robust"] - plain[name, line["seed"]]["robust"]
            for line in lines
            if (name, line["seed"]) in plain
        ]
        rows.append(
            f"| {name} | {way} | {at if way != 'plain' else 'before'} | {epochs} | {len(lines)} "
            f"| {mean(x['seconds'] for x in lines):.0f} "
            f"| {_spread([x['columns'][0] for x in lines])} "
            f"| {_spread([x['robust'] for x in lines])} "
            f"| {_spread([x['attacked'] for x in lines])} "
            f"| {'' if way == 'plain' or not gains else _spread(gains, sign=True)} |"
        )
    return rows


def _order(key: tuple[str, str, str, int]) -> tuple[int, str, int]:
    name, way, at, _ = key
    return [*SETS].index(name), at if way != "plain" else "", [*METHODS].index(way)


def _spread(values: Sequence[float], *, sign: bool = False) -> str:
    """Mean and standard deviation over the seeds."""
    said = f"{mean(values):+.3f}" if sign else f"{mean(values):.3f}"
    return f"{said} ± {stdev(values):.3f}" if len(values) > 1 else said


if __name__ == "__main__":
    sys.exit(main())
