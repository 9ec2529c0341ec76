"""Dataset tools that change the training rows: clean, mask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from ...evals.result import Finding
from ..facts import DataVersion, Facts, JobProgress, OnProgress
from ..guardrails.masker import row_guard
from ..tasks import find_task
from ..tool import Tool, ToolContext, ToolRefused, ToolResult
from .clean import WHY, Reason, clean_train
from .trouble import KINDS
from .types import is_copy
from .versions import load_version, save_version

LEFT = (
    "left as it is: entities, answers or programs may consist of it; "
    "tuneos run --personal-data masks it"
)


class CleanArguments(BaseModel):
    """Drop leaked rows, copies and contradicting labels from the training rows.

    With suspects, also rows whose label the probe found contradicted by the others. What else
    inspect_dataset finds goes only where the person chose it. Validation and test rows are
    never changed.
    """

    model_config = ConfigDict(extra="forbid")

    suspects: bool = Field(False, description="also drop rows with doubtful labels")
    near_duplicates: bool = Field(
        False, description="also drop rows that nearly equal others, or held-out rows"
    )
    triggers: bool = Field(False, description="also drop rows with planted phrases")
    outliers: bool = Field(False, description="also drop rows far from all others")


class MaskArguments(BaseModel):
    """Replace e-mail addresses, phone, card, IBAN and security numbers by their kind."""

    model_config = ConfigDict(extra="forbid")


def current(facts: Facts) -> DataVersion:
    """The data version that training uses now."""
    if facts.data is None:
        raise ToolRefused("there is no data yet")
    return facts.data


_GOES: dict[str, tuple[tuple[str, Reason], ...]] = {
    "near_duplicates": (("near_leaks", "near_leaked"), ("near_duplicates", "near_duplicate")),
    "triggers": (("triggers", "trigger"),),
    "outliers": (("outliers", "outlier"),),
}


def _chosen(
    arguments: CleanArguments, version: DataVersion, facts: Facts
) -> dict[Reason, tuple[int, ...]]:
    """The rows of the kinds that a call names, by reason.

    Raises:
        ToolRefused: They are of another version of the data.
    """
    named = [kind for kind in KINDS if getattr(arguments, kind)]
    if named and facts.trouble_in != version.key:
        raise ToolRefused("inspect_dataset first: it finds such rows, in this version of the data")
    return {
        reason: facts.trouble.get(kind, ())
        for chosen in named
        for kind, reason in _GOES[chosen]
        if facts.trouble.get(kind)
    }


def _clean(
    arguments: CleanArguments, context: ToolContext, facts: Facts, _: OnProgress
) -> ToolResult:
    version = current(facts)
    train, validation = load_version(version)
    suspects: tuple[int, ...] = ()
    if arguments.suspects:
        if facts.suspects_in != version.key:
            raise ToolRefused(
                "no doubtful labels are known for this data; probe_baselines finds them"
            )
        suspects = facts.suspect_labels
    chosen = _chosen(arguments, version, facts)
    cleaned = clean_train(train, held_out=context.held_out, suspects=suspects, chosen=chosen)
    if not cleaned.dropped:
        return ToolResult("Nothing to drop.", Facts(dirty_rows=0, to_clean=()))
    new = save_version(
        context.store,
        cleaned.split,
        validation,
        name=_named(version.name, "without doubtful labels" if suspects else "cleaned"),
        masked=version.masked,
        masking=version.masking,
        cleaned=True,
    )
    findings = tuple(
        Finding(
            what=f"dropped: {WHY[reason]}",
            count=count,
            action="dropped from train",
            examples=[place for place, why in cleaned.dropped if why == WHY[reason]][:5],
        )
        for reason, count in cleaned.counts.items()
    )
    counts = ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in cleaned.counts.items())
    spared = (
        f" {len(cleaned.spared)} were kept as the last of their class." if cleaned.spared else ""
    )
    return ToolResult(
        f"Dropped {len(cleaned.dropped)} of {len(train)} train rows: {counts}.{spared}",
        Facts(data=new, dirty_rows=0, to_clean=(), findings=findings)
        if facts.trouble_in != version.key
        else Facts(
            data=new,
            dirty_rows=0,
            to_clean=(),
            trouble=_moved(facts.trouble, cleaned.rows),
            trouble_in=new.key,
            findings=findings,
        ),
        (new.folder,),
    )


def _moved(trouble: Mapping[str, Sequence[int]], rows: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Positions of the same rows once only some rows are left."""
    now = {before: after for after, before in enumerate(rows)}
    moved = {kind: tuple(now[r] for r in old if r in now) for kind, old in trouble.items()}
    return {kind: left for kind, left in moved.items() if left}


def _mask(_: MaskArguments, context: ToolContext, facts: Facts, progress: OnProgress) -> ToolResult:
    version = current(facts)
    task = find_task(context.task)
    if context.guard.mode == "report":
        raise ToolRefused("the person wants personal data only reported")
    if version.masking is not None and version.masking.complete:
        raise ToolRefused("personal data was taken out of every split before the run began")
    if not task.masks_unasked:
        raise ToolRefused(f"{context.task}: {LEFT}")
    train, validation = load_version(version)
    if not version.cleaned and any(is_copy(text, context.held_out) for text in train.texts):
        raise ToolRefused("clean_dataset first: leaked rows cannot be found in masked texts")

    def tell(done: int, total: int) -> None:
        progress(JobProgress(share=done / total, text="masking personal data"))

    masks = row_guard("mask", None, bytes)
    new_train, new_validation = masks(task, train, tell), masks(task, validation)
    new = save_version(
        context.store,
        new_train.split,
        new_validation.split,
        name=_named(version.name, "masked"),
        masked=True,
        masking=version.masking,
        cleaned=version.cleaned,
    )
    counts = Counter(mark.kind for marks in new_train.marks for mark in marks)
    kinds = ", ".join(f"{n} {kind.lower()}" for kind, n in sorted(counts.items())) or "none"
    touched = len(new_train.touched) + len(new_validation.touched)
    return ToolResult(
        f"Masked personal data in {touched} texts (in train: {kinds}). "
        "Texts are masked the same way before prediction.",
        Facts(
            data=new,
            personal_data=0,
            trouble_in=new.key if facts.trouble_in == version.key else facts.trouble_in,
            findings=(
                Finding(
                    what="texts with personal data", count=touched, action="masked before training"
                ),
            ),
        ),
        (new.folder,),
    )


def _named(before: str, now: str) -> str:
    return now if before == "as read" else f"{before}, {now}"


CLEAN = Tool("clean_dataset", CleanArguments, _clean)
MASK = Tool("mask_personal_data", MaskArguments, _mask)
