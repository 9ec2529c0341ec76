"""Real datasets, end to end: `python -m tuneos.evals.benchmarks.datasets [NAME…]`.

Runs `tuneos run` on each set with the planner in control and prints what the
sealed test split said, beside the tf-idf baseline published with the data.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .runs import against, begun, kept
from .runs import run as run_tuneos


@dataclass(frozen=True)
class Case:
    """A dataset with its target.

    Attributes:
        folder: Under the data folder.
        target: What the run is asked for.
        budget: Time for the run.
        published: Test accuracy of tf-idf + logistic regression, from the data's card.
        wanted: Test accuracy that this project asks of itself; None: above tf-idf.
    """

    folder: str
    target: str
    budget: str
    published: float
    wanted: float | None = None


CASES = {
    "banking77": Case("intent/banking77", "accuracy>=0.935", "20m", 0.8854, 0.935),
    "snips": Case("intent/snips", "accuracy>=0.98", "10m", 0.98, 0.98),
    "rotten_tomatoes": Case("sentiment/rotten_tomatoes", "accuracy>=0.85", "10m", 0.7908),
    "arxiv_cs": Case("topic/arxiv_cs", "accuracy>=0.85", "10m", 0.7898),
    "medical_abstracts": Case("topic/medical_abstracts", "accuracy>=0.65", "10m", 0.5061),
    "csabstruct": Case("sentence_role/csabstruct", "accuracy>=0.75", "10m", 0.6301),
}


def main() -> int:
    """Run the cases named on the command line, or all; 1 when a wanted figure is missed."""
    arguments = begun(__doc__, HEAD, CASES, None)
    if arguments is None:
        return 0
    fell_short = 0
    for name in arguments.names:
        case = CASES[name]
        result = run(case, arguments.data, arguments.budget or case.budget)
        print(row(name, case, result), flush=True)
        fell_short += not reached(case, result)
        kept(arguments.json, {"name": name, "result": result})
    return int(fell_short > 0)


HEAD = (
    "| dataset | target | test accuracy | 95% interval | tf-idf (card / ours) | "
    "frozen + head | over tf-idf | model | minutes | orchestration |\n|" + "---|" * 10
)


def run(case: Case, data: Path, budget: str) -> dict[str, Any]:
    """One run in a workspace of its own; the JSON that the command printed."""
    with tempfile.TemporaryDirectory() as workspace:
        return run_tuneos(data / case.folder, case.target, budget, Path(workspace))


def reached(case: Case, result: dict[str, Any]) -> bool:
    """Whether the figure asked for was reached, or tf-idf was beaten beyond doubt."""
    if case.wanted is not None:
        return bool(result["test"]["accuracy"] >= case.wanted)
    over = against(result, "tfidf_linear")
    return over is not None and over["ci"][0] > 0


def row(name: str, case: Case, result: dict[str, Any]) -> str:
    """One line of the table."""
    target = result["targets"][0]
    low, high = target["ci"]
    baselines = {b["name"]: b["test"]["accuracy"] for b in result["baselines"]}
    over = against(result, "tfidf_linear")
    gain = (
        f"{over['difference']:+.3f} [{over['ci'][0]:+.3f}, {over['ci'][1]:+.3f}]" if over else "–"
    )
    spent = result["budget"]["seconds"]["spent"]
    loop = result["budget"]["orchestration_seconds"]["spent"]
    ours, frozen = baselines.get("tfidf_linear"), baselines.get("frozen_linear")
    cells = [
        name,
        case.target,
        f"{result['test']['accuracy']:.4f}",
        f"[{low:.3f}, {high:.3f}]",
        f"{case.published:.3f} / {_shown(ours)}",
        _shown(frozen),
        gain,
        result["chosen"],
        f"{spent / 60:.1f}",
        f"{loop / spent:.2%}",
    ]
    return "| " + " | ".join(cells) + " |"


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
