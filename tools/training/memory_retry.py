"""A fine-tune within the memory there is: softened before it starts, and again when it fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...memory.actions import Failure
from ..facts import Facts, OnProgress, Setting
from ..jobs.run import Finished, run_job
from ..jobs.running import JobFailed
from ..jobs.spec import JobSpec
from ..tool import ToolContext
from .base_facts import this_machine
from .base_model import find_base_model
from .memory_estimate import Memory, estimate_memory, fitted, free_memory, gentler, shape_of
from .settings import TrainSettings
from .softness import OUT_OF_MEMORY, failed_settings

CHARACTERS_A_TOKEN = 2  # at least, in nearly any text; so lengths are overestimated
GPU = Path("/dev/nvidia0")
SOFTENED = ("accumulate", "checkpointing")


def within_memory(
    settings: TrainSettings, longest: int, context: ToolContext, facts: Facts
) -> tuple[TrainSettings, str]:
    """Soften settings until they should fit, and say so in a line; "" where they fit as they are.

    The free memory is measured once in a run and kept, so that a resumed run decides alike.

    Args:
        settings: As they were to be.
        longest: Characters of the longest training text.
        context: Of the run.
        facts: Which base model is tuned.
    """
    base = find_base_model(context.base(facts)[0])
    shape = shape_of(base.path)
    length = min(settings.max_length, base.max_tokens, 2 + longest // CHARACTERS_A_TOKEN)
    free = _free(context)
    found = fitted(shape, settings, length, free)
    if found == settings:
        return settings, ""
    needed = estimate_memory(shape, settings, length)
    return found, (
        f"{settings.strategy} would take about {gigabytes(needed.total)} of memory, "
        f"{gigabytes(free)} are free: {changed(settings, found)}"
    )


def memory_needed(
    tool: str, settings: TrainSettings, context: ToolContext, facts: Facts
) -> tuple[int, int]:
    """Bytes that a training takes if texts are as long as it reads, and those that are free.

    Args:
        tool: A search trains as many at once as there are workers.
        settings: Of the training.
        context: Of the run.
        facts: Which base model is tuned.
    """
    base = find_base_model(context.base(facts)[0])
    length = min(settings.max_length, base.max_tokens)
    needed = estimate_memory(shape_of(base.path), settings, length).total
    workers = max(1, context.workers) if tool == "search_hyperparameters" else 1
    return workers * needed, _free(context)


def train_gently(
    make: Callable[[TrainSettings], JobSpec],
    settings: TrainSettings,
    context: ToolContext,
    progress: OnProgress,
    strategy: str = "",
) -> tuple[Finished, TrainSettings, tuple[str, ...]]:
    """Run a fine-tune; whenever it runs out of memory, start it again with gentler settings.

    Returns:
        What it came to, the settings that did, and what is to be said.

    Raises:
        JobFailed: It failed otherwise, or nothing gentler is left.
    """
    begun = settings
    while True:
        try:
            done = run_job(make(settings), context.store, context.ledger, progress)
            break
        except JobFailed as failed:
            if failed.out_of_memory:
                _remember(settings, strategy, context, make(settings).what.base_digest)
            softer = gentler(settings) if failed.out_of_memory else None
            if softer is None:
                raise
            settings = softer
    if settings == begun:
        return done, settings, ()
    note = f"{begun.strategy} ran out of memory: {changed(begun, settings)}"
    context.knowledge.record_lesson(context.run, note, begun.strategy)
    return done, settings, (note,)


def _remember(
    settings: TrainSettings, strategy: str, context: ToolContext, base_digest: str
) -> None:
    """Tell later runs on this machine what does not fit."""
    context.knowledge.record_failure(
        Failure(
            run=context.run,
            strategy=strategy or settings.strategy,
            technique=settings.strategy,
            reason=OUT_OF_MEMORY,
            settings=failed_settings(settings),
            machine=this_machine(),
            base=base_digest,
        )
    )


def kept_softness(facts: Facts) -> dict[str, Setting]:
    """What earlier fine-tunes of the run needed to fit: the next ones begin with it."""
    found: dict[str, Setting] = {}
    for candidate in facts.candidates:
        said = {k: candidate.settings[k] for k in SOFTENED if k in candidate.settings}
        if int(said.get("accumulate", 1)) > int(found.get("accumulate", 1)):
            found["accumulate"] = said["accumulate"]
        if said.get("checkpointing"):
            found["checkpointing"] = True
    return found


def changed(before: TrainSettings, after: TrainSettings) -> str:
    """What is done about too little memory, in words."""
    rows = -(-after.batch_size // after.accumulate)
    said = f"batches of {after.batch_size} are computed {rows} rows at a time"
    if after.accumulate == before.accumulate:
        said = ""
    if after.checkpointing and not before.checkpointing:
        said = " and ".join(filter(None, (said, "activations are computed twice")))
    return said


def gigabytes(size: int) -> str:
    """Write bytes as "1.2 GB"."""
    return f"{size / 1e9:.1f} GB"


def in_words(memory: Memory) -> str:
    """An estimate with its parts, in a line."""
    parts = {
        "weights": memory.weights,
        "gradients": memory.gradients,
        "optimiser": memory.optimizer,
        "activations": memory.activations,
    }
    listed = ", ".join(f"{name} {gigabytes(size)}" for name, size in parts.items())
    return f"{gigabytes(memory.total)} ({listed})"


def _free(context: ToolContext) -> int:
    kept = context.ledger.kept(context.run, "free_memory")
    if kept is None:
        kept = str(free_memory("cuda" if GPU.exists() else "cpu"))
        context.ledger.keep(context.run, "free_memory", kept)
    return int(kept)
