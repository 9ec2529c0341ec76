"""Kills inside saving: `python -m tuneos.evals.benchmarks.checkpoint_kills [--kills 30]`.

A process does nothing but save checkpoints of some 40 MB. It is killed at seeded
moments while a draft is on the disk; the next one must find the newest checkpoint
that had been saved, whole, and go on. One in three is damaged besides: a bit of the
newest is flipped, or its end torn off, and the one before it must be found.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .machine import describe

SAVER = """
import sys, torch
from pathlib import Path
from tuneos.tools.training.checkpoint import Checkpoints, Snapshot
checkpoints = Checkpoints(Path(sys.argv[1]))
found = checkpoints.latest()
number = 0 if found is None else found.number
if found is not None:
    whole = all(bool((t == number).all()) for t in found.tensors.values())
    assert whole and found.state == {"number": number}, "a checkpoint of mixed content"
print("RESUMED", number, flush=True)
while True:
    number += 1
    tensors = {str(i): torch.full((1_000_000,), float(number)) for i in range(10)}
    if checkpoints.save(Snapshot(number, tensors, {"number": number})):
        print("SAVED", number, flush=True)
"""


def main() -> int:
    """Print what came of the kills; 1 when a training could not have gone on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    print(describe(), flush=True)
    root = Path(tempfile.mkdtemp(prefix="tuneos-checkpoints-"))
    folder = root / "steps"
    inside, lives, damaged, unresumable, saved = 0, 0, 0, 0, 0
    least = 0  # number of the checkpoint that must be found at least
    while inside < arguments.kills:
        lives += 1
        saver = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", SAVER, str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert saver.stdout is not None
        first = saver.stdout.readline().split()
        if not first or int(first[1]) < least:
            unresumable += 1
            print(f"life {lives}: asked for {least}, got {first}; {saver.communicate()[1][-500:]}")
            saver.kill()
            break
        for _ in range(rng.randint(1, 2)):  # some are saved in peace
            saver.stdout.readline()
        _wait_for_draft(folder)
        time.sleep(rng.uniform(0, 0.25))
        saver.kill()
        said = [int(line.split()[1]) for line in saver.communicate()[0].splitlines()]
        saved = max([*said, _newest(folder)])
        hit = any(folder.glob(".writing-*"))
        inside += hit
        least = saved
        if hit and inside % 3 == 0:
            damaged += 1
            least = _damage(folder, rng)
    shutil.rmtree(root, ignore_errors=True)
    print("| kills inside saving | lives | besides damaged | checkpoints saved | unresumable |")
    print("|---|---|---|---|---|")
    print(f"| {inside} | {lives} | {damaged} | {saved} | {unresumable} |")
    return int(unresumable > 0)


def _wait_for_draft(folder: Path) -> None:
    until = time.monotonic() + 60
    while not any(folder.glob(".writing-*")) and time.monotonic() < until:
        time.sleep(0.002)


def _whole(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.name.isdigit())


def _newest(folder: Path) -> int:
    return max((int(p.name) for p in _whole(folder)), default=0)


def _damage(folder: Path, rng: random.Random) -> int:
    """Damage the newest checkpoint; the number of the one before it."""
    kept = _whole(folder)
    path = kept[-1] / rng.choice(["tensors.safetensors", "state.json"])
    content = bytearray(path.read_bytes())
    place = rng.randrange(len(content))
    if rng.random() < 0.5:
        content[place] ^= 1 << rng.randrange(8)
    else:
        del content[place:]
    path.write_bytes(content)
    return int(kept[-2].name) if len(kept) > 1 else 0


if __name__ == "__main__":
    sys.exit(main())
