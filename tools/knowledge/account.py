"""How a run went, read from the ledger alone: also of one that was killed."""

from __future__ import annotations

from ...evals.result import RunResult
from ...evals.targets import parse_target
from ...memory.ledger import Ledger
from ...memory.provenance import Account, ComparisonFacts, TargetFacts


def account_of(ledger: Ledger, run: str, result: RunResult | None = None) -> Account:
    """Put together what the ledger holds of a run.

    Args:
        result: Of a run that is just ending; the ledger's own where it has ended.

    Raises:
        StoreError: There is no such run, or its trail is damaged.
    """
    row = ledger.run(run)
    ending = result is not None
    if result is None and row.result is not None:
        result = RunResult.model_validate(row.result)
    entries = ledger.trail(run)
    prepared = next((e for e in entries if e.kind == "prepared"), None)
    step = next((e for e in entries if e.kind == "step"), None)
    spec = row.spec
    base = spec.get("base_model") or ""
    return Account(
        run=run,
        task=str(spec.get("task") or ""),
        status="finished" if ending else row.status,
        controller=step.by if step and step.by else "unknown controller",
        base_model=result.base_model if result else base if isinstance(base, str) else base[0],
        source=str(spec.get("data", "")).rstrip("/").rpartition("/")[2],
        seed=int(spec.get("seed") or 0),
        started=row.started,
        entries=entries,
        data_hash=prepared.data if prepared else "",
        ended=row.ended or "",
        targets=_targets(spec.get("targets") or (), result),
        budget={name: (s.limit, s.spent) for name, s in ledger.spending(run).items()},
        comparisons=tuple(
            ComparisonFacts(c.against, c.metric, c.difference, c.ci[0], c.ci[1], c.p_value)
            for c in (result.comparisons if result else ())
        ),
        changes=tuple({k: str(v) for k, v in c.items()} for c in ledger.changes(run)),
        chosen=(result.chosen if result else "") or "",
        whole=result is not None,
    )


def _targets(asked: object, result: RunResult | None) -> tuple[TargetFacts, ...]:
    if result is None:
        listed = [parse_target(str(t)) for t in asked] if isinstance(asked, (list, tuple)) else []
        return tuple(TargetFacts(t.metric, t.op, t.value) for t in listed)
    return tuple(
        TargetFacts(
            t.metric,
            t.op,
            t.value,
            t.validation,
            t.test,
            t.ci[0] if t.ci else None,
            t.ci[1] if t.ci else None,
            t.met,
        )
        for t in result.targets
    )
