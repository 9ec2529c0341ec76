"""What remembered settings save a search: `python -P -m tuneos.evals.benchmarks.warm_start`.

tables/trials.json holds real trials: settings of top_layers, trained on 320 to 680 rows of each
of six sets with one thread, with macro F1 on 400 others, and the profile of the rows. A search
is replayed on each set with the others as its past: without memory it goes through the recipe's
default, its first trials, then the rest in random order (Optuna draws its first ten trials at
random, too); with memory the best settings of past runs on similar sets come before them. Each
past run saw PAST trials, in an order of its own. Asked: after how many trials, and seconds, a
score is reached that is nearly the table's best.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .machine import describe

TABLES = Path(__file__).with_name("tables") / "trials.json"
PAST = 8  # trials of a past run: what a search usually makes
FIXED = 3  # rows of a table that every search begins with: the default and the first trials
RESAMPLES = 2000

# Runs in a child, as memory belongs to a layer that figures must not import: which rows of the
# table a search on each set begins with, given the best row of each past run.
BEGIN = """
import json, sys
from tuneos.memory.knowledge import RECIPES
from tuneos.memory.recall import PastRun, PastTry, Profile, distance
from tuneos.memory.strategies import strategies_in
from tuneos.tools.knowledge.recalled import best_tries, seeds

profiles, tables, bests, within = json.load(sys.stdin)
strategies = strategies_in(RECIPES, "text-classification")
answers = []
for best in bests:
    answer = {}
    for name, profile in profiles.items():
        apart = sorted((distance(Profile(profile), Profile(profiles[other])), other)
                       for other in best if other != name)
        remembered = []
        for far, other in apart:
            if far <= within:
                row = tables[other][best[other]]
                below = PastTry("i:0", "frozen_linear", {}, 0.0, 0.0)
                tried = PastTry("i:1", "top_layers", row["settings"], row["value"], 0.0)
                run = PastRun("i:" + other, other, far, (below, tried), ())
                remembered += best_tries(run, strategies, "macro_f1")
        known = [row["settings"] for row in tables[name]]
        begun = [r.settings for r in seeds(remembered, "top_layers")]
        answer[name] = [known.index(s) for s in begun if s in known]
    answers.append(answer)
print(json.dumps(answers))
"""


def main() -> int:
    """Replay searches with and without memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--within", type=float, default=0.01, help="share of the best score")
    parser.add_argument("--distance", type=float, default=1.0, help="of profiles, at most")
    parser.add_argument(
        "--after", action="store_true", help="what is remembered comes after the recipe's trials"
    )
    given = parser.parse_args()
    kept = json.loads(TABLES.read_text(encoding="utf-8"))
    profiles = {name: part["profile"] for name, part in kept.items()}
    tables = {name: part["trials"] for name, part in kept.items()}
    orders = [{n: order(len(t), f"{seed} {n}") for n, t in tables.items()}
              for seed in range(2 * given.seeds)]  # fmt: skip
    past, now = orders[: given.seeds], orders[given.seeds :]
    bests = [
        {n: max(o[n][:PAST], key=lambda i: tables[n][i]["value"]) for n in tables} for o in past
    ]
    begun = beginnings(profiles, tables, bests, given.distance)
    print(describe())
    print(f"{given.seeds} seeds; target: within {given.within:.1%} of the best of the table")
    print(
        "set               rows  meet it       trials        seconds  trials saved, seconds saved"
    )
    saved = []
    for name, rows in tables.items():
        least = (1 - given.within) * max(row["value"] for row in rows)
        cold = [cost(rows, o[name], least) for o in now]
        warm = [
            cost(rows, order_with(b[name], o[name], given.after), least)
            for o, b in zip(now, begun, strict=True)
        ]
        said = [f"{statistics.median(c[k] for c in cold):.3g} → "
                f"{statistics.median(w[k] for w in warm):.3g}" for k in (0, 1)]  # fmt: skip
        less = [interval([c[k] - w[k] for c, w in zip(cold, warm, strict=True)]) for k in (0, 1)]
        meeting = sum(row["value"] >= least for row in rows)
        head = f"{name:18}{len(rows):4}{meeting:9}{said[0]:>13}{said[1]:>15}"
        print(f"{head}  {less[0]}, {less[1]}")
        saved.append([share(cold, warm, k) for k in (0, 1)])
    for k, what in ((0, "trials"), (1, "seconds")):
        print(f"mean over sets of {what} saved, as a share: {interval([s[k] for s in saved])}")
    return 0


def order(count: int, seed: str) -> list[int]:
    """In which order a search without memory goes through the rows of a table."""
    rest = list(range(FIXED, count))
    random.Random(seed).shuffle(rest)
    return [*range(FIXED), *rest]


def order_with(begun: list[int], order: list[int], after: bool) -> list[int]:
    """The same with what is remembered, before the recipe's own trials or after them."""
    return [*order[:FIXED], *begun, *order] if after else [*begun, *order]


def cost(rows: Sequence[dict[str, float]], order: Sequence[int], least: float) -> tuple[int, float]:
    """Trials and seconds until a score; what was trained is not trained again."""
    seconds = 0.0
    for number, i in enumerate(dict.fromkeys(order), 1):
        seconds += rows[i]["seconds"]
        if rows[i]["value"] >= least:
            return number, seconds
    raise ValueError("the best of the table is in every order")


def share(cold: Sequence[Sequence[float]], warm: Sequence[Sequence[float]], k: int) -> float:
    """What memory saves on a set, 0 to 1; below zero where it costs."""
    return 1 - sum(w[k] for w in warm) / sum(c[k] for c in cold)


def interval(values: Sequence[float]) -> str:
    """Mean and its 95% interval by the percentile bootstrap."""
    rng = random.Random(0)
    means = sorted(statistics.fmean(rng.choices(values, k=len(values))) for _ in range(RESAMPLES))
    low, high = means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES)]
    return f"{statistics.fmean(values):.2f} ({low:.2f} to {high:.2f})"


def beginnings(
    profiles: dict[str, object], tables: dict[str, object], bests: Sequence[object], within: float
) -> list[dict[str, list[int]]]:
    """Which rows each search begins with, as the product's own functions choose them."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", BEGIN],
        input=json.dumps([profiles, tables, bests, within]),
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[dict[str, list[int]]] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
