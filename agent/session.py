"""Start, resume and look up runs: what the CLI and Python both use."""

from __future__ import annotations

import contextlib
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from ..evals.anomaly import ODD_METRICS
from ..evals.measures.robust import NAMES as ROBUST
from ..evals.metrics import METRICS, sliced_metric
from ..evals.result import RunResult, RunStory
from ..evals.slices import LEAST
from ..graphs.approval import Approve, Question, WaitingForPerson
from ..graphs.policy import read_policy
from ..memory.checkpoints import open_checkpointer
from ..memory.errors import StoreError
from ..memory.ledger import Ledger
from ..memory.redaction import redacted
from ..memory.strategies import Strategy
from ..memory.trail import Entry
from ..memory.workspace import Workspace, open_workspace
from ..tools.datasets.odd import ODD_TEST, read_odd
from ..tools.datasets.slices import judged
from ..tools.datasets.splits import make_splits, split_bytes, write_split
from ..tools.datasets.types import RawData, Split
from ..tools.facts import Facts
from ..tools.fusion.files import DOMAIN_FILE, read_files, write_domain
from ..tools.guardrails.masking import STAND_INS
from ..tools.guardrails.named import check_names
from ..tools.guardrails.network import guarded
from ..tools.guardrails.run_rows import guard_of
from ..tools.jobs.run import allow_jobs, interrupt_jobs
from ..tools.knowledge.check import check_strategies
from ..tools.reporting.html import restore_json
from ..tools.tasks import TASKS, find_task
from ..tools.training.base_model import base_models_in, find_base_model
from ..tools.training.score import ODD_FILE
from . import controllers
from .spec import RunSpec, SpecError
from .wiring import data_guard, hosts_of, make_context, read_rows, strategies_for

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

COPY_EVERY = 5.0  # seconds between copies of the ledger, made when a step has ended
OnEvent = Callable[[dict[str, Any]], None]


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


@dataclass(frozen=True)
class Run:
    """A run in its workspace."""

    name: str
    spec: RunSpec
    workspace: Workspace

    @property
    def folder(self) -> Path:
        """The run's own folder."""
        return self.workspace.run_folder(self.name)

    @property
    def out(self) -> Path:
        """Where model and report go."""
        return Path(self.spec.out) if self.spec.out else self.folder


def run_agent(
    spec: RunSpec, *, on_event: OnEvent | None = None, approve: Approve | None = None
) -> RunResult:
    """Run the agent on a dataset until its targets are met or cannot be.

    Args:
        spec: What to do.
        on_event: Called with each event (graphs/events.py) as a plain dict.
        approve: Asked before a costly step; without it every step goes on.

    Returns:
        The result; `result.met` says whether all targets held on the test split.

    Raises:
        UserError, TargetError, StoreError: The input is at fault.
        WaitingForPerson: A step needs a yes and `approve` is missing; `go_on` with it.
        KeyboardInterrupt: Interrupted; `go_on` goes on.
    """
    return go_on(create_run(plan_run(spec)), on_event=on_event, approve=approve)


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
    known = find_task(raw.task).metrics_of(raw.splits["train"])
    ood = Path(spec.ood) if spec.ood else None
    odd = read_odd(Path(spec.data), ood, raw.task, spec.text)
    if find_task(raw.task).robust and "spearman" not in known:
        known = (*known, *ROBUST)
    if odd:
        known = (*known, *ODD_METRICS)
    for target in spec.parsed_targets():
        if target.metric in ODD_METRICS and find_task(raw.task).spots_odd and not odd:
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


