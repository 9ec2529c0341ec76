"""What ran out of memory here before: the next training begins gentler."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ...memory.actions import Failure
from ..facts import Setting
from .memory_estimate import gentler
from .settings import TrainSettings

OUT_OF_MEMORY = "out_of_memory"


def failed_settings(settings: TrainSettings) -> dict[str, Setting]:
    """What of a training's settings decides about memory, as failures are kept."""
    return {
        "rows_at_once": math.ceil(settings.batch_size / settings.accumulate),
        "max_length": settings.max_length,
        "checkpointing": settings.checkpointing,
    }


def gentle_enough(settings: TrainSettings, failures: Iterable[Failure]) -> TrainSettings:
    """The first of ever gentler settings that none of the failures covers.

    Where nothing gentler is left, the settings stay as they were: they are known to fail.

    Args:
        settings: As they were to be.
        failures: On this machine, with this base model.
    """
    known = [f for f in failures if f.reason == OUT_OF_MEMORY and f.technique == settings.strategy]
    softer: TrainSettings | None = settings
    while softer is not None and any(_covers(f, softer) for f in known):
        softer = gentler(softer)
    return settings if softer is None else softer


def _covers(failure: Failure, settings: TrainSettings) -> bool:
    """Whether settings ask for as much memory as what failed, or more."""
    now, then = failed_settings(settings), failure.settings
    rows, length = then.get("rows_at_once"), then.get("max_length")
    if not isinstance(rows, int) or not isinstance(length, int):
        return False
    gentler_now = now["checkpointing"] and not then.get("checkpointing")
    return int(now["rows_at_once"]) >= rows and int(now["max_length"]) >= length and not gentler_now
