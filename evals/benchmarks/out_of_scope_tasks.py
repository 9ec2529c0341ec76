"""Odd inputs of other tasks: `python -P -m tuneos.evals.benchmarks.out_of_scope_tasks [NAME…]`.

Tunes on relations and on label sets as `tuneos run` does, with no rows out of the domain given,
and answers their test split and other texts with `tuneos predict`: AUROC and false alarms at
95% recall of `ood_score`, beside those of one minus the highest probability. A relation's other
texts are sentences of sets of entities, between the first two of them.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..measures.entities import Entity, entities
from .out_of_scope import head, told
from .runs import begun, kept, predict, run

# None of these sets was looked at when the way to score was chosen (docs/decisions.md).
ENTITIES = {"crossner science": "drift/crossner_domains"}
TEXTS = {"banking77": "intent/banking77", "arxiv_cs": "topic/arxiv_cs"}
# folder, a target that no run meets, the sets of other texts
CASES: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "semeval2010_task8": ("relation/semeval2010_task8", "macro_f1>=0.99", ENTITIES),
    "goemotions": ("sentiment/goemotions", "macro_f1>=0.99", TEXTS),
}
LONGEST = 80  # words of a sentence
HEAD = head("against", "highest probability")


def main() -> int:
    """Run each case that the command line names, or all; one line for each set of others."""
    arguments = begun(__doc__, HEAD, CASES, "10m")
    if arguments is None:
        return 0
    for name in arguments.names:
        folder, target, others = CASES[name]
        with tempfile.TemporaryDirectory() as workspace:
            place = Path(workspace)
            result = run(arguments.data / folder, target, arguments.budget, place)
            usual = sure(predict(result["model"], arguments.data / folder / "test.jsonl"))
            if "ood_score" not in usual[0]:
                print(f"{name}: no time was left to learn what is usual; give more --budget")
                continue
            for other, where in others.items():
                rows = asked(arguments.data / where / "test.jsonl", place / f"{other}.jsonl")
                odd = sure(predict(result["model"], rows))
                found = told(f"{name}: {other}", usual, odd)
                kept(arguments.json, {"name": name, "other": other, **found})
        alarms = np.mean([a["abstain"] for a in usual])
        print(f"model: {result['chosen']}; of {len(usual)} usual rows {alarms:.1%} abstained")
    return 0


def sure(answers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Answers with the highest probability as `score`, where several labels have one each."""
    return [
        {**a, "score": max(a["scores"].values())} if "scores" in a else dict(a) for a in answers
    ]


def asked(source: Path, draft: Path) -> Path:
    """Where rows to be answered stand: as they are, or entities made pairs, in `draft`."""
    rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    if "tags" not in rows[0]:
        return source
    found = (pair(r["tokens"], entities(r["tags"])) for r in rows if len(r["tags"]) <= LONGEST)
    draft.write_text("".join(json.dumps(p) + "\n" for p in found if p), encoding="utf-8")
    return draft


def pair(words: Sequence[str], found: Sequence[Entity]) -> dict[str, Any] | None:
    """A sentence with its first two entities as head and tail; None where it has fewer."""
    if len(found) < 2:
        return None
    row: dict[str, Any] = {"text": " ".join(words)}
    for name, (_, first, end) in zip(("head", "tail"), found, strict=False):
        text = " ".join(words[first:end])
        start = len(" ".join([*words[:first], ""]))
        row[name] = {"text": text, "start": start, "end": start + len(text)}
    return row


if __name__ == "__main__":
    sys.exit(main())
