"""The job that makes rows judges them on validation, and keeps those that pay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuneos.tools.augment import job, noise
from tuneos.tools.augment.added import OVERSAMPLED, TRAIN, Added
from tuneos.tools.augment.judges import Judge
from tuneos.tools.augment.making import make_rows
from tuneos.tools.datasets.splits import read_split
from tuneos.tools.datasets.types import text_key
from tuneos.tools.tasks.pieces import Changed
from tuneos.tools.training.data import JobData

SETTINGS = {"methods": "noise,oversample", "rows": 30}


def test_rows_are_made_marked_and_judged(make_job: Any, tmp_path: Path) -> None:
    spec = make_job("augment", settings=SETTINGS)
    outcome = job.run(spec, tmp_path, lambda _: None)
    found = {a.method: a for a in outcome.augmented}
    assert {"noise", "oversample"} <= set(found)
    for tried in outcome.augmented:
        assert tried.pays == (tried.gain > 0)
        assert tried.gain == pytest.approx(tried.after - tried.before)
    kept = tmp_path / TRAIN
    assert kept.is_file() == any(t.pays for t in outcome.augmented)
    if kept.is_file():
        before = read_split(Path(spec.data_folder) / "train.jsonl")
        after = read_split(kept)
        assert after.texts[: len(before)] == before.texts
        marks = (noise.ORIGIN, OVERSAMPLED)
        assert all(p.endswith(marks) for p in after.places[len(before) :])


def test_texts_of_other_splits_are_not_made(
    make_job: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        noise, "noisy", lambda piece, rng: Changed.altogether(piece.text, "held out")
    )
    spec = make_job("augment", settings={"methods": "noise", "rows": 5})
    spec = spec.model_copy(update={"held_out": (text_key("held out"),)})
    outcome = job.run(spec, tmp_path, lambda _: None)
    assert [(a.rows, a.pays) for a in outcome.augmented] == [(0, False)]
    assert not (tmp_path / TRAIN).exists()


def test_rows_that_mislead_are_dropped(make_job: Any, tmp_path: Path) -> None:
    data = JobData.of(make_job("augment", settings=SETTINGS))
    judge = Judge(data, lambda _: None)
    wrong = {label: data.train.labels.index(label) for label in data.labels}
    added = [
        Added(text, wrong[data.labels[(data.labels.index(label) + 1) % len(data.labels)]], "wrong")
        for text, label in zip(data.train.texts * 3, data.train.labels * 3, strict=True)
    ]
    verdict = judge.verdict("wrong", added)
    assert not verdict.pays
    assert verdict.after < verdict.before


def test_rows_are_the_same_each_time(make_job: Any) -> None:
    data = JobData.of(make_job("augment", settings=SETTINGS))
    twice = [
        make_rows("noise", data.task, data.train, [0, 1, 2], np.random.default_rng(5), data.base)
        for _ in range(2)
    ]
    assert twice[0] == twice[1]
    assert len(twice[0]) == 3
