"""Personal data and secrets out of the rows of a run, before anything else sees them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...evals.result import Finding
from ...memory.redaction import redact, redacted
from ..datasets.trouble import write_rows
from ..datasets.types import RawData, Split
from ..deployment.sums import digest_of
from ..errors import DatasetError
from ..tasks import find_task
from .edits import edit
from .masker import RowGuard, kept_secret, row_guard
from .masking import AUDIT, STAND_INS, DataGuard, Masking, Mode
from .row_masks import MaskedSplit, Progress

_DONE: dict[Mode | None, str] = {
    None: "taken out of every split before anything else saw them",
    "mask": "masked in every split before anything else saw them",
    "pseudonymise": "replaced by stand-ins in every split before anything else saw them",
    "drop": "left out of every split",
    "report": "left as they are: the run was told to report only",
}
_EXAMPLES = 5


@dataclass(frozen=True)
class GuardedRows:
    """A run's rows as it may see them.

    Attributes:
        raw: With every value masked that was found, or its row left out.
        masking: What was done, and is to be done to the inputs of its models; None: nothing.
        lines: To be told.
        findings: For the report.
    """

    raw: RawData
    masking: Masking | None = None
    lines: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def guard_rows(raw: RawData, guard: DataGuard, progress: Progress | None = None) -> GuardedRows:
    """Take personal data out as the person asked, and secrets in any case but "report".

    Where something was found, the run's folder gets an audit: id, field, start, end and type of
    each piece, never its value. Stand-ins are drawn under a secret in the run's folder.

    Args:
        raw: As read; not modified.
        guard: What is asked.
        progress: Called with (done, all) of each split.

    Raises:
        DatasetError: No row of a split would be left.
        ModelError: The model of names cannot be used.
    """
    task, masks = find_task(raw.task), guard_of(guard)
    masked = {name: masks(task, split, progress) for name, split in raw.splits.items()}
    _write_audit(guard.folder / AUDIT, raw, masked, masks)
    lines, findings = _told(raw, masked, guard.mode)
    if guard.mode == "report":
        return GuardedRows(raw, None, lines, findings)
    if guard.mode is None and not findings:
        return GuardedRows(_labels_without_secrets(raw))
    splits = {
        name: _kept(name, found, drop=guard.mode == "drop", masks=masks)
        for name, found in masked.items()
    }
    clean = _labels_without_secrets(replace(raw, splits=splits))
    return GuardedRows(clean, masking_of(guard), lines, findings)


def guard_of(guard: DataGuard) -> RowGuard:
    """Make what masks a run's rows."""
    mode = guard.mode or "secrets"
    return row_guard(mode, guard.names, lambda: kept_secret(guard.folder / STAND_INS))


def masking_of(guard: DataGuard) -> Masking:
    """What models of such rows have to do to their inputs."""
    assert guard.mode != "report"
    names = guard.names
    return Masking(
        mode=guard.mode or "secrets",
        names=str(names) if names else "",
        names_digest=digest_of(names) if names else "",
    )


def _kept(name: str, found: MaskedSplit, *, drop: bool, masks: RowGuard) -> Split:
    split = found.without() if drop else found.split
    if not len(split):
        raise DatasetError(
            f"every row of {name} holds personal data or secrets, so none is left; "
            "use --personal-data mask"
        )
    ids = tuple(None if i is not None and masks.masker.find(i) else i for i in split.ids)
    said = {value for own in split.slices for value in own.values()}
    masker = masks.masker
    new = {value: edit(value, masker.find(value), masker.replacement).new for value in said}
    slices = tuple({name: new[value] for name, value in own.items()} for own in split.slices)
    return replace(split, ids=ids, slices=slices)


def _told(
    raw: RawData, masked: Mapping[str, MaskedSplit], mode: Mode | None
) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    counts = Counter(m.kind for found in masked.values() for marks in found.marks for m in marks)
    places = [raw.splits[name].places[row] for name, f in masked.items() for row in f.touched]
    if not places:
        return (("no personal data was found",) if mode else ()), ()
    kinds = ", ".join(f"{n:,} {kind.lower()}" for kind, n in counts.most_common())
    what = "rows with secrets" if mode is None else "rows with personal data or secrets"
    finding = Finding(
        what=f"{what} ({kinds})",
        count=len(places),
        action=f"{_DONE[mode]}; where they stood: {AUDIT}",
        examples=places[:_EXAMPLES],
    )
    return (f"{len(places):,} {finding.what}: {_DONE[mode]}",), (finding,)


def _write_audit(
    path: Path, raw: RawData, masked: Mapping[str, MaskedSplit], masks: RowGuard
) -> None:
    """Write the audit whole, or none where nothing was found."""
    lines = [
        line for name, found in masked.items() for line in _audit(raw.splits[name], found, masks)
    ]
    if lines:
        write_rows(path, lines)
    else:
        path.unlink(missing_ok=True)


def _audit(split: Split, found: MaskedSplit, masks: RowGuard) -> Iterator[dict[str, Any]]:
    for row in found.touched:
        known = split.ids[row]
        if known is None or masks.masker.find(known):
            known = split.places[row]
        for mark in found.marks[row]:
            yield {
                "id": known,
                "field": mark.field,
                "start": mark.start,
                "end": mark.end,
                "type": mark.kind,
            }


def _labels_without_secrets(raw: RawData) -> RawData:
    """Rename labels that are secrets: they would stand in models, reports and the record."""
    labels = sorted({label for split in raw.splits.values() for label in _labels(split)})
    secret = [label for label in labels if redact(label) != label]
    if not secret:
        return raw
    new = {old: f"{redact(old)} {n}" for n, old in enumerate(secret, 1)}
    kept = find_task(raw.task).maskable

    def named(value: Any) -> Any:
        if isinstance(value, str):
            head, tail = (value[:2], value[2:]) if value[:2] in {"B-", "I-"} else ("", value)
            return head + new.get(tail, tail)
        if isinstance(value, list):
            return [named(v) for v in value]
        if isinstance(value, dict):
            return {k: named(v) for k, v in value.items()}
        return value

    splits = {
        name: replace(
            split,
            labels=tuple(new.get(label, label) for label in split.labels),
            rows=tuple({k: v if k in kept else named(v) for k, v in r.items()} for r in split.rows),
        )
        for name, split in raw.splits.items()
    }
    told = (*redacted(list(raw.guesses)), f"{len(new)} labels look like secrets and were renamed")
    oddities = tuple(replace(o, detail=redact(o.detail)) for o in raw.oddities)
    return replace(raw, splits=splits, guesses=told, oddities=oddities)


def _labels(split: Split) -> Iterator[str]:
    yield from split.labels
    for row in split.rows:
        for name in ("labels", "tags", "label"):
            value = row.get(name)
            for label in value if isinstance(value, list) else [value]:
                if isinstance(label, str):
                    yield label.removeprefix("B-").removeprefix("I-")
