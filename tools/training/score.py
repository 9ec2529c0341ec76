"""Score saved models, loaded again, on a split: a job of its own."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...evals.anomaly import odd_figures
from ...evals.measures import score
from ...evals.measures.robust import NAMES as ROBUST
from ..datasets.splits import read_split, rows_looked_at
from ..datasets.types import Split
from ..deployment.model import Model, load_model
from ..deployment.one_pass import Features, Key, one_pass
from ..deployment.saved import size_mb
from ..facts import JobProgress, OnProgress, Outcome
from ..jobs.spec import JobSpec
from ..tasks import find_task
from ..tasks.task import Progress, public
from .measure import reported, sliced_scores

TIMED_ROWS = 200
ATTACKED = "attacked"  # likewise: (m, 3), right before and after, share of words swapped
LATENCIES = "latencies"  # beside the kinds of statistics in NAME.npz
USUAL, ODD = "ood_usual", "ood_odd"  # likewise: ood_score of the split's rows, and of odd ones
ODD_FILE = "ood.jsonl"  # beside the split, where there are such rows


def run(spec: JobSpec, folder: Path, on_progress: OnProgress) -> Outcome:
    """Answer the split in the job's folder with every model that the job names.

    For each model, NAME.npz keeps the statistics that its metrics follow from (see
    `evals.measures`) and, where a target asks for it, "latencies" (n timed,) in ms;
    NAME.jsonl keeps its answers, a line for each row.
    """
    split = str(spec.what.settings["split"])
    test = read_split(Path(spec.data_folder) / f"{split}.jsonl")
    scores: dict[str, dict[str, float]] = {}
    prepared = spec.masking is not None and spec.masking.complete  # every split, before anything
    kept: dict[Key, Features] = {}
    start = time.monotonic()
    bearing = _Bearing(test, spec) if _asks_for_robustness(spec, split) else None
    for position, (name, model_folder) in enumerate(spec.what.models):
        model = load_model(Path(model_folder))

        def tell(done: int, total: int, position: int = position, name: str = name) -> None:
            share = (position + done / max(1, total)) / len(spec.what.models)
            on_progress(JobProgress(share=share, text=f"scoring {name} on the {split} split"))

        with one_pass(kept):
            answers = model.answers(test, tell, prepared=prepared)
        if split == "validation":
            answers = model.task.unflattered(model.card, test, answers)
        arrays = model.task.stats(test, answers)
        scores[name] = score(arrays, reported(spec)) | sliced_scores(arrays, test, spec)
        scores[name]["size_mb"] = size_mb(Path(model_folder), model.base_folder)
        if "latency_p95_ms" in spec.what.measured:
            laps = model.latencies(test.take(range(min(TIMED_ROWS, len(test)))))
            arrays = {**arrays, LATENCIES: laps}
            scores[name]["latency_p95_ms"] = float(np.percentile(laps, 95))
        if bearing is not None and name in bearing.names:
            arrays = {**arrays, **bearing.of(model, tell)}
            scores[name] |= score({"robust": arrays["robust"]})
        odd_file = Path(spec.data_folder) / ODD_FILE
        if odd_file.is_file() and answers and "ood_score" in answers[0]:
            odd = model.answers(read_split(odd_file), prepared=prepared)
            usual, strange = (np.array([a["ood_score"] for a in x]) for x in (answers, odd))
            arrays = {**arrays, USUAL: usual, ODD: strange}
            scores[name] |= odd_figures(usual, strange)
        np.savez(folder / f"{name}.npz", **arrays)  # type: ignore[arg-type]
        lines = [json.dumps(public(a), ensure_ascii=False) + "\n" for a in answers]
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    return Outcome(test_scores=scores, seconds=time.monotonic() - start)


def _asks_for_robustness(spec: JobSpec, split: str) -> bool:
    return split == "test" and bool({*ROBUST} & set(spec.what.measured))


class _Bearing:
    """How models bear the same rows written otherwise, and an attack on each of them.

    Attributes:
        names: Of the models that are asked: the chosen one, and the task's untuned one.
    """

    def __init__(self, test: Split, spec: JobSpec) -> None:
        from ..robustness.attack import MOST_ROWS
        from ..robustness.likeness import likeness_of
        from ..robustness.measure import MOST_TEST, rewrite
        from .base_model import find_base_model

        task, seed = find_task(spec.what.task), spec.what.seed
        self.base = find_base_model(spec.what.base_model)
        self.attacks = bool(spec.what.settings.get("attack", True))
        self.names = {spec.what.models[0][0], task.probes[-1]}
        self.rewritten = rewrite(task, test, MOST_TEST, self.base, seed)
        self.attacked = test.take(rows_looked_at(test, MOST_ROWS, seed))
        self.alike = likeness_of(self.base)

    def of(self, model: Model, tell: Progress) -> dict[str, NDArray[Any]]:
        """The statistics "robust", and ATTACKED where the attack can be made."""
        from ..robustness.attack import attack
        from ..robustness.measure import robust_rows

        found: dict[str, NDArray[Any]] = {"robust": robust_rows(model, self.rewritten, tell)}
        done = attack(model, self.attacked, self.base, self.alike, tell) if self.attacks else None
        if done is not None:
            found[ATTACKED] = np.column_stack([done.before, done.after, done.words])
        return found
