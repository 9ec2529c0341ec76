"""Score saved models, loaded again, on a split: a job of its own."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from ...evals.measures import score
from ..datasets.splits import read_split
from ..deployment.model import load_model
from ..deployment.saved import size_mb
from ..facts import JobProgress, OnProgress, Outcome
from ..jobs.spec import JobSpec
from ..tasks.task import public
from .measure import reported

TIMED_ROWS = 200
LATENCIES = "latencies"  # beside the kinds of statistics in NAME.npz


def run(spec: JobSpec, folder: Path, on_progress: OnProgress) -> Outcome:
    """Answer the split in the job's folder with every model that the job names.

    For each model, NAME.npz keeps the statistics that its metrics follow from (see
    `evals.measures`) and, where a target asks for it, "latencies" (n timed,) in ms;
    NAME.jsonl keeps its answers, a line for each row.
    """
    split = str(spec.what.settings["split"])
    test = read_split(Path(spec.data_folder) / f"{split}.jsonl")
    scores: dict[str, dict[str, float]] = {}
    start = time.monotonic()
    for position, (name, model_folder) in enumerate(spec.what.models):
        model = load_model(Path(model_folder))

        def tell(done: int, total: int, position: int = position, name: str = name) -> None:
            share = (position + done / max(1, total)) / len(spec.what.models)
            on_progress(JobProgress(share=share, text=f"scoring {name} on the {split} split"))

        answers = model.answers(test, tell)
        if split == "validation":
            answers = model.task.unflattered(model.card, test, answers)
        arrays = model.task.stats(test, answers)
        scores[name] = score(arrays, reported(spec))
        scores[name]["size_mb"] = size_mb(Path(model_folder), model.base_folder)
        if "latency_p95_ms" in spec.what.measured:
            laps = model.latencies(test.take(range(min(TIMED_ROWS, len(test)))))
            arrays = {**arrays, LATENCIES: laps}
            scores[name]["latency_p95_ms"] = float(np.percentile(laps, 95))
        np.savez(folder / f"{name}.npz", **arrays)  # type: ignore[arg-type]
        lines = [json.dumps(public(a), ensure_ascii=False) + "\n" for a in answers]
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    return Outcome(test_scores=scores, seconds=time.monotonic() - start)
