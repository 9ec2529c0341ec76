"""A job on the current version of the data, described; what leaks is not learned from."""

from __future__ import annotations

from collections import Counter

from ..datasets.clean import ROWS_KEPT
from ..datasets.tool import current
from ..datasets.types import is_copy
from ..datasets.versions import load_version
from ..estimate import robust_seconds
from ..facts import DataVersion, Facts, Setting
from ..jobs.spec import JobKind, JobSpec
from ..tool import ToolContext, ToolRefused

# Jobs that need to know which base model is tuned.
TUNING = {"probe", "fine_tune", "search", "augment"}


def make_spec(
    kind: JobKind,
    name: str,
    settings: dict[str, Setting],
    context: ToolContext,
    facts: Facts,
    **more: object,
) -> JobSpec:
    """Describe a job on the current data version."""
    version = current(facts)
    if len(context.base_models) > 1 and not facts.base_ranking and kind in TUNING:
        raise ToolRefused("rank_base_models first: several base models were given")
    if kind in TUNING:
        refuse_leaks(version, context)
    base_model, base_digest = context.base(facts)
    what = JobSpec.What.model_validate(
        {
            "kind": kind,
            "data": version.key,
            "task": context.task,
            "base_model": base_model,
            "base_digest": base_digest,
            "metric": context.metric,
            "measured": context.measured,
            "settings": settings,
            "seed": context.seed,
            "odd": context.odd_digest,
            **more,
        }
    )
    return JobSpec(
        what=what,
        name=name,
        data_folder=version.folder,
        data_name=version.name,
        data_hash=facts.data_hash,
        masked=version.masked,
        masking=version.masking,
        run=context.run,
        cache=str(context.workspace.root / "cache"),
        studies=str(context.workspace.studies),
        odd=str(context.odd_file) if context.odd_digest else "",
        held_out=tuple(sorted(context.held_out)) if _makes_noise(what) else (),
        seconds=context.seconds_left(),
        answering=facts.answer_seconds * version.validation_rows + robust_seconds(facts),
        workers=context.workers,
    )


def _makes_noise(what: JobSpec.What) -> bool:
    """Whether a tuning makes copies of training rows, which must not become held-out ones."""
    return what.settings.get("noise", "none") != "none" or any(
        part.get("setting") == "noise" for part in what.space
    )


def refuse_leaks(version: DataVersion, context: ToolContext) -> None:
    """Refuse to learn from rows that are copies of validation or test rows, also near ones.

    After cleaning, only the last rows of a class may be such: it would have none otherwise.

    Raises:
        ToolRefused: There are some; clean_dataset drops them.
    """
    train, _ = load_version(version)
    leaked = [i for i, text in enumerate(train.texts) if is_copy(text, context.held_out)]
    if not leaked:
        return
    counts = Counter(train.labels)
    if version.cleaned and all(counts[train.labels[i]] <= ROWS_KEPT for i in leaked):
        return
    raise ToolRefused(
        f"{len(leaked)} training rows are copies of validation or test rows "
        f"({train.places[leaked[0]]} is the first); clean_dataset drops them"
    )
