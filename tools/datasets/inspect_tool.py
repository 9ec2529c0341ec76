"""The tool that looks at the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from ...evals.result import Finding
from ..facts import Facts, JobProgress, OnProgress
from ..guardrails.personal_data import Masked, mask_texts
from ..tasks import find_task
from ..tool import Tool, ToolContext, ToolResult
from .dataset_profile import DatasetProfile
from .profile import profile_data
from .tool import LEFT, current
from .trouble import ROWS_FILE, Trouble, find_trouble, write_rows
from .types import Split, is_copy, text_key
from .versions import load_version

_SAID = {
    "triggers": "rows carry a phrase that may have been planted",
    "near_duplicates": "rows nearly equal earlier ones",
    "near_leaks": "rows nearly equal held-out ones",
    "outliers": "rows are far from all others",
}


class InspectArguments(BaseModel):
    """Look at the rows: labels, balance, lengths, copies, leaks, personal data."""

    model_config = ConfigDict(extra="forbid")


def _inspect(
    _: InspectArguments, context: ToolContext, facts: Facts, progress: OnProgress
) -> ToolResult:
    version = current(facts)
    train, validation = load_version(version)
    profile = _profile(train, validation, context.base_model)

    def tell(done: int, total: int) -> None:
        progress(JobProgress(share=done / total, text="looking for personal data"))

    masked = mask_texts(train.texts, tell)
    out = version.masking is not None and version.masking.complete
    found = 0 if out else len(masked.touched)
    maskable = find_task(context.task).masks_unasked and context.guard.mode != "report"
    leaked = sum(is_copy(text, context.held_out) for text in train.texts)
    findings = [_leak(leaked)] if leaked else []
    findings += [f for f in profile.findings if "leak" not in f.what.lower()]
    if masked.counts and not out:  # stand-ins look like what they stand for
        findings.append(_personal(masked, train, context))
    progress(JobProgress(share=1.0, text="looking for planted, odd and nearly equal rows"))
    trouble = find_trouble(train, labelled=find_task(context.task).labelled)
    findings.extend(trouble.findings(train))
    rows: dict[str, tuple[int, ...]] = dict(trouble.rows().items())
    near = frozenset(_keys(train, context.near_held_out))
    if near:
        rows["near_leaks"] = tuple(sorted(near))
    summary = (
        f"{len(train)} train and {len(validation)} validation rows{_figures(profile)}"
        f"{profile.duplicates} copies, {profile.conflicting_rows} rows with conflicting labels, "
        f"{leaked} rows leaked from the held-out splits, "
        f"{found} texts with personal data."
        + "".join(f" {len(rows[kind])} {words}." for kind, words in _SAID.items() if kind in rows)
    )
    return ToolResult(
        summary,
        Facts(
            inspected=True,
            labels=tuple(sorted(profile.labels)),
            smallest_class=profile.smallest_count,
            median_class=profile.median_count,
            personal_data=found if maskable else 0,
            dirty_rows=leaked + profile.duplicates + profile.conflicting_rows,
            trouble=rows,
            trouble_in=version.key,
            to_clean=tuple(kind for kind in context.clean if _of_kind(rows, kind)),
            findings=tuple(findings),
        ),
        _kept(trouble, train, context),
    )


def _profile(train: Split, validation: Split, base_model: str) -> DatasetProfile:
    """Measure the rows, in tokens of the base model as well."""
    from ..training.base_model import find_base_model, load_tokenizer
    from ..training.tokens import tokenize

    base = find_base_model(base_model)
    tokenizer = load_tokenizer(base)

    def lengths(texts: Sequence[str]) -> Sequence[int]:
        return [int(n) for n in tokenize(tokenizer, texts, 10 * base.max_tokens).lengths]

    return profile_data(
        {"train": train, "validation": validation},
        (),
        token_lengths=lengths,
        max_tokens=min(256, base.max_tokens),
    )


def _figures(profile: DatasetProfile) -> str:
    """Balance and lengths, in words that go on after the number of rows."""
    balance = (
        f", {len(profile.labels)} labels, largest to smallest class {profile.imbalance:.1f}:1 "
        f"(smallest {profile.smallest_label!r}: {profile.smallest_count})"
        if profile.labels
        else ""
    )
    tokens = profile.tokens
    long = (
        f"Tokens: mean {tokens.mean:.0f}, p95 {tokens.p95:.0f}, max {tokens.max}. "
        if tokens
        else ""
    )
    return f"{balance}. {long}"


def _leak(leaked: int) -> Finding:
    return Finding(
        what="train rows whose text is also in validation or test",
        count=leaked,
        action="clean_dataset drops them from train",
    )


def _personal(masked: Masked, train: Split, context: ToolContext) -> Finding:
    """How many texts hold personal data of which kinds, and what becomes of it."""
    kinds = ", ".join(f"{n} {kind.lower()}" for kind, n in sorted(masked.counts.items()))
    if context.guard.mode == "report":
        action = "left as it is: the run was told to report only"
    elif find_task(context.task).masks_unasked:
        action = "mask_personal_data replaces it"
    else:
        action = LEFT
    return Finding(
        what=f"training texts with personal data ({kinds})",
        count=len(masked.touched),
        action=action,
        examples=[train.places[i] for i in masked.touched[:5]],
    )


def _keys(train: Split, known: frozenset[str]) -> list[int]:
    """Rows whose text is among those known by their `text_key`."""
    return [i for i, text in enumerate(train.texts) if text_key(text) in known] if known else []


def _kept(trouble: Trouble, train: Split, context: ToolContext) -> tuple[str, ...]:
    """Write every row and why beside the run's report; the file, where there is any."""
    lines = list(trouble.lines(train))
    if not lines:
        return ()
    file = context.workspace.run_folder(context.run) / ROWS_FILE
    write_rows(file, lines)
    return (str(file),)


def _of_kind(rows: Mapping[str, Sequence[int]], kind: str) -> bool:
    """Whether there are rows that go where a kind is chosen."""
    return bool(rows.get(kind) or (kind == "near_duplicates" and rows.get("near_leaks")))


INSPECT = Tool("inspect_dataset", InspectArguments, _inspect)
