"""What a run works with, put together from its spec: stores, base model, controller, limits."""

from __future__ import annotations

import contextlib
import json
import math
import shlex
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..evals.metrics import sliced_metric
from ..graphs.context import RunContext
from ..graphs.policy import read_policy
from ..memory.artifacts import ArtifactStore
from ..memory.errors import StoreError
from ..memory.ledger import Ledger
from ..memory.seal import Seals
from ..tools.datasets.licence import licence_of, plain_licence
from ..tools.datasets.types import RawData
from ..tools.estimate import kept_back
from ..tools.facts import Facts
from ..tools.fusion.files import DOMAIN_FILE
from ..tools.jobs.run import startup_seconds
from ..tools.tasks import TASKS, find_task
from ..tools.tool import ToolContext
from ..tools.training.base_model import find_base_model
from ..tools.training.hardware import cores
from ..tools.training.score import ODD_FILE
from . import controllers, hosted, planner
from .plan import knowledge_of, read_rows
from .runs import Run, data_guard
from .spec import RunSpec

if TYPE_CHECKING:
    from ..evals.targets import Target


def make_context(run: Run, ledger: Ledger, *, ask: bool) -> RunContext:
    """Put together what the nodes work with."""
    spec, workspace = run.spec, run.workspace
    bases = tuple((ref, find_base_model(ref).digest) for ref in spec.base_models)
    controller = controllers.find_controller(spec.llm, spec.llm_model)
    raw = cache(lambda: read_rows(spec))
    targets = spec.parsed_targets()
    task = spec.task or TASKS[0]

    def time_left() -> float | None:
        spent = ledger.spending(run.name).get("seconds")
        if spent is None or spent.limit is None:
            return None
        kept = kept_back(_rows(ledger, run.name), spent.limit)
        return max(0.0, spent.limit - spent.spent - spent.reserved - kept)

    def seconds_left() -> float | None:
        """What the budgets of time and of time on a GPU leave for tools."""
        gpu = ledger.left(run.name, "gpu_seconds")
        return min((x for x in (time_left(), gpu) if x is not None), default=None)

    def trials_left() -> int | None:
        left = ledger.left(run.name, "trials")
        return None if left is None else math.floor(left)

    tools = ToolContext(
        run=run.name,
        workspace=workspace,
        ledger=ledger,
        store=ArtifactStore(workspace.artifacts),
        knowledge=knowledge_of(
            spec,
            workspace.knowledge,
            lambda text: ledger.note(run.name, text),
            ledger,
            domain=run.folder / DOMAIN_FILE,
        ),
        task=task,
        base_model=bases[0][0],
        base_digest=bases[0][1],
        base_models=bases,
        metric=_metric(task, targets, raw),
        targets=targets,
        seed=spec.seed,
        workers=cores(),
        seconds_left=seconds_left,
        trials_left=trials_left,
        memory=not spec.no_memory,
        licence=plain_licence(spec.licence) if spec.licence else licence_of(Path(spec.data)),
        use=spec.use or "",
        domain_file=run.folder / DOMAIN_FILE,
        translators=spec.translators,
        odd_file=run.folder / ODD_FILE,
        guard=data_guard(run),
        clean=tuple(kind.replace("-", "_") for kind in spec.clean),
    )
    threading.Thread(target=_made_ready, args=(tools,), daemon=True).start()
    return RunContext(
        tools=tools,
        controller=controller.model,
        controller_name=controller.name,
        read=raw,
        seals=Seals(workspace.ledger),
        source=spec.data,
        started=ledger.run(run.name).started,
        command=command_of(spec),
        out=run.out,
        approval=spec.approve or ("ask" if ask else "auto"),
        policy=read_policy(Path(spec.policy) if spec.policy else None),
        fallback=controller.model if spec.llm is None else planner.Planner(),
        context_tokens=controller.context_tokens,
        price=spec.price(),
    )


def _made_ready(tools: ToolContext) -> None:
    """Compile the rules while the data is read: the first step need not wait for it."""
    with contextlib.suppress(StoreError):  # whoever asks for them meets it too
        tools.knowledge.judge()


def _metric(task: str, targets: Sequence[Target], raw: Callable[[], RawData]) -> str:
    """What training maximises; the rows are read only where no target says it."""
    from ..graphs.standing import primary_metric

    known = find_task(task).metrics
    if not any((sliced_metric(t.metric) or t.metric) in known for t in targets):
        known = find_task(task).metrics_of(raw().splits["train"])
    return primary_metric(targets, known)


def command_of(spec: RunSpec) -> str:
    """The command line that gives this run again."""
    words = ["tuneos", "run", spec.data]
    apart = {"data", "targets", "workspace", "out", "base_model"}
    apart |= {"translators", "knowledge", "rules", "allow_hosts", "clean", "slices"}
    for name, value in spec.model_dump(exclude=apart).items():
        if value is not None and value != RunSpec.model_fields[name].default:
            flag = f"--{name.replace('_', '-')}"
            words += [flag] if value is True else [flag, str(value)]
    if spec.base_model != RunSpec.model_fields["base_model"].default:
        for ref in spec.base_models:
            words += ["--base-model", ref]
    for file in spec.knowledge:
        words += ["--knowledge", file]
    for path in spec.rules:
        words += ["--rules", path]
    for ref in spec.translators:
        words += ["--translator", ref]
    for target in spec.targets:
        words += ["--target", target]
    for column in spec.slices:
        words += ["--slice", column]
    if spec.clean:
        words += ["--clean", ",".join(spec.clean)]
    for host in spec.allow_hosts:
        words += ["--allow-host", host]
    return shlex.join(words)


def hosts_of(spec: RunSpec) -> frozenset[str]:
    """The hosts that a run may reach: those allowed, and that of the LLM which was named."""
    own = hosted.hosts_of(spec.llm) if spec.llm is not None else frozenset()
    named = frozenset(spec.allow_hosts) | own
    return named | hosted.proxies() if named else named


def _rows(ledger: Ledger, run: str) -> Facts:
    """The sizes of the splits and the measured speed, for estimates, as far as they are known."""
    rows = ledger.kept(run, "rows")
    if rows is None:
        return Facts()
    return Facts(
        rows=json.loads(rows),
        frozen_seconds=float(ledger.kept(run, "speed") or 0.0),
        answer_seconds=float(ledger.kept(run, "answers") or 0.0),
        startup_seconds=startup_seconds(ledger, run),
    )
