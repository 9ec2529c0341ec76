"""The cheap rungs of answering: no answer, the sentence that shares most words, a frozen head."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from ..deployment.saved import write_description
from ..facts import Candidate, JobProgress, OnProgress, Outcome
from .answer_tuning import AnswerTuning
from .card import card_of
from .data import JobData
from .measure import rung, saved_scores

WORDLESS = ("no_answer", "best_sentence")  # these need no model at all


def probe_answers(
    data: JobData, folder: Path, wanted: Mapping[str, bool], on_progress: OnProgress
) -> Outcome:
    """Fit the rungs; "no_answer" only where some questions have none.

    Args:
        data: Rows with contexts, questions and answers.
        folder: Each model gets a folder of its own here.
        wanted: Which to fit; one that is not named is wanted.
        on_progress: Called as the job goes on.
    """
    start = time.monotonic()
    candidates = []
    some_without = any(row["is_impossible"] for row in data.train.rows)
    for name in WORDLESS:
        if wanted.get(name, True) and (name != "no_answer" or some_without):
            on_progress(JobProgress(share=0.02, text=name.replace("_", " ")))
            write_into = folder / name
            write_into.mkdir(parents=True, exist_ok=True)
            write_description(write_into, card_of(data, name, "none"))
            candidates.append(_candidate(data, write_into, time.monotonic() - start))
    frozen_seconds = 0.0
    if wanted.get("frozen_linear", True):
        before = time.monotonic()
        tuning, encoder = AnswerTuning(data), data.encoder()
        head, outputs = tuning.frozen_head(encoder, on_progress)
        frozen_seconds = tuning.frozen_seconds
        tuning.save_head(head, "frozen_linear", "base", folder / "frozen_linear", outputs)
        spent = time.monotonic() - before
        candidates.append(_candidate(data, folder / "frozen_linear", spent))
    return Outcome(
        candidates=tuple(candidates),
        frozen_seconds=frozen_seconds,
        seconds=time.monotonic() - start,
    )


def _candidate(data: JobData, folder: Path, seconds: float) -> Candidate:
    scores = saved_scores(folder, data.validation, data.spec)
    return rung(data.spec, folder.name, scores, seconds)
