"""Score saved models, loaded again, on a split: a job of its own."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from ...evals.metrics import score
from ..datasets.splits import read_split
from ..deployment.load import load_classifier
from ..deployment.saved import size_mb
from ..facts import JobProgress, OnProgress, Outcome
from ..jobs.spec import JobSpec

TIMED_TEXTS = 200


def run(spec: JobSpec, folder: Path, on_progress: OnProgress) -> Outcome:
    """Predict the split in the job's folder with every model that the job names.

    For each model, NAME.npz keeps "probabilities" (n, n_classes) and, where a
    target asks for it, "latencies" (n timed,) in ms. The columns follow the
    model's own labels, which are those of the training rows, sorted.
    """
    split = str(spec.what.settings["split"])
    test = read_split(Path(spec.data_folder) / f"{split}.jsonl")
    scores: dict[str, dict[str, float]] = {}
    start = time.monotonic()
    for position, (name, model_folder) in enumerate(spec.what.models):
        model = load_classifier(Path(model_folder))
        index = {label: i for i, label in enumerate(model.card.labels)}
        true = np.array([index[label] for label in test.labels], np.int64)

        def tell(done: int, total: int, position: int = position, name: str = name) -> None:
            share = (position + done / max(1, total)) / len(spec.what.models)
            on_progress(JobProgress(share=share, text=f"scoring {name} on the {split} split"))

        probabilities = model.probabilities(test.texts, tell)
        scores[name] = score(true, probabilities)
        scores[name]["size_mb"] = size_mb(Path(model_folder), model.base_folder)
        arrays = {"probabilities": probabilities, "true": true}
        if "latency_p95_ms" in spec.what.measured:
            arrays["latencies"] = model.latencies(list(test.texts[:TIMED_TEXTS]))
            scores[name]["latency_p95_ms"] = float(np.percentile(arrays["latencies"], 95))
        np.savez(folder / f"{name}.npz", **arrays)  # type: ignore[arg-type]
    return Outcome(test_scores=scores, seconds=time.monotonic() - start)
