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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .out_of_scope import figures, row
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
HEAD = (
    "| against | rows | AUROC | 95% interval | highest probability | false alarms at 95% recall "
    "| highest probability | odd rows abstained |\n|" + "---|" * 8
)


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
                found = figures(usual, odd)
                print(row(f"{name}: {other}", found, len(odd)), flush=True)
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
    found = (pair(r["tokens"], list(spans(r["tags"]))) for r in rows if len(r["tags"]) <= LONGEST)
    draft.write_text("".join(json.dumps(p) + "\n" for p in found if p), encoding="utf-8")
    return draft


def spans(tags: Sequence[str]) -> Iterator[tuple[int, int]]:
    """First and end word of each entity, of BIO tags."""
    starts = [i for i, tag in enumerate(tags) if tag.startswith("B-")]
    for start in starts:
        end = start + 1
        while end < len(tags) and tags[end].startswith("I-"):
            end += 1
        yield start, end


def pair(words: Sequence[str], found: Sequence[tuple[int, int]]) -> dict[str, Any] | None:
    """A sentence with its first two entities as head and tail; None where it has fewer."""
    if len(found) < 2:
        return None
    row: dict[str, Any] = {"text": " ".join(words)}
    for name, (first, end) in zip(("head", "tail"), found, strict=False):
        text = " ".join(words[first:end])
        start = len(" ".join([*words[:first], ""]))
        row[name] = {"text": text, "start": start, "end": start + len(text)}
    return row


if __name__ == "__main__":
    sys.exit(main())
