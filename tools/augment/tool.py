"""The tool that makes new training rows, kept only where validation shows that they pay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..datasets.splits import read_split
from ..datasets.tool import current
from ..datasets.types import Split, is_copy, text_key
from ..datasets.versions import load_version, save_version
from ..facts import Augmented, DataVersion, Facts, JobProgress, OnProgress, Setting
from ..jobs.run import run_job
from ..tasks import find_task
from ..tasks.task import Task
from ..tool import Tool, ToolContext, ToolRefused, ToolResult
from ..training.asked_settings import full_settings
from ..training.job_specs import make_spec
from .added import TRAIN, TUNE, Added, Way
from .synthesis import ROWS, SYSTEM, checked, make_orders, prompt, write_written


class AugmentArguments(BaseModel):
    """Make new training rows out of the ones there are, small classes first.

    For small classes, imbalance or few rows. A probe is fitted with and without; what does not
    raise its score on validation is dropped. Validation and test are not changed.
    """

    model_config = ConfigDict(extra="forbid")

    methods: list[Way] | None = Field(
        None,
        min_length=1,
        max_length=5,
        description="as known best for the task if left out; synthesise: you write rows yourself",
    )
    rows: int | None = Field(None, ge=1, le=20_000, description="to make by each method")


MOST_ROWS = 2000  # made by a method where nobody says how many
CALLS, CALL_ROWS = 8, 10  # of the writer, where the recipe does not say
ROW_TOKENS = 150  # of an answer, for each row


def _augment(
    arguments: AugmentArguments, context: ToolContext, facts: Facts, progress: OnProgress
) -> ToolResult:
    task = find_task(context.task)
    version = current(facts)
    train, validation = load_version(version)
    if version.name.endswith("augmented"):
        raise ToolRefused("the training rows are augmented already")
    if not version.cleaned and any(is_copy(t, context.held_out) for t in train.texts):
        raise ToolRefused("clean_dataset first: rows made of leaked ones would leak as well")
    known = _known(context)
    methods = _methods(arguments.methods, str(known.get("methods", "")), task, train, context)
    settings: dict[str, Setting] = {
        "rows": arguments.rows or min(len(train), int(known.get("rows", MOST_ROWS))),
        "held_out": sha256("".join(sorted(context.held_out)).encode()).hexdigest()[:16],
    }
    said: list[str] = []
    if "synthesise" in methods:
        try:
            settings |= _synthesis(task, train, version, context, known, said, progress)
        except ToolRefused as refused:
            if arguments.methods is not None or methods == ["synthesise"]:
                raise
            said.append(f"no rows were written: {refused}")
            methods.remove("synthesise")
    if "back_translate" in methods:
        from .translation import check_translator

        there, back = context.translators
        digests = f"{check_translator(there)} {check_translator(back)}"
        settings |= {"there": there, "back": back, "translators": digests}
    if task.judge is None:
        settings |= _short_tuning(known, context)
    settings["methods"] = ",".join(methods)
    spec = make_spec("augment", "augmentation", settings, context, facts)
    spec = spec.model_copy(update={"held_out": tuple(sorted(context.held_out))})
    done = run_job(spec, context.store, context.ledger, progress)
    tried = done.outcome.augmented
    lines = "; ".join([*(said_of(t) for t in tried), *said, *done.outcome.notes])
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
        masking=version.masking,
        cleaned=version.cleaned,
    )
    note = f"Augmented by {best.method}, {best.rows} rows: {lines}"
    return ToolResult(f"{note}.", Facts(data=new, notes=(note,)), (new.folder,))


def suits(way: str, task: Task, train: Split, context: ToolContext) -> str | None:
    """Say why a way of making rows does not suit a task and its rows; None where it does."""
    if way not in task.augments:
        return f"{way} would make rows of {task.name} whose gold does not surely hold"
    if way in {"oversample", "synthesise"} and len(set(train.labels) - {""}) < 2:
        return f"{way} needs rows with labels, of which some are rare"
    if way == "back_translate" and len(context.translators) != 2:
        return "back_translate needs two translation models: tuneos run … --translator, twice"
    if way != "synthesise":
        return None
    if context.writer is None:
        return "synthesise needs an LLM: tuneos run … --llm"
    return None if task.example(train, 0) else "synthesise cannot write rows of this form"


def _methods(
    asked: Sequence[Way] | None, known: str, task: Task, train: Split, context: ToolContext
) -> list[str]:
    """The ways that are asked for, or those that the knowledge graph has and that suit.

    Raises:
        ToolRefused: One that is asked for does not suit, or none is left.
    """
    listed = [name for name in known.split(",") if name] or task.augments
    wanted: list[str] = list(dict.fromkeys(listed if asked is None else asked))
    why = {way: suits(way, task, train, context) for way in wanted}
    if asked is None:
        wanted = [way for way in wanted if why[way] is None]
    wrong = [said for way in wanted if (said := why[way])]
    if wrong:
        raise ToolRefused("; ".join(wrong))
    if not wanted:
        raise ToolRefused(
            f"{task.name}: no way of making rows suits these "
            f"({'; '.join(filter(None, why.values())) or 'their gold would not surely hold'})"
        )
    return wanted


def _known(context: ToolContext) -> dict[str, Setting]:
    """What the knowledge graph says of augmentation for this task."""
    found = (s for s in context.knowledge.strategies(context.task) if s.tool == AUGMENT.name)
    return dict(next((s.defaults for s in found), {}))


def _short_tuning(known: Mapping[str, Setting], context: ToolContext) -> dict[str, Setting]:
    """Settings of the short tuning that judges, as the knowledge graph has them."""
    said: dict[str, Setting] = {
        "strategy": known.get("judge", "full"),
        "epochs": known.get("judge_epochs", 2),
    }
    return {f"{TUNE}{name}": value for name, value in full_settings(said, context).items()}


def _synthesis(
    task: Task,
    train: Split,
    version: DataVersion,
    context: ToolContext,
    known: Mapping[str, Setting],
    said: list[str],
    progress: OnProgress,
) -> dict[str, Setting]:
    """Have rows written, or take those that were written before for the same order."""
    writer = context.writer
    assert writer is not None
    calls, rows = (int(known.get(k, n)) for k, n in (("calls", CALLS), ("call_rows", CALL_ROWS)))
    held_out = sha256("".join(sorted(context.held_out)).encode()).hexdigest()
    order = {"written": version.key, "by": writer.name, "calls": calls, "rows": rows}
    key = context.store.key({**order, "seed": context.seed, "held_out": held_out})
    if not context.store.has_whole(key):
        found = _written(task, train, context, (calls, rows), said, progress)
        with context.store.writing(key) as folder:
            write_written(folder / ROWS, found)
    return {"synthesis": str(context.store.path(key))}


def _written(
    task: Task,
    train: Split,
    context: ToolContext,
    most: tuple[int, int],
    said: list[str],
    progress: OnProgress,
) -> list[Added]:
    writer = context.writer
    assert writer is not None
    rng = np.random.default_rng(context.seed)
    orders = make_orders(train, calls=most[0], rows=most[1], rng=rng)
    seen = {text_key(text) for text in train.texts} | set(context.held_out)
    rows: list[Added] = []
    dropped: Counter[str] = Counter()
    for number, order in enumerate(orders):
        text = f"{writer.name} writes rows of {order.label!r}"
        progress(JobProgress(share=number / len(orders), text=text))
        tokens = ROW_TOKENS * order.rows
        try:
            answer = writer.write(SYSTEM, prompt(order, task, train), tokens)
        except ToolRefused as refused:
            if not rows:
                raise
            said.append(f"no more rows were written: {refused}")
            break
        found = checked(answer, order, task, train, seen, writer.name)
        rows += found.rows
        dropped.update(found.dropped)
    fell = ", ".join(f"{count} for {why}" for why, count in sorted(dropped.items()))
    fell = f"; dropped: {fell}" if fell else ""
    said.append(f"{len(rows)} rows written by {writer.name}{fell}")
    return rows


def said_of(tried: Augmented) -> str:
    """One way of making rows and what the probe says of it, in a line."""
    if not tried.rows:
        return f"{tried.method}: no new text"
    low, high = tried.ci
    return (
        f"{tried.method} {tried.rows} rows, probe {tried.measured} {tried.before:.4f} to "
        f"{tried.after:.4f} ({tried.after - tried.before:+.4f} [{low:+.4f}, {high:+.4f}])"
    )


AUGMENT = Tool("augment_dataset", AugmentArguments, _augment)
