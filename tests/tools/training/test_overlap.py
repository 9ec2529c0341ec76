"""Features of a context do not depend on the process that computes them."""

from __future__ import annotations

import os
import subprocess
import sys

CODE = """
from tuneos.tools.training.overlap import overlap
words = [f"w{i}x" for i in range(40)]
text = " ".join(w for i, w in enumerate(words) for _ in range(i % 7 + 1))
found = overlap(text + ". " + text + ".", " ".join(words) + "?")
print(found.shares.tobytes().hex(), found.features.tobytes().hex()[:4000])
"""


def test_shares_are_the_same_to_the_bit_whatever_the_hash_seed() -> None:
    def said(seed: int) -> str:
        env = {**os.environ, "PYTHONHASHSEED": str(seed)}
        done = subprocess.run(
            [sys.executable, "-P", "-c", CODE], env=env, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert len({said(seed) for seed in range(6)}) == 1
