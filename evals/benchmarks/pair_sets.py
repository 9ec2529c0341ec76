"""Make sets of sentence pairs out of a set of labelled texts: same label, or another?

    python -m tuneos.evals.benchmarks.pair_sets /data/intent/snips pairs

writes pairs/{train,validation,test}.jsonl with `first`, `second` and `label`, "same" and
"different" in equal numbers. Texts of one split are paired among themselves only, and the
same data and seed give the same pairs. With `--scores` the gold is a score, 1 or 0.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PAIRS = {"train": 4000, "validation": 500, "test": 1000}
Pair = dict[str, Any]


def make_pairs(rows: Sequence[tuple[str, str]], count: int, seed: int) -> list[Pair]:
    """Pair texts, alternately of one label and of two.

    Args:
        rows: (text, label), at least two labels with two texts each.
        count: Pairs to make.
        seed: Another seed, other pairs.
    """
    rng = random.Random(seed)
    texts_of: dict[str, list[str]] = defaultdict(list)
    for text, label in rows:
        texts_of[label].append(text)
    usual = sorted(label for label, texts in texts_of.items() if len(texts) > 1)
    pairs: list[Pair] = []
    for i in range(count):
        if i % 2:
            first, second = rng.sample(texts_of[rng.choice(usual)], 2)
            pairs.append({"first": first, "second": second, "label": "same"})
        else:
            one, other = rng.sample(usual, 2)
            first, second = rng.choice(texts_of[one]), rng.choice(texts_of[other])
            pairs.append({"first": first, "second": second, "label": "different"})
    return pairs


def main() -> None:
    """Read a folder of train, validation and test.jsonl and write one of pairs."""
    parser = argparse.ArgumentParser(description="make a set of sentence pairs")
    parser.add_argument("source", type=Path, help="folder with text and label a row")
    parser.add_argument("out", type=Path)
    parser.add_argument("--scores", action="store_true", help="a score instead of a label")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name, count in PAIRS.items():
        lines = (given.source / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [(row["text"], row["label"]) for row in map(json.loads, lines)]
        pairs = make_pairs(rows, count, given.seed)
        if given.scores:
            pairs = [{**pair, "score": float(pair["label"] == "same")} for pair in pairs]
            for pair in pairs:
                del pair["label"]
        content = "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs)
        (given.out / f"{name}.jsonl").write_text(content, encoding="utf-8")
    print(f"{given.out}: {', '.join(f'{n} {c:,} pairs' for n, c in PAIRS.items())}")


if __name__ == "__main__":
    main()
