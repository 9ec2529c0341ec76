"""Hostile inputs: `python -m tuneos.evals.benchmarks.hostile_artefacts`.

Paths and addresses that lead out of the workspace, as tool arguments and as links among the
data; artefacts made to run code, to fill the memory or to lie, loaded as the product loads
them; datasets that cannot be used, generated and damaged slices of real ones, each given to
`tuneos check`. Good is: refused; refused in one line and nothing run; exit code 2 with one
line. What was tried is listed with `--all`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from .machine import describe
from .runs import DATA

WANTED = {"path": 80, "artefact": 25, "dataset": 150}
WORDS = {
    "path": "paths and addresses refused",
    "artefact": "artefacts refused, nothing run",
    "dataset": "malformed datasets, one clear line and exit code 2",
}


def main(words: Sequence[str] | None = None) -> int:
    """Print a line for each kind; 1 when one got through or too few were tried."""
    reads = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    reads.add_argument("--all", action="store_true", help="list what was tried")
    said = reads.parse_args(words)
    print(describe())
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-W", "ignore", "-P", "-m", "tuneos.agent.suites.hostile"]
        command += [folder, *([str(DATA)] if DATA.is_dir() else [])]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for kind, what in WORDS.items():
        own = [one for one in found if one["kind"] == kind]
        print(f"{sum(one['good'] for one in own):>4} of {len(own):>4} {what}")
    for one in found:
        if said.all or not one["good"]:
            print(f"{'' if one['good'] else 'GOT THROUGH '}{one['what']}: {one['said']}"[:300])
    counts = {kind: sum(one["kind"] == kind for one in found) for kind in WANTED}
    few = any(counts[kind] < count for kind, count in WANTED.items())
    return int(done.returncode != 0 or few or not all(one["good"] for one in found))


if __name__ == "__main__":
    sys.exit(main())
