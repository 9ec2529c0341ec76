"""What must stay as it was from a run's beginning to its end, and what is done where it did not.

Whoever can write files could swap the base model, edit a metric or weaken a baseline while a run
is paused. Each is hashed when it is first relied on, and looked at again before it decides.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..evals.code import metric_code
from ..evals.measures import score
from ..memory.errors import StoreError
from ..memory.ledger import Ledger
from ..tools.facts import Candidate
from ..tools.tool import ToolContext
from ..tools.training.base_model import content_digest, find_base_model

INTACT = "intact"  # under which the ledger keeps the hashes
ROWS = "rows_hash"
CLOSE = 1e-9
NEW_RUN = "start a new run; its jobs are reused where nothing has changed"


def remember(tools: ToolContext) -> None:
    """Keep the hashes of the base models and of the metrics' code; the first ones count."""
    if tools.ledger.kept(tools.run, INTACT) is None:
        tools.ledger.keep(tools.run, INTACT, json.dumps(_now(tools)))


def refuse_changed(tools: ToolContext) -> None:
    """Compare with what was kept when the run began.

    Raises:
        StoreError: A base model or a metric is another one now.
    """
    kept = tools.ledger.kept(tools.run, INTACT)
    if kept is None:  # not begun yet, or by an earlier version
        return
    before, now = json.loads(kept), _now(tools)
    for name, digest in before.items():
        if now.get(name) != digest:
            raise StoreError(
                f"{name} was changed since run {tools.run} began, so its figures would not be "
                f"comparable; put it back as it was, or {NEW_RUN}."
            )


def _now(tools: ToolContext) -> dict[str, str]:
    refs = [ref for ref, _ in tools.base_models] or [tools.base_model]
    bases = {f"base model {r}": content_digest(find_base_model(r).path) for r in refs}
    return {**bases, "the code of the metrics": metric_code()}


def remember_made(candidates: Iterable[Candidate], tools: ToolContext) -> None:
    """Keep the fingerprint of each candidate's artifact, baselines among them."""
    for key in {tools.store.key_of(Path(c.folder)) for c in candidates}:
        if tools.ledger.kept(tools.run, f"made {key}") is None:
            tools.ledger.keep(tools.run, f"made {key}", tools.store.fingerprint(key))


def why_not_as_made(key: str, tools: ToolContext) -> str:
    """Say how an artifact differs from the one that was made; empty where it does not."""
    try:
        tools.store.verify(key)
    except StoreError as error:
        return str(error)
    kept = tools.ledger.kept(tools.run, f"made {key}")
    if kept is not None and kept != tools.store.fingerprint(key):
        return "its manifest was changed after it was made"
    return ""


def refuse_wrong_figures(
    name: str, said: Mapping[str, float], stats: Mapping[str, Any], metrics: Sequence[str]
) -> None:
    """Compute a model's figures anew from its answers' statistics.

    Raises:
        StoreError: They are not what the job said.
    """
    found = score(stats, metrics)
    for metric, value in found.items():
        told = said.get(metric)
        if told is None or not (
            math.isclose(told, value, rel_tol=CLOSE, abs_tol=CLOSE)
            or (math.isnan(told) and math.isnan(value))
        ):
            raise StoreError(
                f"{name}: {metric} {told} was reported, but its answers give {value}; {NEW_RUN}."
            )


def looks_at(rows: str, ledger: Ledger, opened: Mapping[str, str | None]) -> int:
    """How many runs of this workspace have opened a test split of these rows, this one included.

    Args:
        rows: Hash of all rows of the data, however they were split.
        opened: What opened the seal of each run; None where it is closed.
    """
    runs = [run for run, opener in opened.items() if opener is not None]
    return max(1, sum(ledger.kept(run, ROWS) == rows for run in runs))


def sidak(p_value: float, looks: int) -> float:
    """A p-value where the best of so many independent looks may have been chosen.

    Source: Šidák 1967.
    """
    return 1.0 - (1.0 - p_value) ** max(1, looks)
