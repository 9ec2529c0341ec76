"""Personal data on pii/presidio_synth: `python -m tuneos.evals.benchmarks.personal_data`.

`tuneos mask --mode report` reads the test split; its audit is held against the true spans. A
true span is recalled when every letter and digit of it is masked, whatever the kind said; a
masked piece is precise when it meets a true span of any kind. With `--model FOLDER`, a
token-classification model tuned on the train split, the same over all types.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .machine import describe
from .runs import DATA

WANTED = {
    "EMAIL_ADDRESS": 0.99,
    "IBAN_CODE": 0.99,
    "US_SSN": 0.99,
    "IP_ADDRESS": 0.99,
    "CREDIT_CARD": 0.95,
    "PHONE_NUMBER": 0.90,
}
PRECISION, RECALL = 0.87, 0.84  # over all types, with a model

Span = tuple[int, int]


def main(words: Sequence[str] | None = None) -> int:
    """Print recall of each kind, and precision; 1 when a figure is missed."""
    reads = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    reads.add_argument("--model", type=Path, help="token-classification model")
    reads.add_argument("--split", default="test", choices=("train", "validation", "test"))
    said = reads.parse_args(words)
    data = DATA / "pii/presidio_synth" / f"{said.split}.jsonl"
    rows = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
    print(describe())
    found, seconds = _found([row["text"] for row in rows], said.model)
    held = _recall(rows, found)
    right, all_ = _precise(rows, found)
    ok = True
    for kind, (covered, count) in sorted(held.items()):
        wanted = WANTED.get(kind)
        if wanted is None and said.model is None:
            continue
        missed = wanted is not None and covered < wanted * count
        ok = ok and not missed
        goal = f", wanted {wanted}{' MISSED' if missed else ''}" if wanted else ""
        print(f"{kind:<18} recall {covered / count:.3f} ({covered} of {count}){goal}")
    for kind in sorted(set(WANTED) - set(held)):
        print(f"{kind:<18} is not in this split: nothing measured")
    covered, count = (sum(column) for column in zip(*held.values(), strict=True))
    goals = f", wanted {PRECISION} and {RECALL}" if said.model else ""
    precision, recall = right / max(all_, 1), covered / count
    print(f"all types: precision {precision:.3f} ({right} of {all_}), recall {recall:.3f}{goals}")
    print(f"{1000 * seconds / len(rows):.1f} ms a text, without start and imports")
    if said.model:
        ok = ok and precision >= PRECISION and recall >= RECALL
    return int(not ok)


def _found(texts: Sequence[str], model: Path | None) -> tuple[list[list[Span]], float]:
    """Run the command; the masked pieces of each text, and its seconds.

    Texts go in without ids: one that a model takes for a name would not be in the audit.
    """
    with tempfile.TemporaryDirectory() as folder:
        data, audit = Path(folder) / "data.jsonl", Path(folder) / "audit.jsonl"
        data.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts), encoding="utf-8")
        command = [sys.executable, "-P", "-m", "tuneos.agent.cli", "mask", str(data), "--json"]
        command += ["--mode", "report", "--audit", str(audit)]
        command += ["--model", str(model)] if model else []
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found: list[list[Span]] = [[] for _ in texts]
        for line in audit.read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            found[int(one["id"].split()[-1]) - 1].append((one["start"], one["end"]))
    return found, float(json.loads(done.stdout)["seconds"])


def _recall(
    rows: Sequence[dict[str, Any]], found: Sequence[Sequence[Span]]
) -> dict[str, tuple[int, int]]:
    """Of each true type, how many spans are masked whole, and how many there are."""
    held: dict[str, tuple[int, int]] = {}
    for row, pieces in zip(rows, found, strict=True):
        masked = {i for start, end in pieces for i in range(start, end)}
        for span in row["spans"]:
            inside = range(span["start"], span["end"])
            whole = all(i in masked for i in inside if row["text"][i].isalnum())
            covered, count = held.get(span["label"], (0, 0))
            held[span["label"]] = covered + whole, count + 1
    return held


def _precise(rows: Sequence[dict[str, Any]], found: Sequence[Sequence[Span]]) -> tuple[int, int]:
    """How many masked pieces meet a true span, and how many there are."""
    right = 0
    for row, pieces in zip(rows, found, strict=True):
        right += sum(
            any(start < s["end"] and s["start"] < end for s in row["spans"])
            for start, end in pieces
        )
    return right, sum(map(len, found))


if __name__ == "__main__":
    sys.exit(main())