def create_run(plan: Plan) -> Run:
    """Make the run's folder and its place in the ledger.

    Raises:
        UserError, StoreError: A folder cannot be made.
    """
    spec = plan.spec.model_copy(update={"task": plan.raw.task})
    if spec.out is not None:
        spec = spec.model_copy(update={"out": str(_make_out(Path(spec.out)))})
    if spec.names:
        spec = spec.model_copy(update={"names": str(Path(spec.names).resolve())})
    if spec.rules:  # found again from wherever the run is resumed
        brought = tuple(str(Path(k).resolve()) for k in spec.rules)
        spec = spec.model_copy(update={"rules": brought})
    workspace = open_workspace(Path(spec.workspace))
    now = datetime.now(UTC)
    stem = Path(spec.data).resolve().stem
    name = workspace.new_run_name(stem, now.astimezone(), secrets.token_hex(8))
    run = Run(name, spec, workspace)
    ledger = Ledger(workspace.ledger)
    ledger.start_run(name, spec.model_dump(mode="json"))
    if plan.spec.task != plan.raw.task:
        ledger.keep(name, "inferred", plan.raw.guesses[0])
    ledger.set_limit(name, "seconds", spec.seconds())
    ledger.set_limit(name, "trials", spec.max_trials)
    ledger.set_limit(name, "tokens", spec.max_tokens)
    ledger.set_limit(name, "usd", spec.max_cost)
    ledger.set_limit(name, "gpu_seconds", spec.gpu_seconds())
    ledger.keep_copy()
    if plan.odd:
        odd = _guarded(plan.odd, run)
        write_split(run.folder / ODD_FILE, odd["validation"])
        ledger.keep(name, ODD_TEST, split_bytes(odd["test"]).decode())
    if spec.knowledge:
        write_domain(run.folder / DOMAIN_FILE, read_files([Path(f) for f in spec.knowledge]))
    (run.folder / "spec.yaml").write_text(spec_yaml(spec), encoding="utf-8")
    return run


def _guarded(odd: dict[str, Split], run: Run) -> dict[str, Split]:
    """Rows out of the domain, masked as the run's own will be; none is left out."""
    if run.spec.personal_data == "report":
        return odd
    masks, task = guard_of(data_guard(run)), find_task(str(run.spec.task))
    return {name: masks(task, split).split for name, split in odd.items()}


def find_run(name: str, workspace_folder: Path) -> Run:
    """Look a run up by its name or a unique beginning of it.

    Raises:
        StoreError: No such run.
    """
    if not workspace_folder.is_dir():
        raise StoreError(f"There is no workspace {workspace_folder}; name it with --workspace.")
    workspace = open_workspace(workspace_folder)
    folder = workspace.find_run(name)
    row = Ledger(workspace.ledger).run(folder.name)
    return Run(folder.name, RunSpec.model_validate(row.spec), workspace)


def go_on(
    run: Run, *, on_event: OnEvent | None = None, approve: Approve | None = None
) -> RunResult:
    """Start a run, or go on where it was left; a finished one just returns its result."""
    ledger = Ledger(run.workspace.ledger)
    tell = on_event or (lambda _: None)
    with _alone(run):
        ledger.take_run(run.name)
        row = ledger.run(run.name)
        if row.status == "finished" and row.result is not None:
            return RunResult.model_validate(row.result)
        with guarded(hosts_of(run.spec)):
            return _driven(run, ledger, tell, approve)


def _driven(run: Run, ledger: Ledger, tell: OnEvent, approve: Approve | None) -> RunResult:
    """Drive a run that is ours to its end, and note how it stands whatever happens."""
    ledger.release_open(run.name, include_own=True)
    if ledger.trail(run.name):
        _note(run, ledger, "resumed", "it went on from where it was left")

    def restored(text: str) -> None:
        ledger.note(run.name, text)
        tell({"kind": "restored", "text": text})

    try:
        with (
            _interruptible(),
            open_checkpointer(run.workspace.checkpoints, *_checkpointed(restored)) as saver,
        ):
            if saver.get_tuple(_thread(run)) is None and ledger.kept(run.name, "rows"):
                restored(
                    "There was no checkpoint to go on from: the run began anew, and finished jobs "
                    "were reused."
                )
            _stream(run, ledger, saver, tell, approve)
    except KeyboardInterrupt:
        ledger.set_status(run.name, "interrupted")
        _note(run, ledger, "paused", "a person or a signal paused it")
        raise
    except WaitingForPerson:
        ledger.set_status(run.name, "waiting")
        _note(run, ledger, "paused", "a step waits for a person's yes")
        raise
    except BaseException as error:
        with contextlib.suppress(Exception):
            ledger.set_status(run.name, "failed")
            _note(run, ledger, "paused", f"it failed: {type(error).__name__}: {error}"[:300])
        raise
    finally:
        with contextlib.suppress(StoreError):
            ledger.release_open(run.name, include_own=True)
    (run.folder / STAND_INS).unlink(missing_ok=True)  # nobody can look values up from here on
    ledger.keep_copy()
    done = ledger.run(run.name)
    if done.result is None:
        raise StoreError(
            f"run {run.name} ended without a result; resume it: tuneos resume {run.name}"
        )
    return RunResult.model_validate(done.result)


