"""How gently a training begins where others ran out of memory."""

from __future__ import annotations

from typing import Any

import pytest
from tuneos.memory.actions import Failure
from tuneos.tools.training.settings import TrainSettings
from tuneos.tools.training.softness import gentle_enough


def failure(technique: str = "lora", **settings: Any) -> Failure:
    said = {"rows_at_once": 32, "max_length": 256, "checkpointing": False, **settings}
    return Failure("r", technique, technique, "out_of_memory", said, "m", "b")


@pytest.mark.parametrize(
    ("failures", "accumulate", "checkpointing"),
    [
        ([], 1, False),
        ([failure()], 2, False),
        ([failure(), failure(rows_at_once=16)], 4, False),
        ([failure("full")], 1, False),  # of another technique
        ([failure(max_length=512)], 1, False),  # of longer texts
        ([failure(rows_at_once=1)], 32, True),  # rows one by one failed too
        ([failure(rows_at_once=1, checkpointing=True)], 1, False),  # nothing is gentler
    ],
)
def test_training_begins_as_gently_as_is_known_to_be_needed(
    failures: list[Failure], accumulate: int, checkpointing: bool
) -> None:
    found = gentle_enough(TrainSettings(), failures)
    assert (found.accumulate, found.checkpointing) == (accumulate, checkpointing)
