"""A fine-tune that runs out of memory is started again, gentler, and what was learnt is kept."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tuneos.memory.actions import Failure
from tuneos.tools.facts import Candidate, Facts, Outcome
from tuneos.tools.jobs.run import Finished
from tuneos.tools.jobs.running import JobFailed
from tuneos.tools.training import memory_retry
from tuneos.tools.training.memory_retry import kept_softness, train_gently, within_memory
from tuneos.tools.training.settings import TrainSettings


class Remembering:
    """Stands in for the ledger and the knowledge graph of a run."""

    def __init__(self, free: int = 0) -> None:
        self.kept_values = {"free_memory": str(free)} if free else {}
        self.lessons: list[tuple[str, str, str]] = []
        self.failures: list[Failure] = []

    def kept(self, run: str, name: str) -> str | None:
        return self.kept_values.get(name)

    def keep(self, run: str, name: str, value: str) -> None:
        self.kept_values[name] = value

    def record_lesson(self, run: str, text: str, about: str) -> None:
        self.lessons.append((run, text, about))

    def record_failure(self, failure: Failure) -> None:
        self.failures.append(failure)


def context(known: Remembering, base: Path | None = None) -> Any:
    return SimpleNamespace(
        run="r",
        store=None,
        ledger=known,
        knowledge=known,
        base=lambda facts: (str(base), ""),
    )


def failing(monkeypatch: pytest.MonkeyPatch, times: int, **how: bool) -> list[TrainSettings]:
    tried: list[TrainSettings] = []

    def run_job(spec: Any, *_: Any) -> Finished:
        tried.append(spec.settings)
        if len(tried) <= times:
            raise JobFailed("ran out of memory; use a smaller batch_size", **how)
        return Finished(Outcome(), Path("x"), 1.0, reused=False)

    monkeypatch.setattr(memory_retry, "run_job", run_job)
    return tried


def same(settings: TrainSettings) -> Any:
    return SimpleNamespace(settings=settings, what=SimpleNamespace(base_digest="base"))


def test_retries_halve_what_is_computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = failing(monkeypatch, 2, out_of_memory=True)
    known = Remembering()
    begun = TrainSettings(batch_size=16)
    _, ended, notes = train_gently(same, begun, context(known), lambda _: None)
    assert [(s.batch_size, s.accumulate) for s in tried] == [(16, 1), (16, 2), (16, 4)]
    assert ended == tried[-1]
    assert notes == ("lora ran out of memory: batches of 16 are computed 4 rows at a time",)
    assert known.lessons == [("r", notes[0], "lora")]
    assert [(f.base, f.settings["rows_at_once"]) for f in known.failures] == [
        ("base", 16),
        ("base", 8),
    ]


def test_what_fits_is_not_remarked(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, 0)
    known = Remembering()
    _, _, notes = train_gently(same, TrainSettings(), context(known), lambda _: None)
    assert notes == ()
    assert known.lessons == []


def test_other_failures_are_not_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = failing(monkeypatch, 1, out_of_memory=False)
    with pytest.raises(JobFailed):
        train_gently(same, TrainSettings(), context(Remembering()), lambda _: None)
    assert len(tried) == 1


def test_it_fails_when_nothing_gentler_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = failing(monkeypatch, 99, out_of_memory=True)
    with pytest.raises(JobFailed, match="ran out of memory"):
        train_gently(same, TrainSettings(batch_size=2), context(Remembering()), lambda _: None)
    assert [(s.accumulate, s.checkpointing) for s in tried] == [(1, False), (2, False), (2, True)]


def test_settings_are_softened_before_they_start_where_memory_is_short(tiny_base: Path) -> None:
    settings = TrainSettings(batch_size=1024, max_length=64)
    plenty = context(Remembering(free=10**12), tiny_base)
    assert within_memory(settings, 500, plenty, Facts()) == (settings, "")
    short = context(Remembering(free=600 * 2**20), tiny_base)
    softer, said = within_memory(settings, 500, short, Facts())
    assert softer.accumulate > 1
    assert softer.batch_size == 1024
    assert "of memory, 0.6 GB are free: batches of 1024 are computed" in said
    assert within_memory(settings, 5, short, Facts())[0].accumulate < softer.accumulate


def test_free_memory_is_measured_once_in_a_run(
    tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Remembering()
    monkeypatch.setattr(memory_retry, "free_memory", lambda device: 10**12)
    within_memory(TrainSettings(), 500, context(known, tiny_base), Facts())
    monkeypatch.setattr(memory_retry, "free_memory", lambda device: 1)
    settings = TrainSettings()
    assert within_memory(settings, 500, context(known, tiny_base), Facts()) == (settings, "")


def test_later_fine_tunes_begin_where_earlier_ones_ended() -> None:
    def candidate(**settings: Any) -> Candidate:
        return Candidate(
            name="c", strategy="lora", settings=settings, validation={}, seconds=1, folder=""
        )

    assert kept_softness(Facts()) == {}
    assert kept_softness(Facts(candidates=(candidate(accumulate=1, checkpointing=False),))) == {}
    softened = (candidate(accumulate=4), candidate(accumulate=2, checkpointing=True))
    wanted = {"accumulate": 4, "checkpointing": True}
    assert kept_softness(Facts(candidates=softened)) == wanted