def _note(run: Run, ledger: Ledger, kind: Literal["paused", "resumed"], text: str) -> None:
    """Write into the trail that the run paused or went on."""
    with contextlib.suppress(StoreError):
        key = f"{kind}/{secrets.token_hex(4)}"
        ledger.log(run.name, key, Entry(kind=kind, by="tuneos", text=text))


_going: set[tuple[Path, str]] = set()


@contextmanager
def _alone(run: Run) -> Iterator[None]:
    """Refuse to drive a run that another thread of this process drives.

    Raises:
        StoreError: One does.
    """
    refuse_going(run)
    _going.add((run.workspace.root, run.name))
    try:
        yield
    finally:
        _going.discard((run.workspace.root, run.name))


def refuse_going(run: Run) -> None:
    """Refuse where a thread of this process drives the run.

    Raises:
        StoreError: One does.
    """
    if (run.workspace.root, run.name) in _going:
        raise StoreError(f"Run {run.name} is driven by another thread of this process.")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Make Ctrl-C end running jobs too; in other threads than the main one, do nothing."""
    allow_jobs()
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        interrupt_jobs()
        raise KeyboardInterrupt

    before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def read_story(run: Run) -> RunStory:
    """Read what the report shows.

    Raises:
        StoreError: The run has no report yet.
    """
    kept = Ledger(run.workspace.ledger).kept(run.name, "story")
    if kept is None:
        raise StoreError(f"run {run.name} has no report yet; go on with: tuneos resume {run.name}")
    story = RunStory.model_validate_json(kept)
    restore_json(story, run.out)
    return story


def _stream(
    run: Run,
    ledger: Ledger,
    saver: BaseCheckpointSaver[Any],
    on_event: OnEvent,
    approve: Approve | None,
) -> None:
    """Drive the graph, answering its questions, until it ends."""
    from langgraph.types import Command

    from ..graphs.build import build_graph
    from ..graphs.integrity import refuse_changed

    graph = build_graph(saver)
    config = _thread(run)
    context = make_context(run, ledger, ask=approve is not None)
    begun = bool(graph.get_state(config).values)
    if begun:
        refuse_changed(context.tools)
    copied = time.monotonic()
    given: Any = None if begun else {"messages": [], "facts": Facts(), "steps": []}
    while True:
        question: dict[str, Any] | None = None
        for mode, chunk in graph.stream(
            given, config, context=context, stream_mode=["custom", "updates"], durability="sync"
        ):
            if ledger.stop_asked(run.name):
                raise KeyboardInterrupt
            if mode == "custom":
                on_event(chunk)  # type: ignore[arg-type]
            elif isinstance(chunk, dict) and "__interrupt__" in chunk:
                question = chunk["__interrupt__"][0].value
            elif "judge" in chunk and time.monotonic() - copied > COPY_EVERY:
                ledger.keep_copy()
                copied = time.monotonic()
        if question is None:
            pending = [i.value for t in graph.get_state(config).tasks for i in t.interrupts]
            question = pending[0] if pending else None
        if question is None:
            return
        given = Command(resume=_answered(question, approve))


def _thread(run: Run) -> Any:
    """The thread of the graph that a run is."""
    return {"configurable": {"thread_id": run.name}, "recursion_limit": 10_000}


def _answered(question: dict[str, Any], approve: Approve | None) -> Any:
    """Ask; without anybody to ask, the run waits."""
    asked = Question.model_validate(question)
    if approve is None:
        raise WaitingForPerson(asked)
    said = approve(asked)
    return said if isinstance(said, bool) else said.model_dump()


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


def _make_out(folder: Path) -> Path:
    """Make the folder; its full path, so that `resume` from elsewhere finds it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(f"--out {folder}: cannot be made: {error.strerror}") from error
    return folder.resolve()


def spec_yaml(spec: RunSpec) -> str:
    """The run as a file."""
    import yaml

    said = redacted(spec.model_dump(mode="json", exclude_none=True))
    return str(yaml.safe_dump(said, sort_keys=False, allow_unicode=True))


def _checkpointed(
    restored: Callable[[str], None],
) -> tuple[tuple[type[BaseModel], ...], Callable[[str], None], tuple[str, ...]]:
    from ..graphs.state import CHECKPOINTED, GROWING

    return CHECKPOINTED, restored, GROWING
