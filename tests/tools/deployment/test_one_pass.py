"""The same texts are read once by frozen encoders that answer together, and never else."""

from __future__ import annotations

import numpy as np
import pytest
from tuneos.tools.deployment import one_pass as module
from tuneos.tools.deployment.one_pass import Features, Key, once, one_pass


class Encoder:
    """Counts how often it is run."""

    def __init__(self) -> None:
        self.runs = 0

    def read(self, *texts: str, limit: int = 8, name: str = "base") -> Features:
        def compute() -> Features:
            self.runs += 1
            return np.full((len(texts), 2), self.runs, np.float32)

        return once(name, limit, list(texts), compute)


def test_alone_every_call_runs_the_encoder() -> None:
    encoder = Encoder()
    encoder.read("a")
    encoder.read("a")
    assert encoder.runs == 2


def test_together_texts_are_read_once_for_an_encoder_and_a_limit() -> None:
    encoder = Encoder()
    with one_pass():
        first = encoder.read("a", "b")
        with one_pass():  # a blend within
            assert encoder.read("a", "b") is first
        encoder.read("a")
        encoder.read("a", "b", limit=4)
        encoder.read("a", "b", name="other")
    assert encoder.runs == 4
    encoder.read("a", "b")
    assert encoder.runs == 5


def test_what_was_kept_can_be_gone_on_with() -> None:
    encoder, kept = Encoder(), dict[Key, Features]()
    for _ in range(2):
        with one_pass(kept):
            encoder.read("a")
        encoder.read("b")
    assert encoder.runs == 3


def test_very_many_texts_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TEXTS", 1)
    encoder = Encoder()
    with one_pass():
        encoder.read("a", "b")
        encoder.read("a", "b")
    assert encoder.runs == 2
