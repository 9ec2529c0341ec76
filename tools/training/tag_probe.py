"""The cheap rungs of tagging: a lexicon, and a linear head on frozen states."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from ..deployment.saved import write_card, write_description
from ..facts import Candidate, JobProgress, OnProgress, Outcome, Setting
from .bio import fit_outside, tags_in
from .data import JobData
from .hardware import pick_device
from .lexicon import fit_lexicon, look_up, write_lexicon
from .measure import rung, saved_scores
from .tag_tuning import fit_head, tag_card, word_features, word_starts
from .tagging import tag_examples

STRENGTHS = (0.1, 1.0)  # of the frozen head; words are many, and like each other


def probe_tags(
    data: JobData, folder: Path, wanted: Mapping[str, bool], on_progress: OnProgress
) -> Outcome:
    """Fit the lexicon and the frozen rung.

    Args:
        data: Rows with tokens and tags.
        folder: Each model gets a folder of its own here.
        wanted: "lexicon" and "frozen_linear"; one that is not named is wanted.
        on_progress: Called as the job goes on.
    """
    start = time.monotonic()
    candidates = []
    frozen_seconds = 0.0
    if wanted.get("lexicon", True):
        on_progress(JobProgress(share=0.02, text="lexicon"))
        candidates.append(_lexicon(data, folder / "lexicon"))
    if wanted.get("frozen_linear", True):
        frozen, frozen_seconds = _frozen(data, folder / "frozen_linear", on_progress)
        candidates.append(frozen)
    return Outcome(
        candidates=tuple(candidates),
        frozen_seconds=frozen_seconds,
        seconds=time.monotonic() - start,
    )


def _lexicon(data: JobData, folder: Path) -> Candidate:
    start = time.monotonic()
    tags = tags_in([row["tags"] for row in data.train.rows])
    lexicon = fit_lexicon(data.train.rows)
    validation = data.validation
    words = [word for row in validation.rows for word in row["tokens"]]
    gold = [row["tags"] for row in validation.rows]
    outside, _ = fit_outside(tags, look_up(lexicon, words, tags), word_starts(validation), gold)
    write_lexicon(folder, lexicon)
    write_description(folder, tag_card(data, tags, "lexicon", "none", outside))
    return _candidate(data, folder, {}, time.monotonic() - start)


def _frozen(data: JobData, folder: Path, on_progress: OnProgress) -> tuple[Candidate, float]:
    """The best of some penalties by strict F1, and the seconds of a pass over train."""
    start = time.monotonic()
    tags = tags_in([row["tags"] for row in data.train.rows])
    encoder, device = data.encoder(), pick_device()

    def tell(done: int, total: int) -> None:
        on_progress(JobProgress(share=0.6 * done / total, text="reading with the frozen model"))

    train = tag_examples(data.tokenizer, data.train.rows, tags, data.max_length)
    features = word_features(encoder, train, device, tell)
    seconds = time.monotonic() - start
    validation = tag_examples(data.tokenizer, data.validation.rows, tags, data.max_length)
    held = word_features(encoder, validation, device)
    gold = [row["tags"] for row in data.validation.rows]
    found = []
    for position, strength in enumerate(STRENGTHS):
        on_progress(JobProgress(share=0.7 + 0.1 * position, text="linear head on frozen states"))
        head = fit_head(features, train.tags, len(tags), strength=strength)
        outside, value = fit_outside(
            tags, head.probabilities(held), word_starts(data.validation), gold
        )
        found.append((value, strength, head, outside))
    _, strength, head, outside = max(found, key=lambda each: each[0])
    write_card(folder, tag_card(data, tags, "frozen_linear", "base", outside), head)
    spent = time.monotonic() - start
    return _candidate(data, folder, {"strength": strength}, spent), seconds


def _candidate(
    data: JobData, folder: Path, settings: dict[str, Setting], seconds: float
) -> Candidate:
    scores = saved_scores(folder, data.validation, data.spec)
    return rung(data.spec, folder.name, scores, seconds, settings)
