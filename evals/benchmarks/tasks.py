"""Every task on its offline data: `python -m tuneos.evals.benchmarks.tasks [NAME…]`.

Runs `tuneos run` on each set with the planner in control and prints what the sealed test
split said, beside the baseline published with the data, our own first rung and the untuned
model. Then `tuneos predict` answers the test file with the model that was handed over, and
the reference implementation of each metric recomputes the score from those answers.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .references import recompute
from .runs import RunFailed, against, begun, kept, predict, run


@dataclass(frozen=True)
class Case:
    """A dataset with its target.

    Attributes:
        folder: Under the data folder.
        task: As `--task` takes it.
        target: What the run is asked for: more than is wanted on the test split, as validation
            flatters where thresholds and epochs are chosen on it.
        published: The baseline of the data's card on this metric; None where it has none.
        wanted: Test score that this project asks of itself; None: none, it is reported.
    """

    folder: str
    task: str
    target: str
    published: float | None = None
    wanted: float | None = None

    @property
    def metric(self) -> str:
        """The metric of the target."""
        return self.target.replace("<", ">").partition(">")[0]


CASES = {
    "ncbi_disease": Case("ner/ncbi_disease", "token-classification", "f1>=0.8", 0.4404, 0.75),
    "wnut17": Case("ner/wnut17", "token-classification", "f1>=0.6", 0.0604, 0.35),
    "presidio_synth": Case("pii/presidio_synth", "token-classification", "f1>=0.8", 0.1044),
    "semeval2010_task8": Case(
        "relation/semeval2010_task8", "relation-extraction", "macro_f1>=0.84", 0.6093, 0.78
    ),
    "goemotions": Case(
        "sentiment/goemotions", "multi-label-classification", "macro_f1>=0.5", 0.2726, 0.4
    ),
    "squad_es_v2": Case("qa/squad_es_v2", "question-answering", "f1>=0.5", 0.1139),
    "xquad_en": Case("qa/xquad_en", "question-answering", "f1>=0.5", 0.1494),
    "csqa2": Case("commonsense/csqa2", "multiple-choice", "accuracy>=0.6", 0.5226),
    "tatoeba_en_de": Case("translation/tatoeba_en_de", "translation", "bleu>=10", 7.5),
    "scitldr": Case("summarisation/scitldr", "summarisation", "rougeL>=0.25", 0.23),
    "sgd": Case("dialogue/sgd", "dialogue", "bleu>=5"),
    "rotten_tomatoes": Case(
        "sentiment/rotten_tomatoes", "text-generation", "control_accuracy>=0.7"
    ),
    "mbpp": Case("code_generation/mbpp", "code-generation", "pass_at_1>=0.05"),
    "gsm8k": Case("math_reasoning/gsm8k", "reasoning", "exact_match>=0.05"),
    "arxiv_cs": Case("topic/arxiv_cs", "language-modelling", "perplexity<=10"),
}
HEAD = (
    "| task | dataset | target | test | 95% interval | card | first rung | untuned | "
    "over untuned | model | minutes | recomputed |\n|" + "---|" * 12
)
HUNDREDS = {"bleu", "chrf"}  # printed with two decimals, as their full score is 100


def main() -> int:
    """Run the cases named on the command line, or all.

    Returns:
        1 when a run failed, a wanted figure was missed or a recomputed one differs.
    """
    arguments = begun(__doc__, HEAD, CASES, "20m")
    if arguments is None:
        return 0
    bad = 0
    for name in arguments.names:
        case = CASES[name]
        try:
            result, second = measure(case, arguments.data, arguments.budget)
        except RunFailed as error:
            print(f"| {case.task} | {name} | {case.target} | failed: {error} |", flush=True)
            bad += 1
            continue
        print(row(name, case, result, second), flush=True)
        bad += not reached(case, result) or bool(differing(result["test"], second))
        kept(arguments.json, {"name": name, "result": result, "recomputed": second})
    return int(bad > 0)


def measure(case: Case, data: Path, budget: str) -> tuple[dict[str, Any], dict[str, float]]:
    """One run in a workspace of its own, and its scores recomputed from its predictions.

    Raises:
        RunFailed: The run or the prediction came to nothing.
    """
    folder = data / case.folder
    with tempfile.TemporaryDirectory() as workspace:
        result = run(folder, case.target, budget, Path(workspace), ["--task", case.task])
        if result["model"] is None:
            raise RunFailed(f"no model was kept ({result['stop_reason'].replace('_', ' ')})")
        answers = predict(result["model"], folder / "test.jsonl")
    with (folder / "test.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return result, recompute(case.task, rows, answers)


def reached(case: Case, result: dict[str, Any]) -> bool:
    """Tell whether the figure that this project asks of itself was reached."""
    return case.wanted is None or bool(result["test"][case.metric] >= case.wanted)


def differing(test: dict[str, float], second: dict[str, float]) -> list[str]:
    """Name the metrics whose two values differ in the last digit printed."""
    return [m for m in second if m in test and shown(m, second[m]) != shown(m, test[m])]


def row(name: str, case: Case, result: dict[str, Any], second: dict[str, float]) -> str:
    """One line of the table."""
    metric, target = case.metric, result["targets"][0]
    baselines = result["baselines"]
    first, untuned = (baselines[0], baselines[-1]) if baselines else (None, None)
    over = against(result, untuned["name"]) if untuned else None
    differ = differing(result["test"], second)
    agree = ", ".join(m for m in second if m in result["test"]) or "–"
    cells = [
        case.task,
        name,
        case.target,
        f"**{shown(metric, result['test'].get(metric))}**",
        _interval(metric, target["ci"]),
        shown(metric, case.published),
        _baseline(metric, first),
        _baseline(metric, untuned) if untuned is not first else "–",
        f"{shown(metric, over['difference'], '+')} {_interval(metric, over['ci'])}"
        if over
        else "–",
        result["chosen"],
        f"{result['budget']['seconds']['spent'] / 60:.1f}",
        f"DIFFERS: {', '.join(f'{m} {shown(m, second[m])}' for m in differ)}" if differ else agree,
    ]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def shown(metric: str, value: float | None, sign: str = "") -> str:
    """Write a score with the digits that the table has."""
    return "–" if value is None else f"{value:{sign}.{2 if metric in HUNDREDS else 4}f}"


def _interval(metric: str, ci: list[float] | None) -> str:
    return f"[{shown(metric, ci[0])}, {shown(metric, ci[1])}]" if ci else "–"


def _baseline(metric: str, baseline: dict[str, Any] | None) -> str:
    if baseline is None:
        return "–"
    return f"{baseline['name']} {shown(metric, baseline['test'].get(metric))}"


if __name__ == "__main__":
    sys.exit(main())
