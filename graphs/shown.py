"""What the report shows of the chosen model's answers on the opened test split."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..evals import measures
from ..evals.breakdown import breakdown
from ..evals.measures import Stats
from ..evals.measures.classes import confusion
from ..evals.result import LabelResult, WrongAnswer
from ..tools.datasets.types import Split
from ..tools.guardrails.checks import neutralise
from ..tools.reporting.kinds import kind
from ..tools.tasks.task import Answer

WORST = 12
EXAMPLES = 6
LONGEST = 300  # characters of a text


class Speaks(Protocol):
    """What of a task is needed here."""

    @property
    def name(self) -> str:
        """As `--task` takes it."""

    def gold(self, split: Split, row: int) -> str:
        """The right answer, for people."""

    def shown(self, answer: Answer) -> str:
        """An answer, for people."""


def story_parts(
    task: Speaks, metric: str, test: Split, stats: Stats, answers: Path, labels: Sequence[str]
) -> dict[str, Any]:
    """Give the fields of a `RunStory` that come of the test split; texts are masked.

    Args:
        task: Of the run.
        metric: The one that candidates were compared by.
        test: The opened split, n rows.
        stats: Of the chosen model on it.
        answers: File of its answers, JSON, a line for each row.
        labels: As the saved model lists them.
    """
    lines = answers.read_text(encoding="utf-8").split("\n")
    given: list[Answer] = [json.loads(line) for line in lines if line]
    found = breakdown(stats, labels)
    figures = zip(found.names, found.figures.tolist(), strict=True) if found else ()
    return {
        "confusion": _confusion(stats, labels),
        "per_label": [
            LabelResult(name=name, precision=p, recall=r, f1=f1, support=int(support))
            for name, (p, r, f1, support) in figures
        ],
        "per_label_of": found.what if found else "label",
        "worst": [_shown(task, test, given, i) for i in worst(metric, stats, given)],
        "examples": [_shown(task, test, given, i) for i in _spread(len(test))]
        if kind(task.name).texts
        else [],
        "signatures": _signatures(task, stats, test),
    }


def worst(metric: str, stats: Stats, answers: Sequence[Answer]) -> list[int]:
    """Choose the rows that are furthest from right, the surest first among equals."""
    wrong = measures.wrong(metric, stats)
    sure = np.array([_sureness(answer) or 0.0 for answer in answers])
    order = np.lexsort((np.arange(len(wrong)), -sure, -wrong))
    return [int(i) for i in order if wrong[i] > 0][:WORST]


def _sureness(answer: Answer) -> float | None:
    score = answer.get("score")
    return float(score) if isinstance(score, int | float) else None


def _spread(n: int) -> list[int]:
    return sorted({int(i) for i in np.linspace(0, n - 1, min(n, EXAMPLES))})


def _shown(task: Speaks, test: Split, answers: Sequence[Answer], row: int) -> WrongAnswer:
    return WrongAnswer(
        place=test.places[row],
        text=neutralise(_asked(test, row), LONGEST),
        label=neutralise(task.gold(test, row), LONGEST),
        predicted=neutralise(task.shown(answers[row]), LONGEST),
        score=_sureness(answers[row]),
    )


def _asked(test: Split, row: int) -> str:
    """What the model was asked: a long text that it had to read as well is left out."""
    own: Mapping[str, Any] = test.rows[row] if test.rows else {}
    if isinstance(own.get("question"), str):
        return str(own["question"])
    if isinstance(own.get("head"), dict) and isinstance(own.get("tail"), dict):
        return f"{own['head'].get('text')} → {own['tail'].get('text')}: {test.texts[row]}"
    return test.texts[row]


def _confusion(stats: Stats, labels: Sequence[str]) -> list[list[int]]:
    """Counts of true and given classes; [] where there are none, or only places of choices."""
    classes = stats.get("classes")
    if classes is None or classes.shape[1] - 1 != len(labels):
        return []
    true, given = classes[:, 0].astype(np.int64), classes[:, 1:].argmax(axis=1)
    counts: list[list[int]] = confusion(true, given, classes.shape[1] - 1).astype(int).tolist()
    return counts


def _signatures(task: Speaks, stats: Stats, test: Split) -> dict[str, str]:
    """How exactly the metrics of texts were computed."""
    if not test.rows or not {"bleu", "chrf", "rouge"} & set(stats):
        return {}
    from ..evals.measures import bleu, chrf, rouge

    golds = [row.get("references") or [task.gold(test, i)] for i, row in enumerate(test.rows)]
    language = str(test.rows[0].get("target_lang") or "")
    found = {}
    if "bleu" in stats:
        found["bleu"] = bleu.signature(golds, language=language)
    if "chrf" in stats:
        found["chrf"] = chrf.signature(golds)
    if "rouge" in stats:
        found["rougeL"] = f"rouge-score, words: {rouge.scheme(golds)}, best of the references"
    return found
