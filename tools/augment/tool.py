"""The tool that makes new training rows, kept only where validation shows that they pay."""

from __future__ import annotations

from hashlib import sha256
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ..datasets.splits import read_split
from ..datasets.tool import current
from ..datasets.types import text_key
from ..datasets.versions import load_version, save_version
from ..facts import Augmented, Facts, OnProgress, Setting
from ..jobs.run import run_job
from ..tasks import find_task
from ..tool import Tool, ToolContext, ToolRefused, ToolResult
from ..training.tool import make_spec
from .job import TRAIN

Way = Literal["noise", "replace_words", "oversample", "back_translate"]


class AugmentArguments(BaseModel):
    """Make new training rows out of the ones there are, small classes first.

    For small classes, imbalance or few rows. A linear probe is fitted with and without; what
    does not raise its score on validation is dropped. Validation and test are not changed.
    """

    model_config = ConfigDict(extra="forbid")

    methods: list[Way] = Field(
        ["noise", "replace_words", "oversample"],
        min_length=1,
        max_length=4,
        description="back_translate needs there and back",
    )
    rows: int | None = Field(None, ge=1, le=20_000, description="to make by each method")
    there: str | None = Field(None, max_length=200, description="folder of a translation model")
    back: str | None = Field(None, max_length=200, description="folder of its reverse")


MOST_ROWS = 2000  # made by a method where nobody says how many


def _augment(
    arguments: AugmentArguments, context: ToolContext, facts: Facts, progress: OnProgress
) -> ToolResult:
    task = find_task(context.task)
    version = current(facts)
    train, validation = load_version(version)
    if not task.labelled or train.rows:
        raise ToolRefused(f"{context.task}: new rows could not be given a label that surely holds")
    both = arguments.there and arguments.back
    if "back_translate" in arguments.methods and not both:
        raise ToolRefused("back_translate needs there and back: folders of translation models")
    if version.name.endswith("augmented"):
        raise ToolRefused("the training rows are augmented already")
    if not version.cleaned and any(text_key(t) in context.held_out for t in train.texts):
        raise ToolRefused("clean_dataset first: rows made of leaked ones would leak as well")
    held_out = tuple(sorted(context.held_out))
    settings: dict[str, Setting] = {
        "methods": ",".join(dict.fromkeys(arguments.methods)),
        "rows": arguments.rows or min(len(train), MOST_ROWS),
        "held_out": sha256("".join(held_out).encode()).hexdigest()[:16],
    }
    if both:
        settings |= {"there": str(arguments.there), "back": str(arguments.back)}
    spec = make_spec("augment", "augmentation", settings, context, facts)
    spec = spec.model_copy(update={"held_out": held_out})
    done = run_job(spec, context.store, context.ledger, progress)
    tried = done.outcome.augmented
    lines = "; ".join(said(t, context.metric) for t in tried)
    kept = done.folder / TRAIN
    if not kept.is_file():
        note = f"Augmentation did not pay and was dropped: {lines}"
        return ToolResult(f"{note}.", Facts(notes=(note,)), (str(done.folder),))
    best = max(tried, key=lambda t: t.gain)
    before = "" if version.name == "as read" else f"{version.name}, "
    new = save_version(
        context.store,
        read_split(kept),
        validation,
        name=f"{before}augmented",
        masked=version.masked,
        cleaned=version.cleaned,
    )
    note = f"Augmented by {best.method}, {best.rows} rows: {lines}"
    return ToolResult(f"{note}.", Facts(data=new, notes=(note,)), (new.folder,))


def said(tried: Augmented, metric: str) -> str:
    """One way of making rows and what the probe says of it, in a line."""
    if not tried.rows:
        return f"{tried.method}: no new text"
    low, high = tried.ci
    return (
        f"{tried.method} {tried.rows} rows, probe {metric} {tried.before:.4f} to "
        f"{tried.after:.4f} ({tried.after - tried.before:+.4f} [{low:+.4f}, {high:+.4f}])"
    )


AUGMENT = Tool("augment_dataset", AugmentArguments, _augment)
