"""Seconds of the rule check of an action: `python -P -m tuneos.evals.benchmarks.rule_checks`.

Every strategy of every task is proposed, as a run proposes it: the action is described in RDF,
closed under its vocabulary, and judged by the package's rules, with a hundred failures on
record; once in this process, and once as a run with rules of its own does it, in a child
process. Some proposals break a rule, most break none. "computing" is this process's own
share, which other work on the machine does not lengthen.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from .machine import describe

SCRIPT = r'''
import statistics, sys, tempfile, time
from itertools import cycle, islice
from pathlib import Path
from tuneos.memory.actions import Action, BaseFacts, Failure
from tuneos.memory.brought import read_brought
from tuneos.memory.knowledge import RECIPES, KnowledgeGraph
from tuneos.memory.strategies import strategies_in

MODULES = tuple(f"module{n}" for n in range(20))
BASE = BaseFacts("a base model", "digest", "encoder", "bert", MODULES)
OWN = """
@prefix t: <https://tuneos.org/ns#> . @prefix sh: <http://www.w3.org/ns/shacl#> .
t:own a sh:NodeShape ; sh:targetClass t:Action ; sh:sparql [ sh:message "slow" ;
    sh:select "SELECT $this WHERE { $this t:seconds ?s FILTER (?s > 100000) }" ] .
"""


def main() -> None:
    count = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "own.ttl"
        own.write_text(OWN, encoding="utf-8")
        kinds = {
            "the package's rules": KnowledgeGraph(Path(folder) / "a"),
            "with a user's, in a child": KnowledgeGraph(
                Path(folder) / "b", brought=read_brought([own])
            ),
        }
        print(
            f"{'rules':28} {'ready':>7} {'actions':>8} {'vetoed':>7} {'median':>9} {'p95':>9} "
            f"{'computing':>9}"
        )
        for name, knowledge in kinds.items():
            print(_row(name, knowledge, count))


def _row(name: str, knowledge: KnowledgeGraph, count: int) -> str:
    # one way to check
    for n in range(100):
        settings = {"rows_at_once": 64 + n, "max_length": 512, "checkpointing": False}
        knowledge.record_failure(
            Failure(f"run-{n}", "full", "full", "out_of_memory", settings, "here", BASE.digest)
        )
    start = time.perf_counter()
    knowledge.check(_actions(1)[0])
    ready = time.perf_counter() - start
    laps, busy, vetoed = [], [], 0
    for action in _actions(count):
        start, worked = time.perf_counter(), time.process_time()
        found = knowledge.check(action)
        laps.append(1000 * (time.perf_counter() - start))
        busy.append(1000 * (time.process_time() - worked))
        vetoed += bool(found)
    p95 = statistics.quantiles(laps, n=20)[18]
    median = statistics.median(laps)
    own = statistics.median(busy)
    figures = f"{median:6.1f} ms {p95:6.1f} ms {own:6.1f} ms"
    return f"{name:28} {ready:5.1f} s {count:8} {vetoed:7} {figures}"


def _actions(count: int) -> list[Action]:
    # every strategy of every task in turn, with classes of three rows every tenth time
    tasks = sorted(p.stem for p in RECIPES.glob("*-*.ttl"))
    known = [(task, s) for task in tasks for s in strategies_in(RECIPES, task)]
    return [
        Action(
            run="run", number=n, tool=strategy.tool, task=task, machine="here", base=BASE,
            data_hash="data", strategy=strategy.name, strategy_iri=strategy.iri,
            technique=strategy.technique, settings={
                **strategy.defaults, "rows_at_once": 32, "max_length": 256, "checkpointing": False,
            },
            measures={"median_class": 3 if n % 10 == 0 else 100, "train_rows": 1000},
            situation={"architecture": "encoder", "device": "cpu", "cores": 2},
        )
        for n, (task, strategy) in enumerate(islice(cycle(known), count))
    ]  # fmt: skip


main()
'''


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=300)
    count = parser.parse_args().actions
    print(describe(), flush=True)
    subprocess.run([sys.executable, "-P", "-c", SCRIPT, str(count)], check=True)


if __name__ == "__main__":
    main()
