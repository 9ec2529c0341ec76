"""`tuneos check`: what is in a dataset, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from ..evals.result import Finding
from ..memory.redaction import redacted
from ..tools.datasets.dataset_profile import DatasetProfile
from ..tools.datasets.near import near_across
from ..tools.datasets.profile import profile_data
from ..tools.datasets.read import read_data
from ..tools.datasets.trouble import find_trouble, near_leak_lines, near_leaks
from ..tools.guardrails.personal_data import mask_texts
from ..tools.tasks import find_task

if TYPE_CHECKING:
    from rich.console import Console

MOST_LABELS = 15


class Diagnosis(BaseModel):
    """What `tuneos check --json` prints."""

    source: str
    task: str
    text_column: str
    label_column: str
    guesses: list[str]
    oddities: list[str]
    profile: DatasetProfile
    trouble: list[dict[str, Any]] = Field(
        default=[],
        description="every row that is near another, carries a trigger or is an outlier, and why",
    )


def diagnose(
    path: Path, *, task: str | None, text: str | None, label: str | None, strict: bool = False
) -> Diagnosis:
    """Read the data and look it over; nothing is written.

    Raises:
        DatasetError: It cannot be read or cannot serve the task.
    """
    raw = read_data(path, task=task, text=text, label=label, strict=strict)
    profile = profile_data(raw.splits, raw.oddities)
    train = raw.splits["train"]
    held_out = {name: split for name, split in raw.splits.items() if name != "train"}
    pairs = near_across(train, held_out)
    trouble = find_trouble(train, labelled=find_task(raw.task).labelled)
    leaks = near_leaks(pairs, train, held_out)
    said = (*leaks, *profile.findings, *trouble.findings(train))
    profile = profile.model_copy(update={"findings": said})
    masked = mask_texts(raw.splits["train"].texts)
    if masked.touched:
        kinds = ", ".join(f"{n} {kind.lower()}" for kind, n in sorted(masked.counts.items()))
        finding = Finding(
            what=f"train texts with personal data ({kinds})",
            count=len(masked.touched),
            action="a run masks it before training"
            if find_task(raw.task).masks_unasked
            else "a run masks it with --personal-data mask; secrets go in any case",
            examples=[raw.splits["train"].places[i] for i in masked.touched[:5]],
        )
        profile = profile.model_copy(
            update={"pii": masked.counts, "findings": (*profile.findings, finding)}
        )
    found = Diagnosis(
        source=str(path),
        task=raw.task,
        text_column=raw.text_column,
        label_column=raw.label_column,
        guesses=list(raw.guesses),
        oddities=[f"{o.place}: {o.detail}" for o in raw.oddities],
        profile=profile,
        trouble=[*near_leak_lines(pairs, train, held_out), *trouble.lines(train)],
    )
    told: Diagnosis = redacted(found)  # labels and columns may be secrets too
    return told


def print_diagnosis(console: Console, found: Diagnosis) -> None:
    """The same for people."""
    from rich.markup import escape

    profile = found.profile
    console.print(f"[bold]{escape(found.source)}[/bold]: {found.task}")
    for guess in found.guesses:
        console.print(f"  {escape(guess)}")
    rows = ", ".join(f"{n:,} {name}" for name, n in profile.rows.items())
    labels = f"; {len(profile.labels)} labels" if profile.labels else ""
    console.print(f"  rows: {rows}{labels}")
    words = profile.words
    console.print(f"  words a text: mean {words.mean:.0f}, p95 {words.p95:.0f}, max {words.max}\n")
    if profile.labels:
        _print_labels(console, profile)
    if not profile.findings:
        console.print("[green]Nothing unusual found.[/green]")
    for finding in profile.findings:
        text = escape(f"{finding.count:,} × {finding.what}: {finding.action}")
        console.print(f"[yellow]•[/yellow] {text}")
        if finding.examples:
            console.print(f"  [dim]{escape('; '.join(finding.examples[:3]))}[/dim]")


def _print_labels(console: Console, profile: DatasetProfile) -> None:
    """How the labels are spread, as bars."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("label")
    table.add_column("train", justify="right")
    table.add_column("")
    largest = max(counts.get("train", 0) for counts in profile.labels.values())
    for label, counts in list(profile.labels.items())[:MOST_LABELS]:
        n = counts.get("train", 0)
        table.add_row(escape(label[:40]), f"{n:,}", "█" * max(1, round(24 * n / largest)))
    console.print(table)
    if len(profile.labels) > MOST_LABELS:
        console.print(f"… and {len(profile.labels) - MOST_LABELS} more labels")
    console.print()
