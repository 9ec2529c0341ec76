"""prepare: read the data, make the splits, seal the test split."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from statistics import median_low
from typing import Any

from langgraph.runtime import Runtime

from ..evals.result import Finding
from ..memory.trail import Entry
from ..tools.datasets.near import near_across
from ..tools.datasets.profile_figures import figures, mean_embedding
from ..tools.datasets.splits import data_hash, make_splits, split_bytes
from ..tools.datasets.trouble import LEAKS_FILE, near_leak_lines, near_leaks, write_rows
from ..tools.datasets.types import RawData, Split, copy_keys, text_key
from ..tools.datasets.versions import save_version
from ..tools.facts import Facts, JobProgress
from ..tools.guardrails.run_rows import GuardedRows, guard_rows
from ..tools.tool import NEAR
from .context import RunContext
from .events import Prepared, StepEnded, StepProgress, StepStarted, emit
from .integrity import ROWS, remember
from .state import State

_MANY_ROWS = 20_000  # from which looking for secrets takes seconds
_TELL_EVERY = 0.2  # seconds


def prepare(state: State, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """Snapshot the rows by content hash; from here on no tool can read the test split."""
    context = runtime.context
    guarded = _guarded(context)
    raw = guarded.raw
    splits = make_splits(raw, seed=context.tools.seed)
    splits["train"] = replace(splits["train"], slices=())  # figures are of the others
    train, validation, test = (splits[n] for n in ("train", "validation", "test"))
    context.seals.seal(context.tools.run, split_bytes(test))
    keys = {key for t in validation.texts + test.texts for key in copy_keys(t)}
    ledger, run = context.tools.ledger, context.tools.run
    remember(context.tools)
    rows = sorted(text_key(t) for split in splits.values() for t in split.texts)
    ledger.keep(run, ROWS, sha256("".join(rows).encode()).hexdigest())
    ledger.keep(run, "held_out", json.dumps(sorted(keys)))
    ledger.keep(run, "rows", json.dumps({name: len(split) for name, split in splits.items()}))
    near = _near(splits, context)
    masking = guarded.masking
    complete = masking is not None and masking.complete
    version = save_version(
        context.tools.store,
        train,
        validation,
        name="personal data out" if complete else "as read",
        masked=complete,
        masking=masking,
    )
    counts = dict(Counter(label for label in train.labels if label).most_common())
    made = [name for name in ("validation", "test") if name not in raw.splits]
    inferred = ledger.kept(run, "inferred")
    lines = [
        *([inferred] if inferred else []),
        *raw.guesses,
        *guarded.lines,
        _sizes(splits, made),
    ]
    emit(Prepared(lines=lines))
    digest = data_hash(splits)
    ledger.log(
        run,
        "prepared",
        Entry(
            kind="prepared",
            by="prepare",
            text="; ".join(lines),
            data=digest,
            new_data=version.key,
            new_data_name=version.name,
            figures={f"rows_{name}": float(len(split)) for name, split in splits.items()},
        ),
    )
    return {
        "facts": Facts(
            data=version,
            data_hash=digest,
            rows={name: len(split) for name, split in splits.items()},
            profile=figures(train),
            embedding=mean_embedding(train),
            label_counts=counts,
            smallest_class=min(counts.values(), default=len(train)),
            median_class=median_low(counts.values()) if counts else len(train),
            guesses=tuple(lines),
            findings=(*near, *_findings(raw), *guarded.findings),
        ),
        "refused": 0,
        "asked_on": 0,
        "corrections": 0,
        "helped": 0,
        "declined": [],
        "vetoes": {},
        "taken_over": None,
        "stop": None,
    }


def _guarded(context: RunContext) -> GuardedRows:
    """Read the rows and take personal data and secrets out, with progress where that takes long."""
    raw, guard = context.read(), context.tools.guard
    rows = sum(len(split) for split in raw.splits.values())
    if guard.mode is None and rows < _MANY_ROWS:
        return guard_rows(raw, guard)
    what = "secrets" if guard.mode is None else "personal data"
    start, told = time.monotonic(), 0.0

    def tell(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _TELL_EVERY:
            told = time.monotonic()
            share = done / max(1, total)
            said = JobProgress(share=share, text=f"looking for {what}")
            emit(StepProgress(tool="personal_data", progress=said))

    emit(StepStarted(tool="personal_data", arguments={}, reason=f"look for {what}", estimate=0))
    found = guard_rows(raw, guard, tell)
    summary = "; ".join(found.lines) or f"no {what} found"
    seconds = time.monotonic() - start
    emit(StepEnded(tool="personal_data", summary=summary, ok=True, seconds=seconds))
    return found


def _near(splits: dict[str, Split], context: RunContext) -> tuple[Finding, ...]:
    """Find held-out rows that nearly stand in train, while they can all be seen; say so."""
    train = splits["train"]
    held_out = {name: split for name, split in splits.items() if name != "train"}
    pairs = near_across(train, held_out)
    ledger, run = context.tools.ledger, context.tools.run
    known = {
        "train": sorted({text_key(train.texts[p.other]) for near in pairs.values() for p in near}),
        **{name: sorted({pair.row for pair in near}) for name, near in pairs.items()},
    }
    ledger.keep(run, NEAR, json.dumps(known))
    lines = list(near_leak_lines(pairs, train, held_out))
    if lines:
        write_rows(context.folder / LEAKS_FILE, lines)
    return near_leaks(pairs, train, held_out)


def _sizes(splits: dict[str, Split], made: list[str]) -> str:
    sizes = ", ".join(f"{len(split):,} {name}" for name, split in splits.items())
    kept = ", stratified" if any(splits["train"].labels) else ""
    how = f" ({' and '.join(made)} made here{kept})" if made else ""
    return f"rows: {sizes}{how}; the test split is sealed until the end"


def _findings(raw: RawData) -> tuple[Finding, ...]:
    """What reading met, by kind."""
    by_kind: dict[str, list[str]] = {}
    for oddity in raw.oddities:
        by_kind.setdefault(oddity.kind, []).append(f"{oddity.place}: {oddity.detail}")
    return tuple(
        Finding(
            what=kind.replace("_", " "),
            count=len(places),
            action="handled when reading",
            examples=places[:5],
        )
        for kind, places in by_kind.items()
    )
