"""Start-up and frozen-rung figures: `python -m tuneos.evals.benchmarks.startup`.

Seconds of `tuneos --help` as a whole process, and of the frozen-embedding rung on
Banking77, embedding and head included, with its test accuracy.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from .machine import describe
from .runs import DATA, found_by

BANKING77 = DATA / "intent" / "banking77"
REPEATS = 7

FROZEN = """
import json, sys, time, numpy
from tuneos.evals.measures.classes import score
from tuneos.tools.training.base_model import BUILTIN, find_base_model, load_encoder, load_tokenizer
from tuneos.tools.training.embed import embed
from tuneos.tools.training.hardware import calibrate_threads, pick_device
from tuneos.tools.training.linear import fit_best_linear
from tuneos.tools.training.tokens import tokenize
read = lambda s: [json.loads(line) for line in open(f"{sys.argv[1]}/{s}.jsonl")]
splits = {s: read(s) for s in ("train", "validation", "test")}
labels = sorted({r["label"] for r in splits["train"]})
start = time.perf_counter()
calibrate_threads()
base = find_base_model(BUILTIN)
encoder, tokenizer = load_encoder(base), load_tokenizer(base)
x = {s: embed(encoder, tokenize(tokenizer, [r["text"] for r in rows], 256), pick_device())
     for s, rows in splits.items() if s != "test"}
y = {s: numpy.array([labels.index(r["label"]) for r in rows]) for s, rows in splits.items()}
head, _ = fit_best_linear(x["train"], y["train"], x["validation"], y["validation"], len(labels))
seconds = time.perf_counter() - start
test = tokenize(tokenizer, [r["text"] for r in splits["test"]], 256)
found = score(y["test"], head.probabilities(embed(encoder, test, pick_device())))
print("FOUND", json.dumps({"seconds": seconds, "accuracy": found["accuracy"]}))
"""


def main() -> int:
    """Print both figures; 1 when one misses what the project asks of itself."""
    print(describe())
    laps = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-P", "-m", "tuneos.agent.cli", "--help"],
            capture_output=True,
            check=True,
        )
        laps.append(time.perf_counter() - start)
    middle = statistics.median(laps)
    print(f"tuneos --help: {min(laps):.2f} – {middle:.2f} – {max(laps):.2f} s (min, median, max)")
    if not BANKING77.is_dir():
        print(f"frozen rung skipped: {BANKING77} is not here")
        return int(middle >= 0.5)
    found = found_by(FROZEN, str(BANKING77))
    seconds, accuracy = found["seconds"], found["accuracy"]
    print(f"frozen rung on banking77: {seconds:.0f} s, test accuracy {accuracy:.4f}")
    return int(middle >= 0.5 or seconds >= 60 or accuracy < 0.925)


if __name__ == "__main__":
    sys.exit(main())
