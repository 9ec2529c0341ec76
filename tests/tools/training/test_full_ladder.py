"""The whole ladder on real data: minutes, so only with `-m slow`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuneos.evals.benchmarks.runs import DATA
from tuneos.tools.datasets.read import read_data
from tuneos.tools.datasets.splits import make_splits, write_split
from tuneos.tools.datasets.types import Split
from tuneos.tools.deployment.load import load_classifier
from tuneos.tools.facts import Outcome
from tuneos.tools.jobs.spec import JobSpec
from tuneos.tools.training import fine_tune, probe

SNIPS = DATA / "intent" / "snips"
ROWS = 1500
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not SNIPS.is_dir(), reason=f"the snips data is not at {SNIPS}"),
]


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Split]]:
    folder = tmp_path_factory.mktemp("snips")
    raw = read_data(SNIPS, label="label", text="text")
    found = dict(make_splits(raw, seed=0))
    drawn = np.random.default_rng(0).permutation(len(found["train"]))[:ROWS]
    found["train"] = found["train"].take(sorted(drawn.tolist()))
    for name, split in found.items():
        write_split(folder / f"{name}.jsonl", split)
    return folder, found


def spec_of(kind: str, folder: Path, settings: dict[str, Any]) -> JobSpec:
    return JobSpec.model_validate(
        {
            "what": {
                "kind": kind, "data": "snips", "task": "text-classification",
                "base_model": "builtin:minilm", "base_digest": "", "metric": "accuracy",
                "settings": settings,
            },
            "name": "one", "data_folder": str(folder), "cache": str(folder / "cache"),
        }
    )  # fmt: skip


def accuracy_of(folder: Path, split: Split) -> float:
    model = load_classifier(folder)
    true = np.array([model.card.labels.index(x) for x in split.labels])
    return float((model.probabilities(split.texts).argmax(axis=1) == true).mean())


def test_every_rung_reaches_what_snips_allows(
    splits: tuple[Path, dict[str, Split]], tmp_path: Path
) -> None:
    folder, found = splits
    probes: Outcome = probe.run(spec_of("probe", folder, {}), tmp_path, lambda _: None)
    reached = {c.name: accuracy_of(tmp_path / c.folder, found["test"]) for c in probes.candidates}
    for strategy, rate in {"top_layers": 3e-4, "lora": 1e-3, "full": 1e-4}.items():
        settings = {"strategy": strategy, "learning_rate": rate, "epochs": 2}
        place = tmp_path / strategy
        fine_tune.run(spec_of("fine_tune", folder, settings), place, lambda _: None)
        reached[strategy] = accuracy_of(place / "model", found["test"])
    assert reached.pop("majority") < 0.2
    assert reached["tfidf_linear"] > 0.93, reached
    assert min(v for k, v in reached.items() if k != "tfidf_linear") > 0.95, reached
