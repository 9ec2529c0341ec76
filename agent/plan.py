"""What a run would be: everything checked, before anything is spent or written."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..evals.anomaly import ODD_METRICS
from ..evals.measures.robust import NAMES as ROBUST
from ..evals.metrics import METRICS, sliced_metric
from ..evals.slices import LEAST
from ..graphs.policy import read_policy
from ..memory.brought import read_brought
from ..memory.knowledge import RECIPES, KnowledgeGraph
from ..memory.ledger import Ledger
from ..memory.redaction import redacted
from ..memory.strategies import Strategy, strategies_in
from ..tools.datasets.odd import read_odd
from ..tools.datasets.read import read_data
from ..tools.datasets.slices import judged
from ..tools.datasets.splits import make_splits
from ..tools.datasets.types import RawData, Split
from ..tools.fusion.files import read_files
from ..tools.guardrails.named import check_names
from ..tools.guardrails.network import guarded
from ..tools.knowledge.check import check_strategies
from ..tools.tasks import TASKS, find_task
from ..tools.training.base_model import base_models_in, find_base_model
from . import controllers
from .spec import RunSpec, SpecError


@dataclass(frozen=True)
class Plan:
    """A run that is checked and ready to start; nothing was written yet.

    Attributes:
        raw: The data as read.
        rows: By split, missing ones as they will be made.
        odd: Rows out of the domain, for "validation" and "test", where some were given.
        strategies: What the knowledge graph has for the task, with what the spec brings.
    """

    spec: RunSpec
    raw: RawData
    rows: dict[str, int]
    strategies: tuple[Strategy, ...] = ()
    odd: dict[str, Split] = field(default_factory=dict)


def plan_run(spec: RunSpec) -> Plan:
    """Check everything that can be checked before anything is spent or written.

    Raises:
        UserError, TargetError: The input is at fault.
    """
    spec.parsed_targets()
    spec.seconds()
    spec.gpu_seconds()
    spec.price()
    read_policy(Path(spec.policy) if spec.policy else None)
    read_files([Path(file) for file in spec.knowledge])
    if spec.task is not None and spec.task not in TASKS:
        raise SpecError(f"--task {spec.task!r}: choose from {', '.join(TASKS)}")
    if spec.names is not None:
        if spec.personal_data is None:
            raise SpecError("--names: say what becomes of them, such as --personal-data mask")
        check_names(Path(spec.names))
    if spec.out is not None:
        _check_out(Path(spec.out))
    llm_model = controllers.check_controller(spec.llm, spec.llm_model)
    spec = spec.model_copy(update={"llm_model": llm_model})
    spec = spec.model_copy(update={"base_model": _bases(spec)})
    spec = spec.model_copy(update={"translators": _translators(spec)})
    with guarded(()):  # reading data needs nobody
        raw = read_rows(spec)
    task = find_task(raw.task)
    known = task.metrics_of(raw.splits["train"])
    ood = Path(spec.ood) if spec.ood else None
    odd = read_odd(Path(spec.data), ood, raw.task, spec.text)
    for split in odd.values():
        task.check_odd(raw.splits["train"], split)
    if task.robust and "spearman" not in known:
        known = (*known, *ROBUST)
    if odd:
        known = (*known, *ODD_METRICS)
    for target in spec.parsed_targets():
        if target.metric in ODD_METRICS and task.spots_odd and not odd:
            raise SpecError(
                f"target {target}: there are no rows to measure it on; give some that the model "
                "should not answer: --ood FILE, or ood.* in the data folder"
            )
        if (sliced_metric(target.metric) or target.metric) not in known and not METRICS[
            target.metric
        ].unit:
            raise SpecError(
                f"target {target}: {raw.task} does not measure {target.metric}; "
                f"choose from {', '.join(known)}"
            )
    splits = make_splits(raw, seed=spec.seed)
    _check_slices(spec, splits)
    strategies = strategies_for(spec, raw.task)
    check_strategies(strategies)
    return Plan(spec, raw, {name: len(split) for name, split in splits.items()}, strategies, odd)


def _check_slices(spec: RunSpec, splits: Mapping[str, Split]) -> None:
    """Refuse a target on the worst slice where no slice is large enough to be judged."""
    wanted = [t for t in spec.parsed_targets() if sliced_metric(t.metric)]
    for name in ("validation", "test"):
        if wanted and not judged(splits[name]):
            by = ", ".join(spec.slices) or "length and language"
            raise SpecError(
                f"target {wanted[0]}: no slice of {name} by {by} has {LEAST} rows or more; give "
                "more rows, or slice by another column: --slice COLUMN"
            )


def _translators(spec: RunSpec) -> tuple[str, ...]:
    """Refuse translators before anything is spent; folders with their full path."""
    if len(spec.translators) not in {0, 2}:
        raise SpecError(
            f"translators: {len(spec.translators)} given; name two models, one into another "
            "language and one back: --translator THERE --translator BACK"
        )
    if spec.translators:
        from ..tools.augment.translation import check_translator

        for ref in spec.translators:
            check_translator(ref)
    return tuple(
        str(Path(ref).resolve()) if Path(ref).is_dir() else ref for ref in spec.translators
    )


def _bases(spec: RunSpec) -> str | tuple[str, ...]:
    """Find every base model; folders that hold several are opened."""
    found = base_models_in(spec.base_models)
    for ref in found:
        find_base_model(ref)
    return found[0] if len(found) == 1 else found


def _check_out(folder: Path) -> None:
    """Refuse a folder that is in use; it is made when the run is."""
    if folder.is_file():
        raise SpecError(f"--out {folder}: is a file; name a new or empty folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise SpecError(f"--out {folder}: is already in use; name a new or empty folder")


def knowledge_of(
    spec: RunSpec,
    folder: Path,
    on_restore: Callable[[str], None] = lambda _: None,
    ledger: Ledger | None = None,
    domain: Path | None = None,
) -> KnowledgeGraph:
    """The workspace's knowledge graph with what the spec brings.

    Raises:
        BroughtError: What it brings cannot be used.
    """
    brought = read_brought(Path(k) for k in spec.rules) if spec.rules else None
    return KnowledgeGraph(
        folder, brought=brought, domain=domain, ledger=ledger, on_restore=on_restore
    )


def strategies_for(spec: RunSpec, task: str) -> tuple[Strategy, ...]:
    """What a run would have to try; the workspace is read only where it has a graph already.

    Raises:
        BroughtError: What the spec brings cannot be used.
    """
    folder = Path(spec.workspace) / "knowledge"
    if (folder / "store").is_dir():
        return knowledge_of(spec, folder).strategies(task)
    with tempfile.TemporaryDirectory(prefix="tuneos-") as made:
        return (
            knowledge_of(spec, Path(made)).strategies(task)
            if spec.rules
            else (strategies_in(RECIPES, task))
        )


def read_rows(spec: RunSpec) -> RawData:
    """Read the user's data as the spec describes it."""
    raw = read_data(
        Path(spec.data),
        task=spec.task,
        text=spec.text,
        label=spec.label,
        strict=spec.strict,
        slices=spec.slices,
    )
    return replace(raw, guesses=redacted(raw.guesses), oddities=redacted(raw.oddities))
