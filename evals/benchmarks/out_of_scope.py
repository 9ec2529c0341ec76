"""Out-of-scope detection: `python -P -m tuneos.evals.benchmarks.out_of_scope [NAME…]`.

Tunes on banking77 as `tuneos run` does, with no rows out of the domain given, and answers
banking77's test split and other sets with `tuneos predict`: AUROC and false alarms at 95%
recall of `ood_score`, beside those of one minus the label's score (max-softmax).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..anomaly import auroc, auroc_interval, false_alarms
from ..metrics import FloatArray
from .runs import begun, kept, predict, run

KNOWN = "intent/banking77"
OTHERS = {
    "snips": "intent/snips",
    "arxiv_cs": "topic/arxiv_cs",
    "medical_abstracts": "topic/medical_abstracts",
    "rotten_tomatoes": "sentiment/rotten_tomatoes",
}


def head(first: str, plain: str) -> str:
    """The head of the table: what its lines are named by, and the plain score beside ours."""
    return (
        f"| {first} | rows | AUROC | 95% interval | {plain} | false alarms at 95% recall "
        f"| {plain} | odd rows abstained |\n|" + "---|" * 8
    )


HEAD = head("banking77 against", "max-softmax")


def main() -> int:
    """Run once, then one line for each set named on the command line, or all."""
    arguments = begun(__doc__, HEAD, OTHERS, "5m")
    if arguments is None:
        return 0
    with tempfile.TemporaryDirectory() as workspace:
        data = arguments.data / KNOWN
        result = run(data, "accuracy>=0.99", arguments.budget, Path(workspace))
        usual = predict(result["model"], data / "test.jsonl")
        for name in arguments.names:
            odd = predict(result["model"], arguments.data / OTHERS[name] / "test.jsonl")
            found = told(name, usual, odd)
            kept(arguments.json, {"name": name, **found})
    alarms = np.mean([a["abstain"] for a in usual])
    print(
        f"model: {result['chosen']}, test accuracy {result['test']['accuracy']:.4f}; "
        f"of {len(usual)} usual rows {alarms:.1%} abstained (5% were to be expected)"
    )
    return 0


def told(
    name: str, usual: Sequence[Mapping[str, Any]], odd: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Print one line of the table; its figures."""
    found = figures(usual, odd)
    print(row(name, found, len(odd)), flush=True)
    return found


def figures(usual: Sequence[Mapping[str, Any]], odd: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Figures of both scores, from answers of `tuneos predict`."""
    ours = _scores(usual, "ood_score"), _scores(odd, "ood_score")
    softmax = 1 - _scores(usual, "score"), 1 - _scores(odd, "score")
    return {
        "auroc": auroc(*ours),
        "interval": auroc_interval(*ours, seed=0),
        "auroc_max_softmax": auroc(*softmax),
        "fpr95": false_alarms(*ours),
        "fpr95_max_softmax": false_alarms(*softmax),
        "abstained": float(np.mean([a["abstain"] for a in odd])),
    }


def row(name: str, found: Mapping[str, Any], rows: int) -> str:
    """One line of the table."""
    low, high = found["interval"]
    return (
        f"| {name} | {rows} | {found['auroc']:.4f} | [{low:.4f}, {high:.4f}] "
        f"| {found['auroc_max_softmax']:.4f} | {found['fpr95']:.1%} "
        f"| {found['fpr95_max_softmax']:.1%} | {found['abstained']:.1%} |"
    )


def _scores(answers: Sequence[Mapping[str, Any]], name: str) -> FloatArray:
    return np.array([a[name] for a in answers], np.float64)


if __name__ == "__main__":
    sys.exit(main())
